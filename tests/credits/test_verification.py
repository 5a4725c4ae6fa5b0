"""Verifications on a sample: frame before number, redrawn by a stranger, a verifier apart, a report that stays."""

import datetime as dt
import json
import subprocess
import sys
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import services as accounts
from accounts.constants import Role
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError, InvalidInput
from carbon_portal.kernel.models import AuditEvent
from carbon_portal.workflows.verify.verifications import CHECKS
from credits import services
from credits.models import (
    SampledRecord,
    Verification,
    VerificationAnswer,
    VerificationDraw,
    VerificationReport,
    VerificationWithdrawal,
    VerifierDeclaration,
)
from credits.selectors import verifications as selectors
from credits.verification import drawing
from credits.verification import errors as refusals
from methodologies import guides
from tests.people import adviser, person_of, staff

from . import verifications as world
from .cases import ON
from .test_races import together


@pytest.mark.django_db
def test_the_frame_holds_every_final_record_of_the_version_and_its_hash_stands_before_the_number():
    desk = world.desk()
    found = world.opened(desk)
    assert found.frame == "".join(f"{pk}\n" for pk in sorted(desk.ids))
    assert (found.frame_count, found.sample_size) == (40, 30)
    assert found.questions == [one.code for one in guides.guides()[0].checklist]
    assert not found.sample.exists()
    event = AuditEvent.objects.get(verb="verification.opened")
    assert event.data["frame_sha256"] == drawing.sha256(found.frame)


def test_five_per_cent_and_at_least_thirty_and_never_more_than_there_are():
    size = lambda count: drawing.sample_size(count, percent=5, minimum=30)  # noqa: E731
    assert [size(count) for count in (1, 30, 600, 601, 620, 621)] == [1, 30, 30, 31, 31, 32]


@pytest.mark.django_db
def test_a_stranger_draws_the_same_sample_with_the_published_lines(tmp_path):
    desk = world.desk(120)
    found = world.opened(desk)
    world.drawn(desk, found, seed="3 ' \" \\ 七")
    found = selectors.verification(found.pk)
    (tmp_path / "frame.txt").write_bytes(found.frame.encode())
    lines = drawing.lines_to_redraw(seed=found.draw.seed, size=found.sample_size)
    told = subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True, check=True)
    frame_hash, numbers = told.stdout.splitlines()
    assert frame_hash == found.frame_sha256
    assert [int(one) for one in numbers.split()] == list(
        found.sample.order_by("place").values_list("record_id", flat=True)
    )
    assert len(lines.splitlines()) <= 10


@pytest.mark.django_db
def test_another_number_gives_another_sample_and_the_same_number_the_same():
    desk = world.desk(120)
    first, again, other = (world.opened(desk) for _ in range(3))
    for found, seed in ((first, "1"), (again, "1"), (other, "2")):
        world.drawn(desk, found, seed=seed)
    sample = lambda found: list(found.sample.order_by("place").values_list("record_id", flat=True))  # noqa: E731
    assert sample(first) == sample(again) != sample(other)
    assert world.drawn(desk, first, seed=" 1 ").pk == first.draw.pk
    with pytest.raises(refusals.AlreadyDrawn):
        world.drawn(desk, first, seed="2")


@pytest.mark.parametrize(
    "day", [world.FROZEN.date(), world.FROZEN.date() - dt.timedelta(days=9), world.DRAWN.date() + dt.timedelta(days=1)]
)
@pytest.mark.django_db
def test_a_number_that_was_known_at_the_freezing_or_is_not_known_yet_is_refused(day):
    desk = world.desk()
    found = world.opened(desk)
    with pytest.raises(refusals.NumberTooEarly):
        world.drawn(desk, found, published_on=day)
    with pytest.raises(DatabaseError, match="after the frame"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO credits_verificationdraw (verification_id, seed, source, published_on, drawn_by, drawn_at)"
            " VALUES (%s, '1', 'x', %s, gen_random_uuid(), %s)",
            [found.pk, day, world.DRAWN],
        )
    assert not found.sample.exists()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"first": ON, "last": ON - dt.timedelta(days=1)}, refusals.BadVerification),
        ({"last": ON + dt.timedelta(days=90)}, refusals.BadVerification),
        ({"percent": 4}, refusals.BadVerification),
        ({"minimum": 29}, refusals.BadVerification),
        ({"region": "442000"}, refusals.NothingToVerify),
        ({"announced": "  "}, InvalidInput),
    ],
)
@pytest.mark.django_db
def test_what_can_not_be_opened_is_refused_and_nothing_is_frozen(changes, refusal):
    desk = world.desk(3)
    with pytest.raises(refusal):
        world.opened(desk, **changes)
    assert not Verification.objects.exists()


