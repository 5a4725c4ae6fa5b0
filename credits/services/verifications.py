"""Deeds of a verification: freeze the frame, enter the number, declare, answer, sign. Each writes new rows only.

All but the first take the verification's own advisory lock, which the guards of the tables take too: the row itself
can't be locked by roles that may not change it.
"""

import datetime as dt
import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.errors import InvalidInput
from credits.constants import MOST_FRAMED, MOST_SAMPLED, SAMPLE_MINIMUM, SAMPLE_PERCENT, CheckResult
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
from credits.verification.errors import (
    AlreadyAnswered,
    AlreadyDeclared,
    AlreadyDrawn,
    AnswerChanged,
    AnswersMoved,
    BadVerification,
    ChecksMissing,
    NothingToVerify,
    NotTheVerifier,
    NotYetDrawn,
    NumberTooEarly,
    OwnRecords,
    ReportSigned,
    VerificationWithdrawn,
)
from methodologies.guides import Guide
from methodologies.models import MethodologyVersion

_ENGLISH = {"yes": "conforms", "no": "does not conform", "unclear": "can't be confirmed", "n_a": "not applicable"}
NEEDS_NOTE = frozenset({CheckResult.NO, CheckResult.UNCLEAR})


# -- the frame ---------------------------------------------------------------------------------------------------------


def size_up(
    *, version: MethodologyVersion, region: str, first: dt.date, last: dt.date, percent: int, minimum: int,
    at: dt.datetime,
) -> tuple[list[int], int]:  # fmt: skip
    """The frame and the size of the sample that a choice gives; nothing is written.

    Errors: BadVerification (area, days, rule, too many), NothingToVerify, UnknownRegion.
    """
    _check_choice(region, first, last, percent, minimum, clock.local_date(at))
    ids = selectors.frame_ids(version=version, region=region, first=first, last=last, at=at, most=MOST_FRAMED + 1)
    if not ids:
        raise NothingToVerify(first=first, last=last)
    size = drawing.sample_size(len(ids), percent=percent, minimum=minimum)
    if len(ids) > MOST_FRAMED or size > MOST_SAMPLED:
        raise BadVerification(
            why=f"一次最多 {MOST_FRAMED} 条记录、{MOST_SAMPLED} 条样本，请缩短时间或缩小地区。",
            why_en=f"At most {MOST_FRAMED} records and {MOST_SAMPLED} in the sample: choose less.",
        )
    return ids, size


def _check_choice(region: str, first: dt.date, last: dt.date, percent: int, minimum: int, today: dt.date) -> None:
    area = regions.region(region)
    if area.kind == "town" or region != area.six:
        raise BadVerification(why="核查按省、市、县（区）进行。", why_en="Choose the province, a city or a county.")
    if first > last:
        raise BadVerification(why=f"起始日 {first} 晚于截止日 {last}。", why_en=f"{first} is after {last}.")
    if last > today:
        raise BadVerification(why=f"截止日 {last} 还没有到。", why_en=f"The last day {last} is not over yet.")
    if not SAMPLE_PERCENT <= percent <= 100 or not SAMPLE_MINIMUM <= minimum <= MOST_SAMPLED:
        raise BadVerification(
            why=f"样本不少于 {SAMPLE_PERCENT} %，且不少于 {SAMPLE_MINIMUM} 条。",
            why_en=f"A sample is {SAMPLE_PERCENT} % at least, and {SAMPLE_MINIMUM} records at least.",
        )


@transaction.atomic
def open_verification(
    *,
    version: MethodologyVersion,
    region: str,
    first: dt.date,
    last: dt.date,
    guide: Guide,
    announced: str,
    by: UUID,
    at: dt.datetime,
    percent: int = SAMPLE_PERCENT,
    minimum: int = SAMPLE_MINIMUM,
) -> Verification:
    """Freeze the list of records and publish its hash, before the random number `announced` is known.

    Errors: those of `size_up`, InvalidInput (nothing announced).
    """
    words = " ".join(announced.split())[:200]
    if not words:
        raise InvalidInput(reason="请写明用哪个随机数、哪天公布。", reason_en="Say which random number, and when.")
    ids, size = size_up(version=version, region=region, first=first, last=last, percent=percent, minimum=minimum, at=at)
    frame = drawing.frame_text(ids)
    made = Verification.objects.create(
        version=version, region=region, first=first, last=last, guide_version=guide.version,
        guide_sha256=guide.sha256, questions=[one.code for one in guide.checklist], percent=percent, minimum=minimum,
        announced=words, frame=frame, frame_sha256=drawing.sha256(frame), frame_count=len(ids), sample_size=size,
        opened_by=by, frozen_at=at,
    )  # fmt: skip
    _audit("verification.opened", made, by, frame_sha256=made.frame_sha256, count=len(ids), size=size)
    return made


