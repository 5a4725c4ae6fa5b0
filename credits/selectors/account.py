"""A participant's account: grams by state, points by year; what a deed would earn."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import Participant
from behaviors import activities
from carbon_portal.kernel import clock
from credits.constants import NOT_ELIGIBLE
from credits.errors import NoPointsRule
from credits.ledger import selectors as ledger
from credits.ledger.selectors import YearBalance
from credits.models import PointsAccrual, QueuedAward
from credits.services import bulk
from credits.services.points import rule_on
from credits.services.quantification import NOT_IN_FORCE, REJECTED, history_of
from methodologies.engine import Columns, Prior, Program, sentence
from methodologies.selectors import VersionTable, program_for


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """Grams by state and points by the year they were earned in. `debt_points` are owed after a reversal."""

    final_g: int
    provisional_g: int
    records: int
    pending_records: int
    points: list[YearBalance]
    spendable_points: int
    queued_g: int
    debt_points: int


_GRAMS = """
    SELECT coalesce(sum(x.reduction_g) FILTER (WHERE r.state = 'final'), 0)::bigint,
           coalesce(sum(x.reduction_g) FILTER (WHERE r.state = 'provisional'), 0)::bigint,
           count(*) FILTER (WHERE r.state = 'final'),
           count(*) FILTER (WHERE r.state IN ('received', 'checking', 'under_review'))
      FROM behaviors_behaviorrecord r
      LEFT JOIN LATERAL (SELECT x.reduction_g FROM credits_reduction x WHERE x.record_id = r.id
                          ORDER BY x.revision DESC LIMIT 1) x ON r.state IN ('final', 'provisional')
     WHERE r.participant_id = %s
"""


def account_summary(participant: Participant, *, on: dt.date | None = None) -> AccountSummary:
    """What stands on a participant's account. Four queries; grams read the participant's own records."""
    final, provisional, records, pending = bulk.rows(_GRAMS, [participant.pk])[0]
    points = ledger.balances_by_year(participant.pk, on=on)
    queued = bulk.rows(
        "SELECT coalesce(sum(credited_g), 0)::bigint FROM credits_queuedaward WHERE participant_id = %s",
        [participant.pk],
    )[0][0]
    return AccountSummary(
        final_g=final,
        provisional_g=provisional,
        records=records,
        pending_records=pending,
        points=points,
        spendable_points=sum(part.points for part in points if part.spendable),
        queued_g=queued,
        debt_points=_debt(participant),
    )


def _debt(participant: Participant) -> int:
    accruals = PointsAccrual.objects.filter(participant=participant).select_related("rule")
    return sum(max(row.awarded_points - row.credited_g * row.rule.num // row.rule.den, 0) for row in accruals)


def has_queued_points(participant: Participant) -> bool:
    """Whether points of this participant wait for a funded pool."""
    return QueuedAward.objects.filter(participant=participant).exists()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a deed would earn if it were submitted now. `points` is None where no rule is in force."""

    computed_g: int
    reduction_g: int
    points: int | None
    reason: str
    zh: str
    en: str
    refused: bool
    final_in_hours: int

    def sentence(self, language: str | None) -> str:
        """Why it is so, in the language asked for."""
        return self.en if (language or "").startswith("en") else self.zh


def estimate(
    *,
    participant: Participant,
    activity: str,
    inputs: Mapping[str, Any],
    occurred_on: dt.date,
    region: str,
    evidence: str = "self_declared",
    at: dt.datetime | None = None,
) -> Estimate:
    """Run the version in force over one deed, with what is left of its limits and the participant's history today.

    Nothing is written or locked. A few queries; errors of the input are a reason, never an exception.
    """
    known = activities.find(activity)
    hours = known.correction_hours if known else 0
    version = VersionTable().find(activity, region, occurred_on)
    if version is None:
        return _refusal(NOT_IN_FORCE, hours)
    program = program_for(version)
    if not participant.is_active or participant.kind not in program.document.participants:
        return _refusal(NOT_ELIGIBLE, hours)
    columns = Columns(
        record=["~estimate"],  # behind every stored record of the day
        participant=[str(participant.pk)],
        occurred_on=[occurred_on.isoformat()],
        region=[region],
        evidence=[evidence],
        inputs={name: [_text(inputs.get(name))] for name in program.inputs},
    )
    prior = Prior(
        used=_used(program, columns, participant, version.code),
        history=history_of(program, activity, {str(participant.pk): (occurred_on, occurred_on)}),
    )
    outcome = program.evaluate(columns, prior=prior)
    reason, grams = str(outcome.reason[0]), int(outcome.reduction_g[0])
    points = None if reason in REJECTED else _points_for(participant, grams, at or clock.now())
    return Estimate(
        int(outcome.computed_g[0]), grams, points, reason, sentence(reason, "zh"), sentence(reason, "en"),
        reason in REJECTED, hours,
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return value if value is None else str(value)


def _refusal(reason: str, hours: int) -> Estimate:
    return Estimate(0, 0, None, reason, sentence(reason, "zh"), sentence(reason, "en"), True, hours)


def _used(program: Program, columns: Columns, participant: Participant, code: str) -> dict[Any, int]:
    found = {}
    for person, limit_key, start in program.period_keys(columns):
        row = bulk.rows(
            "SELECT used::text FROM credits_limitusage"
            " WHERE participant_id = %s AND code = %s AND limit_key = %s AND period_start = %s",
            [participant.pk, code, limit_key, start],
        )
        found[person, limit_key, start] = int(row[0][0]) if row else 0
    return found


def _points_for(participant: Participant, grams: int, at: dt.datetime) -> int | None:
    """Whole points that these grams would complete, given what the accrual of the year holds already."""
    try:
        rule = rule_on(clock.local_date(at))
    except NoPointsRule:
        return None
    year = clock.local_date(at).year
    accrual = PointsAccrual.objects.filter(participant=participant, rule=rule, year=year).first()
    credited, awarded = (accrual.credited_g, accrual.awarded_points) if accrual else (0, 0)
    return max((credited + grams) * rule.num // rule.den - awarded, 0)