@pytest.mark.django_db
def test_the_verifier_is_nobody_who_opened_it_or_has_records_in_it():
    desk = world.desk()
    found = world.opened(desk)
    verifier = desk.by(desk.verifier)
    declare = lambda person, **said: services.declare_as_verifier(  # noqa: E731
        verification=found, person=person, **{"conflicted": False, "at": world.DRAWN, **said}
    )
    with pytest.raises(refusals.NotYetDrawn):
        declare(verifier)
    world.drawn(desk, found)
    with pytest.raises(refusals.NotTheVerifier):
        declare(desk.by(desk.officer))
    owner = selectors.BehaviorRecord.objects.get(pk=desk.ids[0]).participant.person_id
    with pytest.raises(refusals.OwnRecords):
        declare(owner)
    for person, why in ((desk.by(desk.officer), "does not verify"), (owner, "holds records")):
        with pytest.raises(DatabaseError, match=why), transaction.atomic():
            VerifierDeclaration.objects.create(verification=found, person=person, conflicted=False, at=world.DRAWN)
    with pytest.raises(InvalidInput):
        declare(verifier, conflicted=True)
    declare(verifier, conflicted=True, statement="与运营单位有合作")
    with pytest.raises(refusals.AlreadyDeclared):
        declare(verifier)
    second, third = (desk.by(adviser(Role.VERIFIER, number=number)) for number in (2, 3))
    declare(second)
    with pytest.raises(refusals.AlreadyDeclared):
        declare(third)
    assert selectors.verifier_of(found).person == second


@pytest.mark.django_db
def test_records_of_the_family_and_the_firm_are_the_verifier_s_own_too():
    desk = world.desk()
    found = world.opened(desk)
    world.drawn(desk, found)
    neighbour, record = person_of(adviser(Role.VERIFIER, number=2)), desk.ids[0]
    account = selectors.BehaviorRecord.objects.get(pk=record).participant
    home = accounts.create_household(head=account.person, name="一家", region="440605", at=world.FROZEN)
    accounts.add_household_member(household=home, person=neighbour, at=world.FROZEN)
    assert not selectors.has_own_records(found, neighbour.pk)
    with connection.cursor() as cursor:  # as if the deed had been the family's
        cursor.execute(
            "UPDATE behaviors_behaviorrecord SET participant_id = %s WHERE id = %s", [home.participant.pk, record]
        )
    with pytest.raises(refusals.OwnRecords):
        services.declare_as_verifier(verification=found, person=neighbour.pk, conflicted=False, at=world.DRAWN)
    with pytest.raises(DatabaseError, match="holds records"), transaction.atomic():
        VerifierDeclaration.objects.create(verification=found, person=neighbour.pk, conflicted=False, at=world.DRAWN)


