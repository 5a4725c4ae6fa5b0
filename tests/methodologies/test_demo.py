"""What the demo shows of the way of methods: each page of it has something to show, and all of it came by the services."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, User
from accounts.selectors import actor_of
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.services import paths
from carbon_portal.workflows.demo.endings import ENDINGS, seed_endings
from carbon_portal.workflows.demo.feeds import seed_feeds
from carbon_portal.workflows.demo.people import Cast, seed_people
from carbon_portal.workflows.demo.reviews import CONSULTED, WISH, seed_reviews
from carbon_portal.workflows.demo.revisions import CODE, NEW, seed_revision
from carbon_portal.workflows.verify.run import run
from credits import services as credits
from credits.models import Reduction
from methodologies import selectors, services
from methodologies.models import MethodologyVersion, PublicComment
from methodologies.selectors import local_values, maturity, review
from tests import database


def _cast(now: dt.datetime, population: int) -> Cast:
    services.sync_library(at=now - dt.timedelta(days=400))
    return seed_people(at=now - dt.timedelta(days=400), passwords={}, population=population)


def _page(name: str, *args: object, query: str = "") -> str:
    answer = Client().get(reverse(f"methodologies:{name}", args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.django_db
def test_one_is_open_for_comment_again_after_a_comment_and_one_was_returned() -> None:
    now = clock.now()
    cast = _cast(now, 3)
    assert (seed_reviews(cast, now=now), seed_reviews(cast, now=now)) == (2, 0)
    consulted = MethodologyVersion.objects.get(methodology_id=CONSULTED)
    assert [str(one) for one in review.open_consultations(today=clock.today())] == [f"{CONSULTED}@1.0"]
    assert (review.vote_of(consulted).counted, review.unanswered(consulted)) == (2, 2)
    wish = PublicComment.objects.get(text=WISH)
    changed = _page("comment-change", CONSULTED, "1.0", wish.pk)
    assert "定位中断的" in changed
    assert "公式没有改动" in changed
    assert reverse("methodologies:comment-change", args=[CONSULTED, "1.0", wish.pk]) in _page(
        "comments", CONSULTED, "1.0"
    )
    returned = MethodologyVersion.objects.get(methodology_id="ZS-CLOTHES-DEMO")
    assert selectors.stages(returned)[-1].note == "缺 1 项：额外性。请说明与生活垃圾分类要求的关系。"


def _year(now: dt.datetime) -> Cast:
    """A handful of people with a year of records."""
    cast = _cast(now, 120)
    credits.set_points_rule(num=1, den=100, effective_from=dt.date(2015, 7, 1), source="演示规则", at=now)
    credits.fund_pool(region=regions.PROVINCE, sponsor=None, points=5_000_000, actor=None, at=now, key="demo")

    def quantify(at: dt.datetime) -> None:
        credits.quantify_pending(at=at, until_empty=True)
        credits.close_windows(at=at)

    assert seed_feeds(cast, now=now, records=900, quantify=quantify) == 900
    return cast


def test_a_method_has_two_published_versions_cities_owe_values_and_users_have_messages(own_database) -> None:
    now = clock.now()
    database.point_django_at(own_database, paths.WORKER)  # as seed_demo runs
    cast = _year(now)
    before = _figures()
    assert (seed_revision(cast, now=now), seed_revision(cast, now=now)) == (1, 0)
    old, new = (MethodologyVersion.objects.get(methodology_id=CODE, version=one) for one in ("1.0", NEW))
    assert (old.state, new.state, old.successor) == ("superseded", "published", new)
    assert new.effective_from > clock.today()  # its notice runs
    assert not selectors.program_for(new).document.certifiable
    compared = _page("compare", CODE)
    assert "示例数据" in compared
    for word in ("公式没有改动", "3500", "3000", "空置的认定"):
        assert word in compared
    officer = User.objects.get(username="gz-officer")
    owed = list(local_values.work_items(actor_of(officer), now))
    assert [one.url for one in owed] == [local_values.local_url(new, "440100")]
    assert "沿用省级数值" in _page("local", CODE, NEW, query="?city=440100")
    assert Notification.objects.filter(person=officer.person_id, kind="local_values").count() == 1

    told = seed_endings(cast, now=now)
    assert (told > 0, seed_endings(cast, now=now)) == (True, 0)
    mine = Notification.objects.filter(person=cast.residents[0].person_id, kind="method").order_by("created_at")
    assert [one.read_at is None for one in mine] == [False, True]
    for ending in ENDINGS:
        assert "停用" in _page("version", ending.code, "1.0")
    applying = maturity.maturity_list(on=clock.today())
    assert {"1.0"} == {one.version.version for one in applying if one.version.methodology_id == CODE}
    assert len(applying) == 16  # a notice that runs takes none of the library's methods off the list
    assert _figures() == before
    assert {one.id: one.offenders for one in run() if one.count} == {}


def _figures() -> tuple[int, int]:
    return BehaviorRecord.objects.count(), Reduction.objects.count()
