"""What a review has gathered: votes, answers, comments, and which gates before a decision still stand shut."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q, QuerySet

from carbon_portal.kernel import approvals
from carbon_portal.kernel.errors import NotFound
from methodologies.constants import (
    APPROVE_KIND,
    COUNTED_EXPERTS,
    FROZEN_STATES,
    NOTICE_DAYS,
    OpinionVerdict,
    StageState,
    VersionState,
)
from methodologies.engine import DocumentError, load_document
from methodologies.engine.document import Document, Entry
from methodologies.errors import (
    CommentsStillOpen,
    CommentsUnanswered,
    ExpertsAgainst,
    ExpertsNotEnough,
    NotApproved,
    NoticeTooShort,
    ReviewError,
    SampleValues,
    SimulationMissing,
    ValuesExpired,
    ValuesNotOfficial,
)
from methodologies.models import (
    CommentReply,
    DraftEdit,
    JointRequest,
    MethodologyVersion,
    PublicComment,
    ReviewExpert,
    SimulationOnFile,
    Stage,
)

from .library import factor_library, program_for
from .samples import sample_names
from .stages import stages

if TYPE_CHECKING:
    from collections.abc import Callable


def subject_of(version: MethodologyVersion) -> str:
    """How approvals name a version."""
    return f"methodology:{version}"


def version_of(subject: str) -> MethodologyVersion:
    """The version that an approval is about. Errors: NotFound."""
    code, _, number = subject.removeprefix("methodology:").rpartition("@")
    return version_in_review(code=code, version=number)


def version_in_review(*, code: str, version: str) -> MethodologyVersion:
    """One version whatever its state; for pages behind a desk. Errors: NotFound."""
    found = (
        MethodologyVersion.objects.filter(methodology_id=code, version=version)
        .select_related("methodology", "successor")
        .first()
    )
    if found is None:
        raise NotFound
    return found


def content_of(subject: str) -> str:
    """The hash of a version's text as it stands: what an approval binds."""
    return version_of(subject).sha256


def authors_of(version: MethodologyVersion) -> frozenset[uuid.UUID]:
    """Who wrote the text: whoever saved a draft of it, and whoever forwarded it."""
    forwarded = Stage.objects.filter(version=version, state__in=(StageState.DRAFT, StageState.SUBMITTED))
    found = set(forwarded.exclude(person=None).values_list("person", flat=True))
    found |= set(DraftEdit.objects.filter(draft__version=version).values_list("person", flat=True))
    return frozenset(one for one in found if one is not None)


def barred_from(version: MethodologyVersion) -> frozenset[uuid.UUID]:
    """Who may not decide on it: its authors and whoever was invited to review it as an expert."""
    experts = ReviewExpert.objects.filter(stage__version=version).values_list("person", flat=True)
    return authors_of(version) | frozenset(experts)


# -- lists -------------------------------------------------------------------------------------------------------------


def versions_under_way() -> QuerySet[MethodologyVersion]:
    """Everything that lies with the province now, without the large columns."""
    return (
        MethodologyVersion.objects.filter(
            state__in=(
                VersionState.SUBMITTED, VersionState.IN_REVIEW, VersionState.PUBLIC_COMMENT, VersionState.APPROVED,
            )
        )
        .select_related("methodology")
        .defer("source", "document")
        .prefetch_related("stages")
    )  # fmt: skip


def returned_versions() -> QuerySet[MethodologyVersion]:
    """What was sent back and has not come again."""
    return (
        MethodologyVersion.objects.filter(state=VersionState.DRAFT, stages__state=StageState.RETURNED)
        .select_related("methodology")
        .defer("source", "document")
        .prefetch_related("stages")
        .distinct()
    )


def open_consultations(*, today: dt.date) -> list[MethodologyVersion]:
    """Versions that the public may comment on now, the first to close first."""
    rows = versions_under_way().filter(state=VersionState.PUBLIC_COMMENT)
    found = [(stage.due_on, row.pk, row) for row in rows if (stage := open_comment_stage(row, today=today))]
    return [row for _due, _pk, row in sorted(found, key=lambda one: (one[0] or dt.date.max, one[1]))]


# -- the steps ---------------------------------------------------------------------------------------------------------


def latest(version: MethodologyVersion, state: StageState) -> Stage | None:
    """The stage of this round (since the last return); what earlier rounds said is of another text."""
    found = None
    for stage in stages(version):
        if stage.state == StageState.RETURNED:
            found = None
        elif stage.state == state:
            found = stage
    return found


@dataclass(frozen=True, slots=True)
class Vote:
    """What the experts said. `counted` are opinions of experts who declared no conflict."""

    experts: list[ReviewExpert] = field(default_factory=list)
    counted: int = 0
    agree: int = 0
    disagree: int = 0
    conflicted: int = 0
    silent: int = 0