@pytest.mark.django_db
def test_each_answer_is_saved_by_itself_and_a_correction_keeps_the_earlier_one():
    desk = world.desk()
    found = world.taken(desk)
    world.answer(desk, found, 1, "source")
    assert world.answer(desk, found, 1, "source").revision == 1  # the same again
    for result in ("no", "unclear"):
        with pytest.raises(InvalidInput):
            world.answer(desk, found, 1, "source", result, seen=1)
    with pytest.raises(InvalidInput):
        world.answer(desk, found, 1, "source", "perhaps", seen=1)
    with pytest.raises(InvalidInput):
        world.answer(desk, found, 1, "no-such-question")
    with pytest.raises(refusals.AnswerChanged):
        world.answer(desk, found, 1, "source", "no", note="不符", seen=0)
    world.answer(desk, found, 1, "source", "no", note="不符", seen=1)
    assert list(VerificationAnswer.objects.order_by("revision").values_list("result", flat=True)) == ["yes", "no"]
    with pytest.raises(refusals.NotTheVerifier):
        world.answer(desk, found, 1, "once", person=desk.by(desk.officer))
    assert AuditEvent.objects.filter(verb="verification.answered").count() == 2


@pytest.mark.django_db
def test_a_report_is_signed_once_whole_as_shown_and_stays():
    desk = world.desk()
    found = world.taken(desk)
    with pytest.raises(refusals.ChecksMissing):
        world.signed(desk, found)
    world.answer_all(desk, found)
    sign = lambda **changes: services.sign_report(  # noqa: E731
        verification=found, **{"person": desk.by(desk.verifier), "shown": "", "at": world.DRAWN, **changes}
    )
    with pytest.raises(refusals.AnswersMoved):
        sign()
    with pytest.raises(refusals.NotTheVerifier):
        sign(person=desk.by(desk.officer))
    report = world.signed(desk, found)
    assert (report.records_wrong, report.records_unclear) == (1, 1)
    assert (report.yes, report.no, report.unclear, report.not_applicable) == (177, 1, 1, 1)
    content = json.loads(report.content)
    assert len(content["records"]) == 30
    assert content["counts"]["records_wrong"] == 1
    assert drawing.sha256(report.content) == report.content_sha256
    with pytest.raises(refusals.ReportSigned):
        world.signed(desk, found)
    with pytest.raises(refusals.ReportSigned):
        world.answer(desk, found, 1, "once", "no", note="晚了", seen=1)
    with pytest.raises(DatabaseError, match="signed"), transaction.atomic():
        VerificationAnswer.objects.create(
            sampled=selectors.sampled(found, 1), question="once", revision=2, result="yes",
            person=desk.by(desk.verifier), at=world.DRAWN,
        )  # fmt: skip
    assert AuditEvent.objects.filter(verb="verification.signed", target=f"verification:{found.pk}").count() == 1
    for check in CHECKS:
        with connection.cursor() as cursor:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.id


def test_what_is_written_stays_for_everybody(own_database, as_role):
    desk = world.desk()
    found = world.taken(desk)
    world.answer_all(desk, found)
    world.signed(desk, found)
    services.withdraw_verification(
        verification=world.opened(desk), reason="错", by=desk.by(desk.officer), at=world.DRAWN
    )
    changes = {
        "credits_verification": "frame = ''",
        "credits_verificationdraw": "seed = '1'",
        "credits_sampledrecord": "record_id = 1",
        "credits_verifierdeclaration": "conflicted = true",
        "credits_verificationanswer": "result = 'yes'",
        "credits_verificationreport": "no = 0",
        "credits_verificationwithdrawal": "reason = 'x'",
    }
    for role in ("portal_web", "portal_worker", "portal_owner"):
        database = as_role(role)
        with database.cursor() as cursor:
            for table, change in changes.items():
                for deed in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
                    with pytest.raises(Exception, match=r"permission denied|Cannot update or delete"):
                        cursor.execute(deed)
                    database.rollback()


def test_the_database_draws_no_record_that_the_number_does_not_give(own_database):
    desk = world.desk(45)
    found = world.opened(desk)
    world.drawn(desk, found)
    sampled = set(found.sample.values_list("record_id", flat=True))
    left = next(pk for pk in desk.ids if pk not in sampled)
    for pk, ticket, place in ((left, "0" * 64, 1), (max(desk.ids) + 1, "0" * 64, 1)):
        with pytest.raises(DatabaseError, match="do not give"), transaction.atomic():
            SampledRecord.objects.create(verification=found, place=place, record_id=pk, record_on=ON, ticket=ticket)
    with pytest.raises(DatabaseError), transaction.atomic():
        Verification.objects.create(
            version=desk.version, region="440000", first=ON, last=ON, guide_version="1", guide_sha256="0" * 64,
            questions=["once"], percent=5, minimum=30, announced="x", frame="1\n2\n", frame_sha256="0" * 64,
            frame_count=2, sample_size=2, opened_by=desk.by(desk.officer), frozen_at=world.FROZEN,
        )  # fmt: skip


