"""The way of a version from a draft to the province, step by step; nothing of it is ever rewritten."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from carbon_portal.kernel.append_only import APPEND_ONLY_TRIGGERS, AppendOnly
from methodologies.constants import NEXT_STAGES, STATE_OF_STAGE, StageState

from .library import MethodologyVersion

_SHA256 = r"^[0-9a-f]{64}$"
_STEPS = ", ".join(
    f"('{before}', '{after}')" for before, follow in sorted(NEXT_STAGES.items()) for after in sorted(follow)
)
_STATES = ", ".join(f"('{stage.value}', '{state.value}')" for stage, state in STATE_OF_STAGE.items())


class Stage(AppendOnly):
    """A step that a version has entered. `due_on` is the last day for what has to happen next.

    `content_sha256` is the version's hash at that moment, so that the path tells which text went through it.
    """

    version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="stages")
    state = models.CharField(max_length=20, choices=StageState)
    at = models.DateTimeField()
    person = models.UUIDField(null=True, help_text="who did it; empty for the system")
    role = models.CharField(max_length=30, blank=True)
    note = models.TextField(blank=True)
    due_on = models.DateField(null=True)
    content_sha256 = models.CharField(max_length=64)

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["version", "id"], name="stage_by_version")]
        constraints = [
            models.CheckConstraint(name="stage_known_state", condition=Q(state__in=StageState.values)),
            models.CheckConstraint(name="stage_hash", condition=Q(content_sha256__regex=_SHA256)),
            # A return without a reason helps nobody.
            models.CheckConstraint(name="stage_return_says_why", condition=~Q(state="returned") | ~Q(note="")),
        ]
        triggers = [
            *APPEND_ONLY_TRIGGERS,
            # The order of section 9 and the state and hash of the version, held by the database as well. The version
            # row is changed first, then its stage is written; both are seen here.
            pgtrigger.Trigger(
                name="stages_in_order",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("target", "methodologies_methodologyversion%ROWTYPE"), ("last_state", "text")],
                func=f"""
                    SELECT * INTO target FROM methodologies_methodologyversion WHERE id = NEW.version_id FOR UPDATE;
                    IF (NEW.state, target.state::text) NOT IN ({_STATES})
                       OR NEW.content_sha256 <> target.sha256 THEN
                        RAISE EXCEPTION 'stage % does not fit version % (%)', NEW.state, target.id, target.state
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    SELECT s.state INTO last_state FROM methodologies_stage s
                     WHERE s.version_id = NEW.version_id ORDER BY s.id DESC LIMIT 1;
                    IF last_state IS NULL AND NEW.state IN ('draft', 'submitted', 'superseded', 'withdrawn') THEN
                        RETURN NEW;
                    END IF;
                    IF (COALESCE(last_state, 'draft'), NEW.state) NOT IN ({_STEPS}) THEN
                        RAISE EXCEPTION 'a version does not go from % to %', last_state, NEW.state
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,  # noqa: S608  (made of constants of this program)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.state}"


class SimulationOnFile(AppendOnly):
    """A what-if run over real records that a decision may lean on; it counts for exactly this content."""

    version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="simulations")
    sha256 = models.CharField(max_length=64, help_text="of the document that was run")
    report_uid = models.UUIDField(default=uuid.uuid4, unique=True, help_text="the report, kept by who ran it")
    summary = models.JSONField(help_text="participants, grams and records, for the page of the decision")
    by = models.UUIDField(help_text="person")
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["version", "sha256"], name="simulation_by_content")]
        constraints = [models.CheckConstraint(name="simulation_hash", condition=Q(sha256__regex=_SHA256))]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.report_uid}"
