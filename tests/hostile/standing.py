"""What has to stand for a form to be shown: ideas to support and adopt, methods under review, drafts, reports, previews.

Each function builds one state through the services and gives who looks at which page of it.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.urls import reverse

from accounts.models import User
from accounts.selectors import actor_of
from carbon_portal.kernel import clock
from carbon_portal.kernel.services import paths
from credits import services as credits
from methodologies.constants import CreditAs
from methodologies.models import MethodologyVersion
from methodologies.selectors.local_values import local_url
from methodologies.services import adoption, forwarding, proposals
from tests import database
from tests.credits import cases, rewards
from tests.credits.revisions import previewed, publish
from tests.methodologies import review_world
from tests.methodologies.drafting import world as drafting
from tests.methodologies.ideas import proposal
from tests.methodologies.test_local_values import published
from tests.people import GUANGZHOU, PROVINCE, person_of
from tests.security.planted import Planted

Looks = Iterator[tuple[str, str]]


@contextmanager
def as_worker(name: str) -> Iterator[None]:
    """Workers make reports and previews; the pages are looked at as the web's role again."""
    database.point_django_at(name, paths.WORKER)
    try:
        yield
    finally:
        database.point_django_at(name)


#: By database: the two cities stand once for all tests of the folder, and so does what is added here.
_built: dict[str, list[tuple[str, str]]] = {}


def pages(planted: Planted) -> list[tuple[str, str]]:
    """Everybody who is to look, and where; built by the first who asks."""
    name = connections["default"].settings_dict["NAME"]
    if name not in _built:
        with as_worker(name):
            _built[name] = list(_build(planted))
    return _built[name]


def _build(planted: Planted) -> Looks:
    desk = review_world.build_desk(first=71)  # the experts before are others
    yield from an_idea_about_to_be_adopted(planted)
    yield from ideas_to_reward(planted)
    yield from a_draft_about_to_be_forwarded(planted)
    yield from a_method_open_for_comment(desk)
    yield from values_that_a_city_owes(desk)
    yield from a_report_to_put_on_file(planted)
    yield from recomputations_to_ask_for_and_to_decide(planted)


def an_idea_about_to_be_adopted(planted: Planted) -> Looks:
    """Shown since it was taken up, so that a neighbour may support it; an approver decides."""
    now, officer = clock.now(), _user(planted, "city_officer")
    found = proposal(_user(planted, "bob"), at=now, credit=proposals.Credit(CreditAs.PSEUDONYM, "种菜阿伯"))
    proposals.accept_proposal(proposal=found, actor=person_of(officer), note="", at=now)
    adoption.offer_adoption(
        proposal=found, actor=person_of(officer), role="city_officer", answer="我们采纳这条建议，正在起草方法学。",
        methodology=None, at=now,
    )  # fmt: skip
    yield "alice", reverse("methodologies:proposal", args=[found.number])
    yield "city_approver", reverse("methodologies:proposal-desk", args=[found.number])


def ideas_to_reward(planted: Planted) -> Looks:
    """Two that were adopted: one that nobody has rewarded, one whose reward waits for a decision."""
    now, sender = clock.now(), _user(planted, "alice")
    officer, approver = _user(planted, "city_officer"), _user(planted, "city_approver")
    credits.fund_pool(region=GUANGZHOU, sponsor=None, points=10_000, actor=None, at=now, key="hostile:rewards")
    plain, waiting = (rewards.adopted(sender, officer=officer, approver=approver, at=now) for _ in range(2))
    rewards.asked(waiting, officer=officer, at=now)
    yield "city_officer", reverse("credits:reward", args=[plain.number])
    yield "city_approver", reverse("credits:reward", args=[waiting.number])


def a_draft_about_to_be_forwarded(planted: Planted) -> Looks:
    """A draft that lacks nothing."""
    officer = _user(planted, "city_officer")
    draft = drafting.begun(officer, source=drafting.ready_text())
    forwarding.ask_to_forward(draft=draft, actor=actor_of(officer), shown_sha256=draft.sha256, at=clock.now())
    yield "city_approver", reverse("methodologies:draft", args=[draft.uuid])


def a_method_open_for_comment(desk: review_world.Desk) -> Looks:
    """Consultation runs since yesterday."""
    with review_world.beginning(clock.now() - dt.timedelta(days=9)):
        version = review_world.draft_version(edits=review_world.FAR)
        review_world.walk_to("public_comment", desk, version=version)
    yield "alice", reverse("methodologies:comments", args=[version.methodology_id, version.version])


def values_that_a_city_owes(desk: review_world.Desk) -> Looks:
    """A method for the whole province, by whose values Guangzhou goes so far."""
    with review_world.beginning(clock.now() - dt.timedelta(days=60)):
        version = published(desk)
    yield "city_officer", local_url(version, GUANGZHOU)


def a_report_to_put_on_file(planted: Planted) -> Looks:
    """A run of a stored version over the trips of a dozen people."""
    now = clock.now()
    trips = _final_trips(now)
    version = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP", version="1.0")
    made = credits.start_simulation(
        source=version.source, version=version, region=PROVINCE, first=min(trips), last=clock.local_date(now),
        by=person_of(_user(planted, "province_officer")).pk, at=now, announce=False,
    )  # fmt: skip
    assert credits.run_simulation(pk=made.pk)
    yield "province_officer", reverse("credits:simulation", args=[made.pk])


def recomputations_to_ask_for_and_to_decide(planted: Planted) -> Looks:
    """Two previews of the trips above; the decision about one is asked for."""
    officer = person_of(_user(planted, "province_officer"))
    version = publish("1.1", ('value: "', 'value: "1'))
    chosen: dict[str, Any] = {"first": dt.date(2025, 1, 1), "last": clock.today(), "actor": officer.pk}
    ready, waiting = (previewed(version, "top_up", **chosen) for _ in range(2))
    credits.request_decision(job=waiting, actor=officer.pk, at=clock.now())
    yield "province_officer", reverse("credits:recomputation", args=[ready.uuid])
    yield "province_approver", reverse("credits:recomputation", args=[waiting.uuid])


def _final_trips(now: dt.datetime) -> list[dt.date]:
    """Three trips each of a dozen people of Foshan, all final; the days on which they were."""
    days = [clock.local_date(now) - dt.timedelta(days=10 + number) for number in range(3)]
    people = [cases.resident() for _ in range(12)]
    cases.records(*[{"participant": one, "on": day, "evidence": "feed"} for one in people for day in days])
    credits.quantify_pending(at=now, until_empty=True)
    credits.close_windows(at=now)
    return days


def _user(planted: Planted, actor: str) -> User:
    found = planted.users[actor]
    assert found is not None
    return found
