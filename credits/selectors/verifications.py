"""Who may see which verification, what a frame holds, and how far the checklist is."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from accounts import selectors as accounts
from accounts.constants import AREA_ROLES, FIRM_ROLES, Role
from accounts.models import HouseholdMember, Membership, Participant
from accounts.selectors import Viewer
from behaviors.constants import RecordState
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import regions
from carbon_portal.kernel.errors import NotFound
from credits.models import Reduction, SampledRecord, Verification, VerificationAnswer, VerifierDeclaration
from credits.simulation.sides import prefix_of
from methodologies.constants import FROZEN_STATES
from methodologies.models import MethodologyVersion

OPENERS = (Role.PROVINCE_OFFICER, Role.CITY_OFFICER)
AREA_READERS = tuple(sorted(AREA_ROLES))
READERS = (*AREA_READERS, Role.VERIFIER)

Answers = dict[tuple[int, str], VerificationAnswer]


# -- what may be opened ------------------------------------------------------------------------------------------------


def areas_to_verify(user: Viewer | None) -> list[str]:
    """Areas in which a login may open a verification: the province and its cities, or its own cities."""
    if accounts.staff_scope(user, Role.PROVINCE_OFFICER):
        return [regions.PROVINCE, *(city.code for city in regions.cities())]
    return accounts.staff_scope(user, Role.CITY_OFFICER)


def may_open(user: Viewer | None, region: str) -> bool:
    """Whether this login may open verifications of this area and enter their random numbers."""
    return accounts.in_scope(user, region, *OPENERS)


def may_withdraw(user: Viewer | None, verification: Verification) -> bool:
    """Whether this login holds the role that froze it: what the province froze no city takes back."""
    froze = Membership.objects.filter(person=verification.opened_by, role=Role.PROVINCE_OFFICER)
    role = Role.PROVINCE_OFFICER if froze.exists() else Role.CITY_OFFICER
    return accounts.in_scope(user, verification.region, role)


def versions_to_verify() -> list[MethodologyVersion]:
    """Versions that records may be final under."""
    found = MethodologyVersion.objects.filter(state__in=FROZEN_STATES).select_related("methodology")
    return list(found.order_by("methodology_id", "-effective_from", "-id").defer("document", "source"))


def frame_ids(
    *, version: MethodologyVersion, region: str, first: dt.date, last: dt.date, at: dt.datetime, most: int
) -> list[int]:
    """Records of an area and days that were final at a moment and whose newest result is of this version; the first
    `most` of them in order."""
    newest = Reduction.objects.filter(record_id=OuterRef("pk")).order_by("-revision")
    rows = BehaviorRecord.objects.filter(
        state=RecordState.FINAL,
        final_at__lte=at,
        activity=version.methodology.activity,
        region__startswith=prefix_of(region),
        occurred_on__range=(first, last),
    ).annotate(by_version=Subquery(newest.values("methodology_version")[:1]))
    return list(rows.filter(by_version=version.pk).order_by("pk").values_list("pk", flat=True)[:most])


def has_own_records(verification: Verification, person: UUID) -> bool:
    """Whether the frame holds a record that a person did, or of their account, family or firm, now or formerly."""
    homes = HouseholdMember.objects.filter(person=person).values("household")
    firms = Membership.objects.filter(person=person, role__in=FIRM_ROLES).values("organisation")
    accounts_of = Participant.objects.filter(Q(person=person) | Q(household__in=homes) | Q(organisation__in=firms))
    own = BehaviorRecord.objects.filter(occurred_on__range=(verification.first, verification.last))
    ids = own.filter(Q(person=person) | Q(participant__in=accounts_of.values("pk"))).values_list("pk", flat=True)
    framed = set(verification.frame.split())
    return any(str(pk) in framed for pk in ids)


# -- what is there -----------------------------------------------------------------------------------------------------


def verifications() -> QuerySet[Verification]:
    """All, the newest first, with draw and report, without the frame: as the public may see them."""
    found = Verification.objects.select_related("version__methodology", "draw", "report", "withdrawal").defer(
        "frame", "version__source", "version__document", "report__content"
    )
    return found.order_by("-frozen_at", "uuid")


def verification(uuid: UUID) -> Verification:
    """One of them, for anybody. Errors: NotFound."""
    found = verifications().filter(pk=uuid).first()
    if found is None:
        raise NotFound
    return found


def verifications_for(user: Viewer | None) -> QuerySet[Verification]:
    """Those of the areas that a login looks after, or verifies in."""
    mine = Q(pk__in=[])
    for code in accounts.staff_scope(user, *READERS):
        mine |= Q(region__startswith=prefix_of(code))
    return verifications().filter(mine)


def verification_for(user: Viewer | None, uuid: UUID) -> Verification:
    """One of `verifications_for`. Errors: NotFound, also for another area's."""
    found = verifications_for(user).filter(pk=uuid).first()
    if found is None:
        raise NotFound
    return found