def vote_of(version: MethodologyVersion) -> Vote:
    """The vote of this round. Who declared a conflict is heard and does not count. Three queries."""
    stage = latest(version, StageState.EXPERT_REVIEW)
    if stage is None:
        return Vote()
    experts = list(stage.experts.select_related("declaration__opinion").order_by("id"))
    opinions = [one.declaration.opinion for one in experts if _has_opinion(one) and not one.declaration.conflicted]
    return Vote(
        experts=experts,
        counted=len(opinions),
        agree=sum(one.verdict != OpinionVerdict.DISAGREE for one in opinions),
        disagree=sum(one.verdict == OpinionVerdict.DISAGREE for one in opinions),
        conflicted=sum(hasattr(one, "declaration") and one.declaration.conflicted for one in experts),
        silent=sum(not _has_opinion(one) for one in experts),
    )


def _has_opinion(expert: ReviewExpert) -> bool:
    return hasattr(expert, "declaration") and hasattr(expert.declaration, "opinion")


def vote_refusal(vote: Vote) -> ReviewError | None:
    """Why the experts' vote does not carry: too few opinions that count, or no majority."""
    if vote.counted < COUNTED_EXPERTS:
        return ExpertsNotEnough(counted=vote.counted, needed=COUNTED_EXPERTS)
    if vote.agree * 2 <= vote.counted:
        return ExpertsAgainst(agree=vote.agree, counted=vote.counted)
    return None


def joint_requests(version: MethodologyVersion) -> list[JointRequest]:
    """The departments of this round with their answers and reminders."""
    stage = latest(version, StageState.JOINT_SIGNING)
    if stage is None:
        return []
    return list(
        stage.joint_requests.select_related("answer", "organisation").prefetch_related("reminders").order_by("id")
    )


def open_comment_stage(version: MethodologyVersion, *, today: dt.date) -> Stage | None:
    """The comment period that runs on a day, its last day included; None where there is none."""
    if version.state != VersionState.PUBLIC_COMMENT:
        return None
    stage = latest(version, StageState.PUBLIC_COMMENT)
    return stage if stage is not None and (stage.due_on is None or today <= stage.due_on) else None


def comments_on(version: MethodologyVersion) -> list[PublicComment]:
    """Every comment on a version with its reply, the newest first; those of earlier rounds stay to be read."""
    return list(PublicComment.objects.filter(stage__version=version).select_related("reply", "stage").order_by("-id"))


def comment_on(version: MethodologyVersion, pk: int) -> PublicComment:
    """One comment on this version. Errors: NotFound."""
    found = PublicComment.objects.filter(stage__version=version, pk=pk).select_related("stage__version").first()
    if found is None:
        raise NotFound
    return found


def text_read(comment: PublicComment) -> Document | None:
    """The text that a comment was about, from the saves of its draft; None where it came without a draft.

    What was forwarded is the last save before the comment period: while a draft is away nobody saves it.
    """
    saves = DraftEdit.objects.filter(draft__version=comment.stage.version_id, at__lte=comment.stage.at)
    source = saves.order_by("-number").values_list("source", flat=True).first()
    if source is None:
        return None
    try:
        document = load_document(source, name="draft.yaml")
    except DocumentError:
        return None
    return document if document.sha256 == comment.content_sha256 else None


def kept_texts(comments: list[PublicComment], version: MethodologyVersion) -> frozenset[str]:
    """Hashes of earlier texts that were commented on and can still be read. One query for each such text."""
    earlier = {one.content_sha256: one for one in comments if one.content_sha256 != version.sha256}
    return frozenset(sha256 for sha256, one in earlier.items() if text_read(one) is not None)


def changes_told(comment: PublicComment) -> str:
    """What the replies of the same round said was changed: a formula line that none of them mentions is marked."""
    said = CommentReply.objects.filter(comment__stage=comment.stage_id).exclude(change="").order_by("pk")
    return "\n".join(said.values_list("change", flat=True))


def unanswered(version: MethodologyVersion) -> int:
    """Comments without a reply, of all rounds."""
    return PublicComment.objects.filter(stage__version=version, reply__isnull=True).count()


def consulted_version(*, code: str, version: str) -> MethodologyVersion:
    """A version that the public may read about: it has been open for comment, or is published. Errors: NotFound."""
    found = version_in_review(code=code, version=version)
    if found.state in FROZEN_STATES or Stage.objects.filter(version=found, state=StageState.PUBLIC_COMMENT).exists():
        return found
    raise NotFound


def version_before(version: MethodologyVersion) -> MethodologyVersion | None:
    """The newest published version of the code, which this one would replace; None for a new code."""
    published = MethodologyVersion.objects.filter(methodology=version.methodology_id, state__in=FROZEN_STATES)
    return published.exclude(pk=version.pk).order_by("-effective_from", "-id").first()