def test_of_two_saves_at_once_one_is_told_of_the_other(own_database):
    desk = world.desk()
    found = world.taken(desk)
    told = []

    def save(result: str):
        def deed() -> None:
            try:
                world.answer(desk, found, 1, "source", result, note="各写各的")
            except DomainError as refusal:
                told.append(refusal.code)

        return deed

    together(save("no"), save("unclear"))
    assert told == ["answer_changed"]
    assert VerificationAnswer.objects.count() == 1


def test_of_two_verifiers_at_once_one_takes_it_and_a_signature_is_given_once(own_database):
    desk = world.desk()
    found = world.opened(desk)
    world.drawn(desk, found)
    people, told = [desk.by(adviser(Role.VERIFIER, number=number)) for number in (7, 8)], []

    def trying(work, *arguments):
        def deed() -> None:
            try:
                work(*arguments)
            except DomainError as refusal:
                told.append(refusal.code)

        return deed

    declare = lambda person: services.declare_as_verifier(  # noqa: E731
        verification=found, person=person, conflicted=False, at=world.DRAWN
    )
    together(*(trying(declare, person) for person in people))
    assert told == ["already_declared"]
    told.clear()
    winner = selectors.verifier_of(found).person
    desk.verifier = next(
        one.logins.get() for one in (person_of(adviser_login(number)) for number in (7, 8)) if one.pk == winner
    )
    world.answer_all(desk, found)
    together(trying(world.signed, desk, found), trying(world.signed, desk, found))
    assert told == ["report_signed"]
    assert VerificationReport.objects.count() == 1


def adviser_login(number: int):
    from accounts.models import User

    return User.objects.get(username=f"verifier-{number}")


@pytest.mark.django_db
def test_open_work_stands_in_the_verifier_s_list_until_it_is_signed():
    from accounts.actors import actor
    from carbon_portal.kernel import worklist

    desk = world.desk()
    now = clock.now()

    def kinds(user):
        return [one.title for one in worklist.items(actor(person_of(user).pk, at=now), at=now) if one.kind == "核查"]

    found = world.opened(desk)
    assert kinds(desk.verifier) == []
    assert len(kinds(desk.officer)) == 1
    world.drawn(desk, found)
    assert kinds(desk.officer) == []
    assert len(kinds(desk.verifier)) == 1
    elsewhere = adviser(Role.VERIFIER, number=5, region="442000")
    assert kinds(elsewhere) == []
    services.declare_as_verifier(verification=found, person=desk.by(desk.verifier), conflicted=False, at=world.DRAWN)
    assert kinds(adviser(Role.VERIFIER, number=6)) == []
    world.answer_all(desk, found)
    assert len(kinds(desk.verifier)) == 1
    world.signed(desk, found)
    assert kinds(desk.verifier) == []


@pytest.mark.django_db
def test_what_was_frozen_by_mistake_is_withdrawn_with_a_reason_and_goes_no_further():
    desk = world.desk()
    person = desk.by(desk.officer)
    waiting, found = world.opened(desk), world.opened(desk)
    world.drawn(desk, found)
    for one in (waiting, found):
        with pytest.raises(InvalidInput):
            services.withdraw_verification(verification=one, reason=" ", by=person, at=world.DRAWN)
        made = services.withdraw_verification(verification=one, reason="版本选错", by=person, at=world.DRAWN)
        assert services.withdraw_verification(verification=one, reason="再来", by=person, at=world.DRAWN) == made
    events = AuditEvent.objects.filter(verb="verification.withdrawn")
    assert [(one.actor, one.data["reason"]) for one in events] == [(person, "版本选错")] * 2
    with pytest.raises(refusals.VerificationWithdrawn):
        world.drawn(desk, waiting)
    with pytest.raises(refusals.VerificationWithdrawn):
        services.declare_as_verifier(
            verification=found, person=desk.by(desk.verifier), conflicted=False, at=world.DRAWN
        )
    for user in (desk.officer, desk.verifier):
        assert _work(user) == []