def verifier_of(verification: Verification) -> VerifierDeclaration | None:
    """Who took the work: the one declaration without a conflict."""
    return VerifierDeclaration.objects.filter(verification=verification, conflicted=False).first()


def reads_records(user: Viewer | None, verification: Verification) -> bool:
    """Whether a login may see the sampled records: staff of the area, and its verifier alone of all verifiers."""
    if accounts.in_scope(user, verification.region, *AREA_READERS):
        return True
    person = accounts.person_of(user)
    taken = verifier_of(verification)
    return person is not None and taken is not None and taken.person == person.pk


def sampled(verification: Verification, place: int) -> SampledRecord:
    """The sampled record at a place. Errors: NotFound."""
    found = verification.sample.filter(place=place).first() if 0 < place < 2**31 else None
    if found is None:
        raise NotFound
    return found


def newest_answers(verification: Verification, *, of: SampledRecord | None = None) -> Answers:
    """The answers that count, by sampled record and question. One query."""
    rows = VerificationAnswer.objects.filter(sampled__verification=verification)
    if of is not None:
        rows = rows.filter(sampled=of)
    rows = rows.order_by("sampled", "question", "-revision").distinct("sampled", "question")
    return {(row.sampled_id, row.question): row for row in rows}


@dataclass(frozen=True, slots=True)
class Counts:
    """Answers by result, and records by the worst answer that they got."""

    records: int
    answered: int
    checks: int
    yes: int
    no: int
    unclear: int
    not_applicable: int
    records_wrong: int
    records_unclear: int

    @property
    def missing(self) -> int:
        """Checks without an answer."""
        return self.checks - self.answered


def counts(verification: Verification, answers: Answers) -> Counts:
    """What the answers come to. Pure."""
    results = [row.result for row in answers.values()]
    wrong = {sampled for (sampled, _question), row in answers.items() if row.result == "no"}
    unclear = {sampled for (sampled, _question), row in answers.items() if row.result == "unclear"} - wrong
    return Counts(
        records=verification.sample_size,
        answered=len(results),
        checks=verification.sample_size * len(verification.questions),
        yes=results.count("yes"),
        no=results.count("no"),
        unclear=results.count("unclear"),
        not_applicable=results.count("n_a"),
        records_wrong=len(wrong),
        records_unclear=len(unclear),
    )


def open_for_verifier(person: UUID, areas: list[str]) -> list[tuple[Verification, int]]:
    """Drawn and unsigned verifications of these areas that a person works on, or could still take; with the number of
    checks that they answered. Two queries."""
    mine = Q(pk__in=[])
    for code in areas:
        mine |= Q(region__startswith=prefix_of(code))
    declared = VerifierDeclaration.objects.filter(person=person)
    taken = VerifierDeclaration.objects.filter(conflicted=False)
    found = (
        verifications()
        .filter(mine, draw__isnull=False, report__isnull=True, withdrawal__isnull=True)
        .exclude(Q(opened_by=person) | Q(draw__drawn_by=person))
        .filter(
            Q(pk__in=declared.filter(conflicted=False).values("verification"))
            | ~Q(pk__in=taken.values("verification")) & ~Q(pk__in=declared.values("verification"))
        )
    )
    rows = list(found[:50])
    answered = dict(
        VerificationAnswer.objects.filter(sampled__verification__in=[row.pk for row in rows], revision=1)
        .values_list("sampled__verification")
        .annotate(Count("pk"))
    )
    return [(row, answered.get(row.pk, 0)) for row in rows]


def waiting_for_number(person: UUID) -> list[Verification]:
    """Frames that a person froze and whose random number is not entered."""
    return list(verifications().filter(opened_by=person, draw__isnull=True, withdrawal__isnull=True)[:50])
