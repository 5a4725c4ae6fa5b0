"""A verification on a sample: the frame as it was frozen, the draw, the sample, who verifies, each answer, the report.

Every row is written once. What comes later is a row of a later table, so the order (first the frame, then the random
number, then the work) is in the rows and guarded by triggers, not by a state that somebody could set back.
"""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from carbon_portal.kernel.append_only import APPEND_ONLY_TRIGGERS, AppendOnly
from credits.constants import CheckResult
from methodologies.models import MethodologyVersion

SHA256 = r"^[0-9a-f]{64}$"
# One after the other: an answer that is under way when the report is signed is in it, or is refused.
_LOCK = "PERFORM pg_advisory_xact_lock(hashtextextended('verification:' || {verification}, 0));"
_REFUSE = "RAISE EXCEPTION 'verification: {why}' USING ERRCODE = 'restrict_violation';"


def _guard(name: str, func: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(name=name, operation=pgtrigger.Insert, when=pgtrigger.Before, func=func + " RETURN NEW;")


# A frame that was there before the number is what keeps anybody from choosing the number for its sample.
_NUMBER_AFTER_FRAME = f"""
    IF NEW.published_on <= (SELECT (v.frozen_at AT TIME ZONE 'Asia/Shanghai')::date FROM credits_verification v
                             WHERE v.uuid = NEW.verification_id)
       OR NEW.published_on > (NEW.drawn_at AT TIME ZONE 'Asia/Shanghai')::date THEN
        {_REFUSE.format(why="the random number must be published after the frame and before the draw")}
    END IF;
"""  # noqa: S608  (made of the constants above)
_TICKET_IS_COMPUTED = f"""
    IF NOT EXISTS (
        SELECT FROM credits_verification v JOIN credits_verificationdraw d ON d.verification_id = v.uuid
         WHERE v.uuid = NEW.verification_id
           AND NEW.place <= v.sample_size
           AND position(E'\\n' || NEW.record_id || E'\\n' IN E'\\n' || v.frame) > 0
           AND NEW.ticket = encode(sha256(convert_to(
               v.frame_sha256 || E'\\n' || d.seed || E'\\n' || NEW.record_id, 'UTF8')), 'hex')) THEN
        {_REFUSE.format(why="a sampled record that the frame and the random number do not give")}
    END IF;
"""
# R8, T35: the verifier is nobody who opened or drew, holds nothing in the frame, and is one person.
_VERIFIER_IS_APART = f"""
    IF EXISTS (SELECT FROM credits_verification v LEFT JOIN credits_verificationdraw d ON d.verification_id = v.uuid
                WHERE v.uuid = NEW.verification_id AND NEW.person IN (v.opened_by, d.drawn_by)) THEN
        {_REFUSE.format(why="who opened it or drew the sample does not verify it")}
    END IF;
    IF NOT NEW.conflicted AND EXISTS (
        WITH own AS MATERIALIZED (
            SELECT b.id, b.occurred_on FROM behaviors_behaviorrecord b WHERE b.person_id = NEW.person
             UNION
            SELECT b.id, b.occurred_on FROM accounts_participant p
              JOIN behaviors_behaviorrecord b ON b.participant_id = p.uuid
             WHERE p.person_id = NEW.person
                OR p.household_id IN (SELECT household_id FROM accounts_householdmember WHERE person_id = NEW.person)
                OR p.organisation_id IN (SELECT organisation_id FROM accounts_membership WHERE person_id = NEW.person))
        SELECT FROM credits_verification v JOIN own ON own.occurred_on BETWEEN v.first AND v.last
         WHERE v.uuid = NEW.verification_id AND position(E'\\n' || own.id || E'\\n' IN E'\\n' || v.frame) > 0) THEN
        {_REFUSE.format(why="the frame holds records of the verifier, or of their family or firm")}
    END IF;
"""  # noqa: S608
_OF_SAMPLED = "(SELECT s.verification_id FROM credits_sampledrecord s WHERE s.id = NEW.sampled_id)"
_ANSWER_IN_TIME = f"""
    {_LOCK.format(verification=_OF_SAMPLED)}
    IF NOT EXISTS (
        SELECT FROM credits_sampledrecord s
          JOIN credits_verification v ON v.uuid = s.verification_id
          JOIN credits_verifierdeclaration d ON d.verification_id = v.uuid AND NOT d.conflicted
         WHERE s.id = NEW.sampled_id AND d.person = NEW.person AND NEW.question = ANY (v.questions)) THEN
        {_REFUSE.format(why="an answer of somebody else, or to no question of the guide")}
    END IF;
    IF EXISTS (SELECT FROM credits_verificationreport r JOIN credits_sampledrecord s
                 ON s.verification_id = r.verification_id WHERE s.id = NEW.sampled_id) THEN
        {_REFUSE.format(why="the report is signed, answers stay as they are")}
    END IF;
    IF NEW.revision <> 1 + (SELECT count(*) FROM credits_verificationanswer a
                             WHERE a.sampled_id = NEW.sampled_id AND a.question = NEW.question) THEN
        {_REFUSE.format(why="revisions are numbered without a gap")}
    END IF;
"""  # noqa: S608
_REPORT_IS_WHOLE = f"""
    {_LOCK.format(verification="NEW.verification_id")}
    IF NOT EXISTS (SELECT FROM credits_verifierdeclaration d WHERE d.verification_id = NEW.verification_id
                      AND NOT d.conflicted AND d.person = NEW.signed_by) THEN
        {_REFUSE.format(why="only its verifier signs it")}
    END IF;
    IF (SELECT v.sample_size * cardinality(v.questions) FROM credits_verification v WHERE v.uuid = NEW.verification_id)
       <> (SELECT count(*) FROM (SELECT DISTINCT a.sampled_id, a.question FROM credits_verificationanswer a
             JOIN credits_sampledrecord s ON s.id = a.sampled_id
            WHERE s.verification_id = NEW.verification_id) answered) THEN
        {_REFUSE.format(why="not every check has an answer")}
    END IF;
"""  # noqa: S608


_NOT_WITHDRAWN = """
    {lock}
    IF EXISTS (SELECT FROM credits_verificationwithdrawal w WHERE w.verification_id = {verification}) THEN
        {refuse}
    END IF;
"""
# What was found stays: as soon as one answer is written there is nothing to take back.
_NOTHING_FOUND = f"""
    {_LOCK.format(verification="NEW.verification_id")}
    IF EXISTS (SELECT FROM credits_verificationanswer a JOIN credits_sampledrecord s ON s.id = a.sampled_id
                WHERE s.verification_id = NEW.verification_id) THEN
        {_REFUSE.format(why="it has answers and is not withdrawn any more")}
    END IF;
"""


def _not_withdrawn(verification: str = "NEW.verification_id") -> pgtrigger.Trigger:
    refuse = _REFUSE.format(why="it was withdrawn")
    return _guard(
        "not_withdrawn",
        _NOT_WITHDRAWN.format(lock=_LOCK.format(verification=verification), verification=verification, refuse=refuse),
    )


class Verification(AppendOnly):
    """What is verified by which guide, and the frame: record numbers, one a line, as the public file holds them.

    `sample_size` follows from the count: `percent` of it, rounded up, at least `minimum`, at most all.
    """

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="+")
    region = models.CharField(max_length=6)
    first = models.DateField()
    last = models.DateField()
    guide_version = models.CharField(max_length=20)
    guide_sha256 = models.CharField(max_length=64)
    questions = ArrayField(models.CharField(max_length=40), help_text="codes of the guide's checklist, in its order")
    percent = models.PositiveSmallIntegerField()
    minimum = models.PositiveSmallIntegerField()
    announced = models.CharField(max_length=200, help_text="which random number is going to be used, and when")
    frame = models.TextField(help_text="record numbers in order, a line each")
    frame_sha256 = models.CharField(max_length=64)
    frame_count = models.PositiveIntegerField()
    sample_size = models.PositiveIntegerField()
    opened_by = models.UUIDField(help_text="person")
    frozen_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["-frozen_at"], name="verification_newest")]
        constraints = [
            models.CheckConstraint(name="verification_days_in_order", condition=Q(first__lte=F("last"))),
            models.CheckConstraint(name="verification_frame_is_not_empty", condition=Q(frame_count__gte=1)),
            models.CheckConstraint(
                name="verification_rule", condition=Q(percent__gte=1, percent__lte=100, minimum__gte=1)
            ),
            models.CheckConstraint(name="verification_guide_hash", condition=Q(guide_sha256__regex=SHA256)),
            # Beside these, by migration: the hash is the frame's, and the size follows from the rule.
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.region} {self.first}–{self.last}"