@transaction.atomic
def withdraw_verification(
    *, verification: Verification, reason: str, by: UUID, at: dt.datetime
) -> VerificationWithdrawal:
    """Take back what was frozen by mistake, while no answer is recorded. Frame, number and reason stay public; nothing
    follows. Withdrawn again it is the withdrawal that stands.

    Errors: AlreadyAnswered, InvalidInput (no reason).
    """
    words = " ".join(reason.split())[:300]
    if not words:
        raise InvalidInput(reason="请写明撤回的原因，原因会公开。", reason_en="Say why; the reason will be public.")
    _lock(verification)
    there = VerificationWithdrawal.objects.filter(verification=verification).first()
    if there is not None:
        return there
    if VerificationAnswer.objects.filter(sampled__verification=verification).exists():
        raise AlreadyAnswered
    made = VerificationWithdrawal.objects.create(verification=verification, reason=words, person=by, at=at)
    _audit("verification.withdrawn", verification, by, reason=words)
    return made


# -- the number --------------------------------------------------------------------------------------------------------


@transaction.atomic
def draw_sample(
    *, verification: Verification, seed: str, source: str, published_on: dt.date, by: UUID, at: dt.datetime
) -> VerificationDraw:
    """Enter the random number with its public source; the sample follows from it. The same number again is the same.

    Errors: NumberTooEarly, AlreadyDrawn, VerificationWithdrawn, InvalidInput.
    """
    number, where = " ".join(seed.split())[:200], " ".join(source.split())[:300]
    if not number or not where:
        raise InvalidInput(reason="请填随机数和公开来源。", reason_en="Enter the random number and its public source.")
    _lock(verification)
    _refuse_withdrawn(verification)
    there = VerificationDraw.objects.filter(verification=verification).first()
    if there is not None:
        if (there.seed, there.source, there.published_on) == (number, where, published_on):
            return there
        raise AlreadyDrawn(seed=there.seed)
    frozen = clock.local_date(verification.frozen_at)
    if not frozen < published_on <= clock.local_date(at):
        raise NumberTooEarly(frozen=frozen, given=published_on)
    made = VerificationDraw.objects.create(
        verification=verification, seed=number, source=where, published_on=published_on, drawn_by=by, drawn_at=at
    )
    tickets = drawing.draw(verification.frame, seed=number, size=verification.sample_size)
    days = dict(BehaviorRecord.objects.filter(pk__in=[pk for _, pk in tickets]).values_list("pk", "occurred_on"))
    SampledRecord.objects.bulk_create(
        SampledRecord(verification=verification, place=place, record_id=pk, record_on=days[pk], ticket=ticket)
        for place, (ticket, pk) in enumerate(tickets, start=1)
    )
    _audit("verification.drawn", verification, by, seed=number, published_on=published_on.isoformat())
    return made


# -- the verifier ------------------------------------------------------------------------------------------------------


@transaction.atomic
def declare_as_verifier(
    *, verification: Verification, person: UUID, conflicted: bool, statement: str = "", at: dt.datetime
) -> VerifierDeclaration:
    """A verifier declares a conflict, or that there is none and so takes the work. Once.

    Errors: NotYetDrawn, NotTheVerifier, AlreadyDeclared, OwnRecords, VerificationWithdrawn, InvalidInput.
    """
    _lock(verification)
    _refuse_withdrawn(verification)
    draw = VerificationDraw.objects.filter(verification=verification).first()
    if draw is None:
        raise NotYetDrawn
    if person in (verification.opened_by, draw.drawn_by):
        raise NotTheVerifier(
            why="这次核查由您发起或抽样，须由另一个人核查。",
            why_en="You opened it or drew the sample, so somebody else verifies it.",
        )
    _first_word(verification, person, conflicted)
    words = " ".join(statement.split())[:300]
    if conflicted and not words:
        raise InvalidInput(reason="请写明是什么冲突，例如“家人的记录在内”。", reason_en="Say what the conflict is.")
    if not conflicted and selectors.has_own_records(verification, person):
        raise OwnRecords
    made = VerifierDeclaration.objects.create(
        verification=verification, person=person, conflicted=conflicted, statement=words, at=at
    )
    _audit("verification.interest_declared", verification, person, conflicted=conflicted)
    return made


def _first_word(verification: Verification, person: UUID, conflicted: bool) -> None:
    declared = VerifierDeclaration.objects.filter(verification=verification)
    if declared.filter(person=person).exists():
        raise AlreadyDeclared(why="您已经声明过了。", why_en="You declared already.")
    if not conflicted and declared.filter(conflicted=False).exists():
        raise AlreadyDeclared(why="已有另一位核查员接手。", why_en="Another verifier has taken it.")


