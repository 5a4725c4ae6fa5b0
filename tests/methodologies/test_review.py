"""From the city's forwarding to publication: what each step asks for, and what it refuses, sentence by sentence."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from carbon_portal.kernel import approvals
from carbon_portal.kernel.errors import Forbidden, InvalidInput
from carbon_portal.kernel.models import Approval, AuditEvent
from methodologies import errors, selectors, services
from methodologies.constants import APPROVE_KIND, CHECKLIST, WITHDRAW_KIND
from methodologies.models import (
    Acceptance,
    CommentReply,
    Declaration,
    JointRequest,
    Methodology,
    MethodologyVersion,
    Opinion,
    Publication,
    PublicComment,
    Stage,
)
from methodologies.selectors import review
from tests.people import person_of

from . import review_world as world
from .review_world import COMPLETE, FAR, day, uid

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    services.sync_library(at=world.day(-400))
    return world.build_desk()


# -- 省级受理 ----------------------------------------------------------------------------------------------------------


def test_what_is_incomplete_is_not_accepted_and_goes_back_with_the_list(desk):
    version = world.walk_to("submitted", desk)
    checked = {**COMPLETE, "examples": False}
    fields = {"version": version, "person": uid(desk.officer), "shown_sha256": version.sha256, "at": day(1)}
    with pytest.raises(errors.ChecklistIncomplete) as refused:
        services.check_completeness(**fields, checklist=checked, accept=True)
    assert refused.value.detail == "缺 1 项：测算示例。不能受理，可一键退回并附清单。"
    assert not Acceptance.objects.exists()
    services.check_completeness(**fields, checklist=checked, accept=False)
    version.refresh_from_db()
    assert version.state == "draft"
    assert selectors.stages(version)[-1].note == "缺 1 项：测算示例。"
    assert Acceptance.objects.get().checklist["examples"] is False


def test_each_item_of_the_checklist_is_needed(desk):
    version = world.walk_to("submitted", desk)
    for item in CHECKLIST:
        with pytest.raises(errors.ChecklistIncomplete):
            services.check_completeness(
                version=version, person=uid(desk.officer), shown_sha256=version.sha256,
                checklist={**COMPLETE, item: False}, accept=True, at=day(1),
            )  # fmt: skip
    assert {"inclusive", "quantifiable", "additional", "no_double_claim"} <= set(CHECKLIST)


def test_only_the_provinces_officer_accepts(desk):
    version = world.walk_to("submitted", desk)
    for user in (desk.approver, desk.city_officer, desk.experts[0], desk.resident):
        with pytest.raises(Forbidden):
            services.check_completeness(
                version=version,
                person=uid(user),
                shown_sha256=version.sha256,
                checklist=COMPLETE,
                accept=True,
                at=day(1),
            )


def test_two_officers_with_the_same_page_the_second_is_told(desk):
    version = world.walk_to("in_review", desk)
    with pytest.raises(errors.WrongStage, match="colleague"):
        services.check_completeness(
            version=version,
            person=uid(desk.officer),
            shown_sha256=version.sha256,
            checklist=COMPLETE,
            accept=True,
            at=day(1),
        )


# -- 专家论证 ----------------------------------------------------------------------------------------------------------


def test_no_opinion_without_a_declaration(desk):
    version = world.walk_to("expert_review", desk)
    expert = desk.experts[0]
    fields = {
        "version": version,
        "person": uid(expert),
        "shown_sha256": version.sha256,
        "verdict": "agree",
        "text": "好",
        "at": day(3),
    }
    with pytest.raises(errors.DeclarationFirst) as refused:
        services.give_opinion(**fields)
    assert "先声明" in refused.value.detail
    services.declare_interest(version=version, person=uid(expert), conflicted=False, at=day(3))
    made = services.give_opinion(**fields)
    assert made.content_sha256 == version.sha256
    assert len(made.signature) == 64
    for again in (services.give_opinion, services.declare_interest):
        with pytest.raises(errors.AlreadySaid):
            again(
                **(
                    fields
                    if again is services.give_opinion
                    else {"version": version, "person": uid(expert), "conflicted": True, "statement": "x", "at": day(3)}
                )
            )
    assert (Opinion.objects.count(), Declaration.objects.count()) == (1, 1)


def test_who_has_a_conflict_is_heard_and_does_not_count(desk):
    version = world.walk_to("expert_review", desk)
    world.opinion(version, desk.experts[0])
    world.opinion(version, desk.experts[1], conflict="与申报单位有合作")
    vote = review.vote_of(version)
    assert (vote.counted, vote.agree, vote.conflicted, vote.silent) == (1, 1, 1, 1)
    ask = {"version": version, "person": uid(desk.officer), "shown_sha256": version.sha256, "at": day(5)}
    with pytest.raises(errors.ExpertsNotEnough):
        services.ask_departments(**ask)
    world.opinion(version, desk.experts[2], verdict="disagree")
    with pytest.raises(errors.ExpertsAgainst):  # one of two is no majority
        services.ask_departments(**ask)


def test_a_conflict_is_told_in_words(desk):
    version = world.walk_to("expert_review", desk)
    with pytest.raises(InvalidInput):
        services.declare_interest(version=version, person=uid(desk.experts[0]), conflicted=True, at=day(3))


def test_who_is_not_invited_or_is_the_author_does_not_review(desk):
    version = world.walk_to("in_review", desk)
    ask = {"version": version, "person": uid(desk.officer), "shown_sha256": version.sha256, "at": day(2)}
    with pytest.raises(errors.ExpertIsAuthor):
        services.invite_experts(**ask, experts=[person_of(desk.city_officer)])
    with pytest.raises(InvalidInput):
        services.invite_experts(**ask, experts=[person_of(desk.resident)])
    services.invite_experts(**ask, experts=[person_of(desk.experts[0])])
    with pytest.raises(errors.NotInvited):
        services.declare_interest(version=version, person=uid(desk.experts[1]), conflicted=False, at=day(3))
    services.invite_experts(**ask, experts=[person_of(one) for one in desk.experts[:2]])
    assert review.vote_of(version).silent == 2


def test_an_opinion_on_another_text_is_refused_by_service_and_database(desk):
    version = world.walk_to("expert_review", desk)
    expert = desk.experts[0]
    declared = services.declare_interest(version=version, person=uid(expert), conflicted=False, at=day(3))
    with pytest.raises(errors.NotThisContent):
        services.give_opinion(
            version=version, person=uid(expert), shown_sha256="0" * 64, verdict="agree", text="好", at=day(3)
        )
    with pytest.raises(DatabaseError, match="not the one that was read"), transaction.atomic():
        Opinion.objects.create(
            declaration=declared, verdict="agree", text="好", at=day(3), content_sha256="0" * 64, signature="0" * 64
        )


# -- 会签 --------------------------------------------------------------------------------------------------------------


def test_departments_are_asked_by_sector_and_silence_stays_silence(desk):
    version = world.walk_to("joint_signing", desk)
    asked = review.joint_requests(version)
    assert [one.department for one in asked] == ["ecology", "transport"]
    assert all(one.organisation for one in asked)
    world.answer(version, desk, "ecology")
    go_on = {"version": version, "person": uid(desk.officer), "shown_sha256": version.sha256}
    with pytest.raises(errors.DepartmentsWaiting) as refused:
        services.open_comments(**go_on, at=day(7))
    assert "不视为同意" in refused.value.detail
    silent = asked[1]
    services.remind_department(request=silent, person=uid(desk.officer), at=day(7))
    services.open_comments(**go_on, at=day(30))  # after the term
    again = {one.department: one for one in review.joint_requests(version)}
    assert not hasattr(again["transport"], "answer")
    assert len(again["transport"].reminders.all()) == 1
    with pytest.raises(errors.WrongStage):
        world.answer(version, desk, "transport")


def test_an_objection_needs_words_about_what_became_of_it(desk):
    version = world.walk_to("joint_signing", desk)
    with pytest.raises(InvalidInput):
        world.answer(version, desk, "ecology", verdict="object")
    world.answer(version, desk, "ecology", verdict="object", text="排放因子偏高。")
    world.answer(version, desk, "transport")
    go_on = {"version": version, "person": uid(desk.officer), "shown_sha256": version.sha256, "at": day(8)}
    with pytest.raises(errors.ObjectionNeedsNote):
        services.open_comments(**go_on)
    services.open_comments(**go_on, note="已按意见改用 2023 年因子。")


def test_a_department_answers_for_itself_once_and_a_letter_is_entered_with_its_number(desk):
    version = world.walk_to("joint_signing", desk)
    request = JointRequest.objects.get(stage__version=version, department="ecology")
    fields = {"request": request, "shown_sha256": version.sha256, "verdict": "agree", "at": day(6)}
    with pytest.raises(Forbidden):
        services.answer_jointly(**fields, person=person_of(desk.departments["transport"]))
    with pytest.raises(InvalidInput):
        services.answer_jointly(**fields, person=person_of(desk.officer))
    services.answer_jointly(**fields, person=person_of(desk.officer), letter="示例函〔2026〕1 号")
    with pytest.raises(errors.AlreadySaid):
        services.answer_jointly(**fields, person=person_of(desk.departments["ecology"]))
    with pytest.raises(errors.AlreadySaid):
        services.remind_department(request=request, person=uid(desk.officer), at=day(6))


# -- 公示 --------------------------------------------------------------------------------------------------------------


def comment(version, desk, text="希望说明换乘怎么算。", at=None):
    return services.make_comment(version=version, person=person_of(desk.resident), text=text, at=at or day(9))


def test_a_comment_has_a_number_is_answered_once_and_said_twice_is_one(desk):
    version = world.walk_to("public_comment", desk)
    made = comment(version, desk)
    assert made.number == f"GS2026-{made.pk:06d}"
    assert comment(version, desk).pk == made.pk
    reply = {"comment": made, "person": uid(desk.officer), "outcome": "adopted", "text": "已采纳。", "at": day(10)}
    with pytest.raises(InvalidInput):
        services.reply_to_comment(**reply)
    services.reply_to_comment(**reply, change="第 6 章加写换乘的算法。")
    with pytest.raises(errors.AlreadySaid):
        services.reply_to_comment(**reply, change="x")
    assert CommentReply.objects.count() == 1


def test_comments_only_while_the_period_runs(desk):
    version = world.walk_to("joint_signing", desk)
    with pytest.raises(errors.CommentsClosed):
        comment(version, desk)
    draft = world.draft_version(code="GZ-OTHER", activity="other", edits=FAR)
    world.walk_to("public_comment", desk, version=draft)
    comment(draft, desk, at=day(38))
    with pytest.raises(errors.CommentsClosed):
        comment(draft, desk, "晚了", at=day(39))
    with pytest.raises(InvalidInput):
        comment(draft, desk, " ")
    with pytest.raises(InvalidInput):
        comment(draft, desk, "长" * 2001)


# -- 审定: the gates ---------------------------------------------------------------------------------------------------


def ready(desk, **changes):
    version = world.walk_to("public_comment", desk, **changes)
    world.file_simulation(version, desk)
    return version


def test_no_approval_before_the_comments_are_over_and_answered(desk):
    version = ready(desk)
    made = [comment(version, desk, f"意见 {number}") for number in range(3)]
    with pytest.raises(errors.CommentsStillOpen):
        world.ask_approval(version, desk, at=day(38))
    with pytest.raises(errors.CommentsUnanswered) as refused:
        world.ask_approval(version, desk, at=day(39))
    assert refused.value.detail.startswith("还有 3 条意见未答复，不能审定。")
    for one in made:
        services.reply_to_comment(
            comment=one, person=uid(desk.officer), outcome="explained", text="见第 3 章。", at=day(39)
        )
    world.ask_approval(version, desk, at=day(39))


def test_no_approval_without_a_simulation_of_this_text(desk):
    version = world.walk_to("public_comment", desk)
    with pytest.raises(errors.SimulationMissing):
        world.ask_approval(version, desk, at=day(39))


def test_no_approval_with_a_value_past_its_best_before(desk):
    best = "best_before: 2025-06-30"
    text = world.METRO.read_text(encoding="utf-8")
    old = next(word for word in text.split("\n") if "best_before" in word).split("best_before: ")[1][:10]
    version = ready(desk, edits=(*FAR, (f"best_before: {old}", best)))
    with pytest.raises(errors.ValuesExpired, match="saving_per_km"):
        world.ask_approval(version, desk, at=day(39))


def test_sample_figures_only_in_the_demo(desk):
    version = ready(desk)
    with override_settings(DEMO=False), pytest.raises(errors.SampleValues, match="saving_per_km"):
        world.ask_approval(version, desk, at=day(39))
    world.ask_approval(version, desk, at=day(39))


@pytest.mark.parametrize("confidence", ["press", "register", "derived", "memory"])
def test_what_may_be_certified_stands_on_official_values(desk, confidence):
    weak = (("certifiable: false", "certifiable: true"), ("confidence: sample", f"confidence: {confidence}"))
    version = ready(desk, edits=(*FAR, *weak))
    with pytest.raises(errors.ValuesNotOfficial, match="saving_per_km"):
        world.ask_approval(version, desk, at=day(39))


def test_a_certifiable_sample_is_approved_in_the_demo(desk):
    version = ready(desk, edits=(*FAR, ("certifiable: false", "certifiable: true")))
    world.ask_approval(version, desk, at=day(39))


def test_no_approval_of_what_could_not_be_announced_in_time(desk):
    version = ready(desk, edits=(("effective_from: 2025-01-01", "effective_from: 2027-01-15"),))
    with pytest.raises(errors.NoticeTooShort) as refused:
        world.ask_approval(version, desk, at=day(39))
    assert refused.value.detail.startswith(
        "生效日期须晚于公布 30 天（规则 3.2）。文件写的是 2027-01-15，最早 2027-01-28。"
    )


def decide(version, request, user, *, approved=True, shown="", note="", at=None):
    return services.decide_version(
        request=request, version=version, person=uid(user), shown_sha256=shown or version.sha256, approved=approved,
        note=note, at=at or day(40),
    )  # fmt: skip


def test_authors_and_experts_do_not_approve_whatever_roles_they_hold(desk):
    from accounts import services as accounts
    from accounts.constants import Role

    version = ready(desk)
    request = world.ask_approval(version, desk, at=day(39))
    for user in (desk.city_officer, desk.experts[0], desk.officer):
        accounts.grant_role(person=person_of(user), role=Role.PROVINCE_APPROVER, region="440000", at=world.OPENED_AT)
    with pytest.raises(errors.AuthorApproves) as refused:
        decide(version, request, desk.city_officer)
    assert refused.value.detail == "您是起草人之一，不能审定。请由另一位审定人操作。"
    for user in (desk.experts[0], desk.officer, desk.resident):
        with pytest.raises(approvals.ApprovalRefused):
            decide(version, request, user)
    assert MethodologyVersion.objects.get(pk=version.pk).state == "public_comment"


def test_a_stale_page_does_not_decide(desk):
    version = ready(desk)
    request = world.ask_approval(version, desk, at=day(39))
    with pytest.raises(approvals.ApprovalRefused) as refused:
        decide(version, request, desk.approver, shown="0" * 64)
    assert refused.value.code
    assert MethodologyVersion.objects.get(pk=version.pk).state == "public_comment"


def test_a_comment_cannot_slip_in_between_request_and_decision(desk):
    version = ready(desk)
    made = comment(version, desk)
    services.reply_to_comment(comment=made, person=uid(desk.officer), outcome="explained", text="好。", at=day(10))
    request = world.ask_approval(version, desk, at=day(39))
    with pytest.raises(errors.CommentsClosed):
        comment(version, desk, "又一条", at=day(39))
    decide(version, request, desk.approver)


def test_a_refused_decision_returns_the_text_with_the_reason(desk):
    version = ready(desk)
    request = world.ask_approval(version, desk, at=day(39))
    decide(version, request, desk.approver, approved=False, note="基准情景不清。")
    assert selectors.stages(version)[-1].note == "基准情景不清。"
    assert version.state == "draft"


# -- 发布 --------------------------------------------------------------------------------------------------------------


def test_publication_is_numbered_supersedes_and_is_audited(desk):
    first = world.walk_to("approved", desk)
    made = world.publish(first, desk)
    assert (made.number, made.content_sha256) == ("2026-001", first.sha256)
    row = Methodology.objects.get(pk=first.methodology_id)
    assert (row.in_force.lower, row.in_force.upper) == (dt.date(2027, 6, 1), None)
    edits = (("effective_from: 2025-01-01", "effective_from: 2027-09-01"),)
    second = world.walk_to("approved", desk, version=world.draft_version(version="2.0", edits=edits))
    assert world.publish(second, desk).number == "2026-002"
    first.refresh_from_db()
    assert (first.state, first.successor_id) == ("superseded", second.pk)
    for on, expected in ((dt.date(2027, 8, 31), "1.0"), (dt.date(2027, 9, 1), "2.0")):
        found = selectors.version_in_force(activity="metro_review", region="440106", on=on)
        assert found.version == expected
    assert AuditEvent.objects.filter(verb="methodology.published", target=review.subject_of(second)).count() == 1
    assert [step.state for step in selectors.status_line(second)] == ["done"] * 8


def test_publication_asks_every_gate_again(desk):
    version = world.walk_to("approved", desk)
    with pytest.raises(errors.NoticeTooShort):
        world.publish(version, desk, at=day(180))
    with override_settings(DEMO=False), pytest.raises(errors.SampleValues):
        world.publish(version, desk)
    with pytest.raises(errors.NotThisContent):
        services.publish_version(version=version, person=uid(desk.officer), shown_sha256="0" * 64, at=day(41))
    approvals.void_requests(kind=APPROVE_KIND, subject=review.subject_of(version), why="x", at=day(41))
    with pytest.raises(errors.NotApproved):
        world.publish(version, desk)
    assert not Publication.objects.exists()


def test_the_text_cannot_be_swapped_between_approval_and_publication(desk):
    """T29: by the ORM, in bulk, or past every trigger: an approval counts for exactly the text that was shown."""
    version = world.walk_to("approved", desk)
    other = world.draft_version(code="GZ-OTHER", activity="other", edits=FAR)
    for change in ({"sha256": other.sha256}, {"source": other.source}, {"effective_from": dt.date(2027, 1, 1)}):
        with pytest.raises(DatabaseError, match="under review"), transaction.atomic():
            MethodologyVersion.objects.filter(pk=version.pk).update(**change)


@pytest.mark.parametrize("state", ["approved", "published"])
def test_no_state_by_hand(desk, state):
    version = world.walk_to("public_comment", desk)
    with pytest.raises(DatabaseError), transaction.atomic():
        MethodologyVersion.objects.filter(pk=version.pk).update(state=state)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE methodologies_methodologyversion SET state = 'published' WHERE id = %s", [version.pk])
    assert not Stage.objects.filter(version=version, state=state).exists()


# -- 停用 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"state": "withdrawn"}, {"sunset_on": dt.date(2027, 12, 31)}])
def test_nobody_withdraws_by_hand(desk, change):
    """Neither by the row alone nor with a plan that nobody decided on, or that was returned (T28)."""
    version = world.walk_to("approved", desk)
    world.publish(version, desk)
    whole = {"state": "withdrawn", "sunset_on": dt.date(2027, 12, 31), **change}

    def by_hand():
        for fields in (change, whole):
            with pytest.raises(DatabaseError, match="approved plan"), transaction.atomic():
                MethodologyVersion.objects.filter(pk=version.pk).update(**fields)

    by_hand()
    plan = services.plan_withdrawal(
        version=version, person=uid(desk.officer), shown_sha256=version.sha256, sunset_on=dt.date(2027, 12, 31),
        reason="并入省级方法学", at=day(50),
    )  # fmt: skip
    by_hand()
    services.decide_withdrawal(
        plan=plan, person=uid(desk.approver), shown_sha256=plan.content_sha256, approved=False, note="再议", at=day(51)
    )
    by_hand()


def test_the_notice_of_a_withdrawal_counts_from_the_decision(desk):
    version = world.walk_to("approved", desk)
    world.publish(version, desk)
    last = day(50).date() + dt.timedelta(days=30)
    plan = services.plan_withdrawal(
        version=version, person=uid(desk.officer), shown_sha256=version.sha256, sunset_on=last, reason="并入省级方法学",
        at=day(50),
    )  # fmt: skip
    decide = {"plan": plan, "person": uid(desk.approver), "shown_sha256": plan.content_sha256}
    with pytest.raises(errors.SunsetTooEarly) as refused:
        services.decide_withdrawal(**decide, approved=True, at=day(51))
    assert (last + dt.timedelta(days=1)).isoformat() in refused.value.detail
    version.refresh_from_db()
    assert (version.state, version.sunset_on) == ("published", None)
    services.decide_withdrawal(**decide, approved=False, note="日期太近", at=day(51))
    assert Approval.objects.filter(kind=WITHDRAW_KIND, approved=False).count() == 1


def test_two_people_withdraw_with_notice_and_a_successor(desk):
    version = world.walk_to("approved", desk)
    world.publish(version, desk)
    province = world.walk_to(
        "approved", desk, version=world.draft_version(code="GD-REVIEW", region="440000", edits=FAR)
    )
    world.publish(province, desk)
    plan = {
        "version": version,
        "person": uid(desk.officer),
        "shown_sha256": version.sha256,
        "reason": "并入省级方法学",
        "at": day(50),
    }
    with pytest.raises(errors.SunsetTooEarly):
        services.plan_withdrawal(**plan, sunset_on=dt.date(2027, 1, 20))
    other = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    with pytest.raises(errors.SuccessorUnsuitable):
        services.plan_withdrawal(**plan, sunset_on=dt.date(2027, 12, 31), successor=other)
    made = services.plan_withdrawal(**plan, sunset_on=dt.date(2027, 12, 31), successor=province)
    shown = made.content_sha256
    with pytest.raises(errors.AuthorApproves):
        services.decide_withdrawal(plan=made, person=uid(desk.officer), shown_sha256=shown, approved=True, at=day(51))
    services.decide_withdrawal(plan=made, person=uid(desk.approver), shown_sha256=shown, approved=True, at=day(51))
    version.refresh_from_db()
    assert (version.state, version.successor, version.sunset_on) == ("withdrawn", province, dt.date(2027, 12, 31))
    for on, expected in ((dt.date(2027, 12, 31), version), (dt.date(2028, 1, 1), province)):
        assert selectors.version_in_force(activity="metro_review", region="440106", on=on) == expected
    for change in ({"sunset_on": dt.date(2027, 12, 30)}, {"sunset_on": None}, {"successor": None}):
        with pytest.raises(DatabaseError, match="approved plan"), transaction.atomic():
            MethodologyVersion.objects.filter(pk=version.pk).update(**change)
    ended = review.ended_for(activity="metro_review", region="440106", on=dt.date(2028, 1, 1))
    assert ended == version
    assert PublicComment.objects.count() == 0