class VerificationDraw(AppendOnly):
    """The random number that decided, from a public source, published after the frame was frozen."""

    verification = models.OneToOneField(Verification, on_delete=models.PROTECT, related_name="draw")
    seed = models.CharField(max_length=200)
    source = models.CharField(max_length=300, help_text="where anybody can look the number up")
    published_on = models.DateField()
    drawn_by = models.UUIDField(help_text="person")
    drawn_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="draw_has_number_and_source", condition=~Q(seed="") & ~Q(source="")),
        ]
        triggers = [*APPEND_ONLY_TRIGGERS, _guard("number_after_frame", _NUMBER_AFTER_FRAME), _not_withdrawn()]


class SampledRecord(AppendOnly):
    """One record of the sample; `ticket` is SHA-256 of frame hash, number and record number, and `place` its rank."""

    verification = models.ForeignKey(Verification, on_delete=models.PROTECT, related_name="sample", db_index=False)
    place = models.PositiveIntegerField()
    record_id = models.BigIntegerField()
    record_on = models.DateField()
    ticket = models.CharField(max_length=64)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["verification", "place"], name="sampled_one_a_place"),
            models.UniqueConstraint(fields=["verification", "record_id"], name="sampled_once"),
            models.CheckConstraint(name="sampled_from_one", condition=Q(place__gte=1)),
        ]
        triggers = [*APPEND_ONLY_TRIGGERS, _guard("ticket_is_computed", _TICKET_IS_COMPUTED)]