@transaction.atomic
def save_answer(
    *,
    sampled: SampledRecord,
    question: str,
    result: str,
    note: str,
    evidence: str,
    seen: int,
    person: UUID,
    at: dt.datetime,
) -> VerificationAnswer:
    """Answer one question about one record. `seen` is the revision that the page showed, 0 for none; the same answer
    again writes nothing.

    Errors: NotTheVerifier, ReportSigned, AnswerChanged, VerificationWithdrawn, InvalidInput.
    """
    verification = sampled.verification
    _lock(verification)
    _refuse_withdrawn(verification)
    _check_verifier(verification, person)
    if VerificationReport.objects.filter(verification=verification).exists():
        raise ReportSigned
    words, proof = note.strip()[:1000], evidence.strip()[:300]
    if result not in CheckResult.values or question not in verification.questions:
        raise InvalidInput(reason="请选一个结果。", reason_en="Choose a result.")
    if result in NEEDS_NOTE and not words:
        raise InvalidInput(
            reason="“不符合”和“不能确认”须写明原因。", reason_en="Say why it does not conform or can't be confirmed."
        )
    newest = VerificationAnswer.objects.filter(sampled=sampled, question=question).order_by("-revision").first()
    if newest is not None and (newest.result, newest.note, newest.evidence) == (result, words, proof):
        return newest
    if seen != (newest.revision if newest else 0):
        shown = CheckResult(newest.result) if newest else None
        raise AnswerChanged(result=shown.label if shown else "", result_en=_ENGLISH[shown] if shown else "")
    made = VerificationAnswer.objects.create(
        sampled=sampled, question=question, revision=(newest.revision if newest else 0) + 1, result=result,
        note=words, evidence=proof, person=person, at=at,
    )  # fmt: skip
    _audit(
        "verification.answered", verification, person,
        place=sampled.place, question=question, revision=made.revision, result=result,
    )  # fmt: skip
    return made


def _check_verifier(verification: Verification, person: UUID) -> None:
    taken = selectors.verifier_of(verification)
    if taken is None or taken.person != person:
        raise NotTheVerifier(
            why="只有声明没有利益冲突并接手的核查员能填写和签署。",
            why_en="Only the verifier who declared no conflict and took it may answer and sign.",
        )


# -- the report --------------------------------------------------------------------------------------------------------


def digest_of(answers: selectors.Answers) -> str:
    """Over the answers that count: what a signature is shown."""
    lines = sorted(f"{sampled} {question} {row.revision}" for (sampled, question), row in answers.items())
    return drawing.sha256("\n".join(lines))


@transaction.atomic
def sign_report(
    *, verification: Verification, person: UUID, shown: str, remark: str = "", at: dt.datetime
) -> VerificationReport:
    """Sign all answers as they stand, and no others than `shown` (`digest_of`); from then on nothing changes.

    Errors: NotTheVerifier, ReportSigned, ChecksMissing, AnswersMoved.
    """
    _lock(verification)
    _check_verifier(verification, person)
    if VerificationReport.objects.filter(verification=verification).exists():
        raise ReportSigned
    answers = selectors.newest_answers(verification)
    found = selectors.counts(verification, answers)
    if found.missing:
        raise ChecksMissing(missing=found.missing)
    if shown != digest_of(answers):
        raise AnswersMoved
    content = _content(verification, answers, found, person, remark.strip()[:1000], at)
    made = VerificationReport.objects.create(
        verification=verification, content=content, content_sha256=drawing.sha256(content),
        records_wrong=found.records_wrong, records_unclear=found.records_unclear, yes=found.yes, no=found.no,
        unclear=found.unclear, not_applicable=found.not_applicable, signed_by=person, signed_at=at,
    )  # fmt: skip
    _audit(
        "verification.signed", verification, person,
        content_sha256=made.content_sha256, records_wrong=found.records_wrong,
    )  # fmt: skip
    return made


def _content(
    verification: Verification,
    answers: selectors.Answers,
    found: selectors.Counts,
    person: UUID,
    remark: str,
    at: dt.datetime,
) -> str:
    """The report as canonical JSON: what was verified, the draw, every answer in order, the counts."""
    draw = verification.draw
    data: dict[str, Any] = {
        "verification": str(verification.pk),
        "version": str(verification.version),
        "version_sha256": verification.version.sha256,
        "region": verification.region,
        "first": verification.first.isoformat(),
        "last": verification.last.isoformat(),
        "guide": {"version": verification.guide_version, "sha256": verification.guide_sha256},
        "frame": {"count": verification.frame_count, "sha256": verification.frame_sha256},
        "draw": {"seed": draw.seed, "source": draw.source, "published_on": draw.published_on.isoformat()},
        "records": [
            {
                "place": one.place,
                "record": one.record_id,
                "answers": [_answer(code, answers[one.pk, code]) for code in verification.questions],
            }
            for one in verification.sample.order_by("place")
        ],
        "counts": asdict(found),
        "remark": remark,
        "signed_by": str(person),
        "signed_at": at.isoformat(),
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _answer(question: str, row: VerificationAnswer) -> dict[str, Any]:
    return {
        "question": question,
        "result": row.result,
        "note": row.note,
        "evidence": row.evidence,
        "at": row.at.isoformat(),
    }


def _refuse_withdrawn(verification: Verification) -> None:
    if VerificationWithdrawal.objects.filter(verification=verification).exists():
        raise VerificationWithdrawn


def _lock(verification: Verification) -> None:
    """Deeds about one verification come one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"verification:{verification.pk}"])


def _audit(verb: str, verification: Verification, person: UUID, **data: Any) -> None:
    record_event(
        verb=verb, target=f"verification:{verification.pk}", actor=person, region=verification.region, data=data
    )
