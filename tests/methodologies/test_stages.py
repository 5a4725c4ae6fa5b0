"""The order of steps, held by the service and by the database; the status line that everybody may read."""

import datetime as dt
import uuid

import pytest
from django.db import DatabaseError, transaction

from carbon_portal.kernel.models import AuditEvent
from methodologies import selectors, services
from methodologies.constants import NEXT_STAGES, STATE_OF_STAGE, StageState
from methodologies.errors import NotThisContent, WrongStage
from methodologies.models import MethodologyVersion, SimulationOnFile, Stage

from .review_world import AT, draft_version

pytestmark = pytest.mark.django_db
PATH = ("submitted", "in_review", "expert_review", "joint_signing", "public_comment", "approved", "published")
WHO = uuid.UUID(int=7)


def walk(version, upto, at=AT):
    for step in PATH[: PATH.index(upto) + 1]:
        services.enter(version=version, state=step, at=at, actor=WHO, role="province_officer")
    return version


def test_a_version_walks_step_by_step_and_each_is_written_with_its_audit():
    version = draft_version()
    # The last two need more than an order (an approval of the text): their tests are in test_review.py.
    walk(version, "public_comment")
    assert [stage.state for stage in selectors.stages(version)] == list(PATH[:-2])
    assert {stage.content_sha256 for stage in selectors.stages(version)} == {version.sha256}
    assert version.state == MethodologyVersion.objects.get(pk=version.pk).state == "public_comment"
    verbs = AuditEvent.objects.filter(target=f"methodology:{version}").order_by("id").values_list("verb", "actor")
    assert list(verbs) == [(f"methodology.{step}", WHO) for step in PATH[:-2]]


@pytest.mark.parametrize("now", ["draft", "submitted", "in_review", "expert_review", "joint_signing", "public_comment"])
def test_a_step_out_of_order_is_refused_with_a_sentence_and_changes_nothing(now):
    version = draft_version()
    if now != "draft":
        walk(version, now)
    before = Stage.objects.count()
    for wanted in set(StageState.values) - set(NEXT_STAGES[now]) - {"draft"}:
        with pytest.raises(WrongStage, match="reload the page") as refused:
            services.enter(version=version, state=wanted, at=AT, note="x")
        assert str(StageState(wanted).label) in refused.value.detail
    assert Stage.objects.count() == before
    assert MethodologyVersion.objects.get(pk=version.pk).state == STATE_OF_STAGE[now]


def test_the_database_refuses_a_stage_out_of_order_or_of_another_text():
    version = walk(draft_version(), "submitted")
    right = {"version": version, "at": AT, "content_sha256": version.sha256}
    for wrong in (
        {"state": "in_review"},  # the version's own state was not changed
        {"state": "submitted"},  # twice
        {"state": "submitted", "content_sha256": "0" * 64},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            Stage.objects.create(**{**right, **wrong})
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Stage.objects.filter(version=version).update(note="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        Stage.objects.filter(version=version).delete()


def test_a_return_needs_its_reason_and_leads_back_to_the_author():
    version = walk(draft_version(), "in_review")
    with pytest.raises(DatabaseError, match="stage_return_says_why"), transaction.atomic():
        services.enter(version=version, state="returned", at=AT)
    version.refresh_from_db()
    services.enter(version=version, state="returned", at=AT, note="缺 1 项：测算示例。")
    assert version.state == "draft"
    line = selectors.status_line(version, today=dt.date(2026, 11, 20))
    assert [step.state for step in line] == ["under_way"] + ["waiting"] * 7
    assert line[0].note == "缺 1 项：测算示例。"
    services.enter(version=version, state="submitted", at=AT)
    assert selectors.status_line(version)[1].done


def test_the_status_line_shows_dates_the_due_day_and_overdue_working_days():
    version = walk(draft_version(), "submitted")
    line = selectors.status_line(version, today=dt.date(2026, 11, 27))
    assert [step.title for step in line] == [
        "市级起草", "市级报送", "省级受理", "专家论证", "会签", "公示", "审定", "全省推广",
    ]  # fmt: skip
    assert [step.state for step in line] == ["done", "done", "under_way"] + ["waiting"] * 5
    assert line[1].finished_on == dt.date(2026, 11, 20)
    assert (line[2].due_on, line[2].overdue) == (dt.date(2026, 11, 27), 0)  # five working days
    # Saturday and Sunday do not count, Tuesday is the second working day after.
    overdue = [selectors.status_line(version, today=dt.date(2026, *day))[2].overdue for day in ((11, 29), (12, 1))]
    assert overdue == [0, 2]


def test_a_comment_period_that_has_ended_leaves_the_decision_due():
    version = walk(draft_version(), "public_comment")
    open_, closed = (
        selectors.status_line(version, today=day) for day in (dt.date(2026, 12, 20), dt.date(2026, 12, 21))
    )
    assert (open_[5].state, open_[5].due_on) == ("under_way", dt.date(2026, 12, 20))
    assert (closed[5].state, closed[6].state) == ("done", "under_way")
    assert closed[6].due_on is not None
    assert closed[6].estimated  # in 2027, whose holidays nobody has ordered yet


def test_a_shipped_version_has_walked_no_steps():
    services.sync_library(at=AT)
    version = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    assert selectors.status_line(version) == []


def test_a_draft_of_the_province_is_called_so():
    version = draft_version(code="GD-METRO-REVIEW", region="440000")
    assert selectors.status_line(version)[0].title == "省级起草"


def test_a_simulation_counts_for_the_content_that_was_run():
    version = walk(draft_version(), "submitted")
    report = uuid.uuid4()
    fields = {"version": version, "report_uid": report, "summary": {"grams": 1}, "by": WHO, "at": AT}
    with pytest.raises(NotThisContent):
        services.file_simulation(**fields, sha256="0" * 64)
    filed = services.file_simulation(**fields, sha256=version.sha256)
    assert services.file_simulation(**fields, sha256=version.sha256) == filed
    assert SimulationOnFile.objects.count() == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        SimulationOnFile.objects.all().delete()