@pytest.mark.django_db
def test_nothing_is_withdrawn_once_an_answer_is_recorded():
    desk = world.desk()
    found = world.taken(desk)
    world.answer(desk, found, 1, "source", "no", note="里程与来源不符")
    with pytest.raises(refusals.AlreadyAnswered):
        services.withdraw_verification(verification=found, reason="不好看", by=desk.by(desk.officer), at=world.DRAWN)
    with pytest.raises(DatabaseError, match="has answers"), transaction.atomic():
        VerificationWithdrawal.objects.create(
            verification=found, reason="不好看", person=desk.by(desk.officer), at=world.DRAWN
        )


@pytest.mark.django_db
def test_the_database_lets_nothing_follow_a_withdrawal():
    desk = world.desk()
    waiting, found = world.opened(desk), world.taken(desk)
    for one in (waiting, found):
        services.withdraw_verification(verification=one, reason="版本选错", by=desk.by(desk.officer), at=world.DRAWN)
    late = {"at": world.DRAWN, "person": desk.by(desk.verifier)}
    report = dict.fromkeys(("records_wrong", "records_unclear", "yes", "no", "unclear", "not_applicable"), 0)
    for row in (
        VerificationDraw(
            verification=waiting, seed="1", source="x", published_on=world.LOTTERY_DAY, drawn_by=late["person"],
            drawn_at=world.DRAWN,
        ),
        VerifierDeclaration(verification=found, person=uuid4(), conflicted=True, statement="x", at=world.DRAWN),
        VerificationAnswer(sampled=found.sample.first(), question="source", revision=1, result="yes", **late),
        VerificationReport(
            verification=found, content="{}", content_sha256=drawing.sha256("{}"), signed_by=late["person"],
            signed_at=world.DRAWN, **report,
        ),
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match="it was withdrawn"), transaction.atomic():
            row.save(force_insert=True)
    with pytest.raises(refusals.VerificationWithdrawn):
        world.answer(desk, found, 1, "source")


def test_an_answer_and_a_withdrawal_at_once_are_one_of_them(own_database):
    """Two people at two machines: whoever comes second is told what the first one did."""
    desk = world.desk()
    found, told = world.taken(desk), []

    def trying(deed, **given):
        def run() -> None:
            try:
                deed(**given)
            except DomainError as refusal:
                told.append(refusal.code)

        return run

    together(
        trying(world.answer, desk=desk, found=found, place=1, question="source"),
        trying(
            services.withdraw_verification, verification=found, reason="错", by=desk.by(desk.officer), at=world.DRAWN
        ),
    )
    assert told in (["already_answered"], ["verification_withdrawn"])
    assert VerificationAnswer.objects.count() + VerificationWithdrawal.objects.count() == 1


def _work(user) -> list[str]:
    from accounts.actors import actor
    from carbon_portal.kernel import worklist

    now = clock.now()
    return [one.title for one in worklist.items(actor(person_of(user).pk, at=now), at=now) if one.kind == "核查"]


@pytest.mark.django_db
def test_an_officer_of_a_city_opens_in_the_city_only():
    officer = staff("gz-one", Role.CITY_OFFICER, name="周经办", region="440100")
    assert selectors.areas_to_verify(officer) == ["440100"]
    assert selectors.may_open(officer, "440106")
    assert not selectors.may_open(officer, "440000")
    assert selectors.areas_to_verify(staff("gd-app", Role.PROVINCE_APPROVER, name="王", region="440000")) == []
