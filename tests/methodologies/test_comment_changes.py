"""The response table: comment → reply → what was changed, as a real comparison of the two texts."""

import pytest
from django.urls import reverse

from methodologies import services
from methodologies.models import Draft, MethodologyVersion
from tests.methodologies import review_world as world
from tests.methodologies.review_world import Desk, day, uid
from tests.people import person_of
from tests.security.world import browser

pytestmark = pytest.mark.django_db

CHANGES = (('value: "46.7"', 'value: "45.1"'),)


@pytest.fixture
def desk() -> Desk:
    services.sync_library(at=world.AT)
    return world.build_desk()


def comments_page(version: MethodologyVersion) -> str:
    url = reverse("methodologies:comments", args=[version.methodology_id, version.version])
    return browser(None).get(url).content.decode()


def change_page(version: MethodologyVersion, pk: int) -> str:
    url = reverse("methodologies:comment-change", args=[version.methodology_id, version.version, pk])
    return browser(None).get(url).content.decode()


def test_a_reply_leads_to_what_was_changed_for_it(desk: Desk) -> None:
    version = world.walk_to("public_comment", desk)
    comment = world.consulted_again(version, desk, edits=CHANGES)
    url = reverse("methodologies:comment-change", args=[version.methodology_id, version.version, comment.pk])
    assert url in comments_page(version)
    page = change_page(version, comment.pk)
    assert "46.7" in page
    assert "45.1" in page
    assert "公式没有改动" in page
    assert "系数偏高。" in page


def test_a_formula_that_no_reply_speaks_of_is_pointed_out(desk: Desk) -> None:
    version = world.walk_to("public_comment", desk)
    line = "reduction: distance * saving_per_km"
    comment = world.consulted_again(version, desk, edits=((line, f"{line} / 2"),))
    assert "修订说明没有提到" in change_page(version, comment.pk)


def test_where_nothing_was_changed_the_table_says_so(desk: Desk) -> None:
    version = world.walk_to("public_comment", desk)
    comment = services.make_comment(version=version, person=person_of(desk.resident), text="很好。", at=day(9))
    assert "文本无改动" not in comments_page(version)  # not answered yet
    services.reply_to_comment(comment=comment, person=uid(desk.officer), outcome="explained", text="谢谢。", at=day(10))
    for page in (comments_page(version), change_page(version, comment.pk)):
        assert "文本无改动" in page
    assert "逐条对照改动" not in comments_page(version)


def test_a_text_that_was_not_kept_is_not_made_up(desk: Desk) -> None:
    version = world.walk_to("public_comment", desk)
    comment = world.consulted_again(version, desk, edits=CHANGES)
    other = world.draft_version(code="GZ-OTHER", activity="other_review")
    Draft.objects.update(version=other)
    for page in (comments_page(version), change_page(version, comment.pk)):
        assert "没有留存" in page


def test_a_comment_of_another_version_and_a_missing_one_are_the_same(desk: Desk) -> None:
    version = world.walk_to("public_comment", desk)
    comment = services.make_comment(version=version, person=person_of(desk.resident), text="很好。", at=day(9))
    for code, pk in (("GD-METRO-TRIP", comment.pk), (version.methodology_id, 2**31 - 1), ("NO-SUCH", comment.pk)):
        url = reverse("methodologies:comment-change", args=[code, "1.0", pk])
        assert browser(None).get(url).status_code == 404