class VerifierDeclaration(AppendOnly):
    """A verifier's conflict of interest, or that there is none; who has none takes the work. Not taken back (T35)."""

    verification = models.ForeignKey(Verification, on_delete=models.PROTECT, related_name="declarations")
    person = models.UUIDField()
    conflicted = models.BooleanField()
    statement = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["verification", "person"], name="verifier_declares_once"),
            models.UniqueConstraint(
                fields=["verification"], condition=Q(conflicted=False), name="verification_one_verifier"
            ),
            models.CheckConstraint(name="verifier_conflict_is_told", condition=Q(conflicted=False) | ~Q(statement="")),
        ]
        triggers = [*APPEND_ONLY_TRIGGERS, _guard("verifier_is_apart", _VERIFIER_IS_APART), _not_withdrawn()]


class VerificationAnswer(AppendOnly):
    """The answer to one question about one record; a correction is a further revision, and the newest counts."""

    sampled = models.ForeignKey(SampledRecord, on_delete=models.PROTECT, related_name="answers", db_index=False)
    question = models.CharField(max_length=40)
    revision = models.PositiveSmallIntegerField()
    result = models.CharField(max_length=12, choices=CheckResult)
    note = models.CharField(max_length=1000, blank=True)
    evidence = models.CharField(max_length=300, blank=True)
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            # Of two saves that saw the same answer one is refused and told so.
            models.UniqueConstraint(fields=["sampled", "question", "revision"], name="answer_once_per_revision"),
            models.CheckConstraint(name="answer_result", condition=Q(result__in=CheckResult.values)),
            models.CheckConstraint(
                name="answer_finding_has_words", condition=~Q(result__in=["no", "unclear"]) | ~Q(note="")
            ),
        ]
        triggers = [*APPEND_ONLY_TRIGGERS, _guard("answer_in_time", _ANSWER_IN_TIME), _not_withdrawn(_OF_SAMPLED)]


class VerificationReport(AppendOnly):
    """The signed report. `content` is canonical JSON with every answer, its SHA-256 what the public page shows.

    Numbers are kept apart from the words: they alone are public.
    """

    verification = models.OneToOneField(Verification, on_delete=models.PROTECT, related_name="report")
    content = models.TextField()
    content_sha256 = models.CharField(max_length=64)
    records_wrong = models.PositiveIntegerField(help_text="records with at least one answer “no”")
    records_unclear = models.PositiveIntegerField(help_text="of the others, those with one “can't be confirmed”")
    yes = models.PositiveIntegerField()
    no = models.PositiveIntegerField()
    unclear = models.PositiveIntegerField()
    not_applicable = models.PositiveIntegerField()
    signed_by = models.UUIDField(help_text="person")
    signed_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        triggers = [*APPEND_ONLY_TRIGGERS, _guard("report_is_whole", _REPORT_IS_WHOLE), _not_withdrawn()]


class VerificationWithdrawal(AppendOnly):
    """A verification that was frozen by mistake, taken back before anything was found. Frame and reason stay public."""

    verification = models.OneToOneField(Verification, on_delete=models.PROTECT, related_name="withdrawal")
    reason = models.CharField(max_length=300)
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="verification_withdrawal_says_why", condition=~Q(reason=""))]
        triggers = [*APPEND_ONLY_TRIGGERS, _guard("nothing_found", _NOTHING_FOUND)]