def simulation_on_file(version: MethodologyVersion) -> SimulationOnFile | None:
    """The newest report of exactly this text."""
    return SimulationOnFile.objects.filter(version=version, sha256=version.sha256).order_by("-id").first()


# -- gates -------------------------------------------------------------------------------------------------------------


def values_in_use(version: MethodologyVersion) -> Iterator[tuple[str, Entry]]:
    """(name, entry) of each value that this text uses from its first day on, shared factors included."""
    program = program_for(version)
    for parameter in program.document.parameters.values():
        if parameter.factor:
            known = factor_library().factors[parameter.factor].values
            dated = [(day, one) for day, one in known if parameter.vintage in (None, one.data_year)]
        else:
            dated = [(day, one) for day, cell in parameter.values for one in _entries(cell)]
        earlier = [day for day, _one in dated if day <= version.effective_from]
        first = max(earlier, default=dt.date.min)
        for day, entry in dated:
            if day >= first:
                yield parameter.name, entry


def _entries(cell: object) -> list[Entry]:
    return [cell] if isinstance(cell, Entry) else list(cell.values())  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of a decision: what it is about, and why it is shut (None: open)."""

    code: str
    refusal: ReviewError | None


def gates(version: MethodologyVersion, *, today: dt.date, publishing: bool = False) -> list[Gate]:
    """Section 9: what must hold before approval, and once more, with the approval itself, before publication."""
    found = [
        Gate("experts", vote_refusal(vote_of(version))),
        Gate("comments", _comments_gate(version, today)),
        Gate("simulation", None if simulation_on_file(version) else SimulationMissing()),
        Gate("best_before", _expired_gate(version, today)),
        Gate("sample", _sample_gate(version)),
        Gate("official", _official_gate(version)),
        Gate("notice", _notice_gate(version, today)),
    ]
    if publishing:
        approved = approvals.approved_content(APPROVE_KIND, subject_of(version)) == version.sha256
        found.append(Gate("approved", None if approved else NotApproved()))
    return found


def require_gates(version: MethodologyVersion, *, today: dt.date, publishing: bool = False) -> None:
    """Raise the first gate that is shut."""
    for gate in gates(version, today=today, publishing=publishing):
        if gate.refusal is not None:
            raise gate.refusal


def _comments_gate(version: MethodologyVersion, today: dt.date) -> ReviewError | None:
    stage = open_comment_stage(version, today=today)
    if stage is not None:
        return CommentsStillOpen(until=stage.due_on.isoformat() if stage.due_on else "")
    waiting = unanswered(version)
    return CommentsUnanswered(count=waiting) if waiting else None


def _expired_gate(version: MethodologyVersion, today: dt.date) -> ReviewError | None:
    names = _names(version, lambda entry: entry.best_before < today)
    return ValuesExpired(names=names) if names else None


def _sample_gate(version: MethodologyVersion) -> ReviewError | None:
    if settings.DEMO:
        return None
    names = sample_names(program_for(version).tables)
    return SampleValues(names=", ".join(names)) if names else None


def _official_gate(version: MethodologyVersion) -> ReviewError | None:
    """Section 5: what may be certified stands on official values; a sample counts as one in the demo alone."""
    if not version.certifiable:
        return None
    accepted = {"official", "sample"} if settings.DEMO else {"official"}
    tables = program_for(version).tables.values()
    names = [one.name for one in tables if any(cell.entry.confidence not in accepted for cell in one.cells)]
    return ValuesNotOfficial(names=", ".join(names)) if names else None


def _names(version: MethodologyVersion, wanted: "Callable[[Entry], bool]") -> str:
    return ", ".join(dict.fromkeys(name for name, entry in values_in_use(version) if wanted(entry)))


def _notice_gate(version: MethodologyVersion, today: dt.date) -> ReviewError | None:
    earliest = today + dt.timedelta(days=NOTICE_DAYS)
    if version.effective_from >= earliest:
        return None
    return NoticeTooShort(days=NOTICE_DAYS, earliest=earliest.isoformat(), chosen=version.effective_from.isoformat())


def ended_for(*, activity: str, region: str, on: dt.date) -> MethodologyVersion | None:
    """The withdrawn version that would have applied to a deed had it not ended before; None where there is none."""
    from .library import covering_regions

    return (
        MethodologyVersion.objects.filter(
            Q(methodology__region__in=covering_regions(region)),
            methodology__activity=activity,
            state=VersionState.WITHDRAWN,
            sunset_on__lt=on,
        )
        .select_related("methodology", "successor")
        .defer("source", "document")
        .order_by("-sunset_on")
        .first()
    )
