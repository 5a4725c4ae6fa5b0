"""The library in the database: documents by version with the exact bytes and their hash, and the factor library."""

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q

from carbon_portal.kernel.append_only import BY_OWNER, NO_TRUNCATE, AppendOnly
from methodologies.constants import (
    APPROVE_KIND,
    FOUNDING_KIND,
    FROZEN_STATES,
    NEXT_STATES,
    WITHDRAW_KIND,
    VersionState,
)

_FROZEN = ", ".join(f"'{state.value}'" for state in FROZEN_STATES)
# The dates of `services.library._update_span`: from the first day of the first version to the last of one that ended.
_SPAN = f"""SELECT FROM methodologies_methodologyversion v
                                CROSS JOIN (SELECT min(effective_from) AS opened, max(effective_from) AS newest
                                              FROM methodologies_methodologyversion
                                             WHERE methodology_id = NEW.code AND state IN ({_FROZEN})) o
                                WHERE v.methodology_id = NEW.code AND v.state IN ({_FROZEN})
                                  AND v.effective_from = o.newest
                                  AND NEW.in_force = daterange(o.opened, CASE WHEN v.state = 'withdrawn'
                                                               THEN greatest(v.sunset_on + 1, o.opened) END)"""  # noqa: S608
_NEXT = ", ".join(f"('{before}', '{after}')" for before, after in NEXT_STATES)


# The canonical JSON of `services.withdrawals.withdrawal_sha256`, written in SQL from the rows as they stand.
_PLAN = """'{"reason":' || to_json(w.reason)::text || ',"sha256":"' || v.sha256
    || '","successor":"' || coalesce(s.methodology_id || '@' || s.version, '')
    || '","sunset_on":"' || w.sunset_on || '","version":"' || v.methodology_id || '@' || v.version || '"}'"""


class Methodology(models.Model):
    """A code with its versions. Activity and issuing region belong to the code and never change once it was in force.

    Per activity and issuing region at most one code is in force at a time: `in_force` is the span of dates.
    """

    code = models.CharField(max_length=40, primary_key=True)
    activity = models.CharField(max_length=40)
    region = models.CharField(max_length=6)
    level = models.CharField(max_length=12)
    sector = models.CharField(max_length=20)
    in_force = DateRangeField(null=True, help_text="from the first published version's effective date")

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="methodology_one_code_in_force",
                expressions=[
                    ("activity", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    ("in_force", RangeOperators.OVERLAPS),
                ],
                condition=Q(in_force__isnull=False),
            ),
        ]
        triggers = [
            # What a published version applies to is found by its code's row, so that is as frozen as its text (Q3).
            pgtrigger.Trigger(
                name="scope_is_frozen",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "((OLD.code, OLD.activity, OLD.region, OLD.level, OLD.sector)"
                    " IS DISTINCT FROM (NEW.code, NEW.activity, NEW.region, NEW.level, NEW.sector))"
                ),
                func=f"""
                    IF EXISTS (SELECT FROM methodologies_methodologyversion v
                                WHERE v.methodology_id = OLD.code AND v.state IN ({_FROZEN})) THEN
                        RAISE EXCEPTION 'the scope of % never changes: a version of it is published', OLD.code
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            # On which days a code is in force follows from its versions; nobody opens or closes the span by itself.
            pgtrigger.Trigger(
                name="span_follows_versions",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                    IF TG_OP = 'INSERT' THEN
                        IF NEW.in_force IS NULL THEN
                            RETURN NEW;
                        END IF;
                    ELSIF NEW.in_force IS NOT DISTINCT FROM OLD.in_force THEN
                        RETURN NEW;
                    END IF;
                    IF NOT EXISTS ({_SPAN}) THEN
                        RAISE EXCEPTION '% is in force on the days of its versions', NEW.code
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.code


class MethodologyVersion(models.Model):
    """One document. Once published its content never changes: a trigger refuses it for everybody (Q3)."""

    methodology = models.ForeignKey(Methodology, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=20)
    state = models.CharField(max_length=20, choices=VersionState, default=VersionState.DRAFT)
    effective_from = models.DateField()
    sha256 = models.CharField(max_length=64, help_text="of the canonical JSON")
    source = models.TextField(help_text="the YAML as it was received")
    document = models.JSONField()
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    certifiable = models.BooleanField()
    published_at = models.DateTimeField(null=True)
    sunset_on = models.DateField(null=True)
    successor = models.ForeignKey("self", on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["methodology", "version"], name="version_once_per_code"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="published_content_is_frozen",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(f"OLD.state IN ({_FROZEN})"),
                func="""
                    IF (NEW.methodology_id, NEW.version, NEW.effective_from, NEW.sha256, NEW.source, NEW.document,
                        NEW.title_zh, NEW.title_en, NEW.certifiable, NEW.published_at)
                       IS DISTINCT FROM
                       (OLD.methodology_id, OLD.version, OLD.effective_from, OLD.sha256, OLD.source, OLD.document,
                        OLD.title_zh, OLD.title_en, OLD.certifiable, OLD.published_at)
                       OR NEW.state NOT IN ('published', 'superseded', 'withdrawn') THEN
                        RAISE EXCEPTION 'version % of % is published and never changes', OLD.version, OLD.methodology_id
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(
                name="published_is_kept",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition(f"OLD.state IN ({_FROZEN})"),
            ),
            # What lies with the province is the text that was forwarded (T29); it goes on in order, and it is approved
            # and published by an approval of exactly this text. The service says it first and in words.
            pgtrigger.Trigger(
                name="reviewed_as_forwarded",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                    IF OLD.state <> 'draft' AND
                       (NEW.methodology_id, NEW.version, NEW.effective_from, NEW.sha256, NEW.source, NEW.document)
                       IS DISTINCT FROM
                       (OLD.methodology_id, OLD.version, OLD.effective_from, OLD.sha256, OLD.source, OLD.document) THEN
                        RAISE EXCEPTION 'version % of % is under review: its text changes as a draft only',
                            OLD.version, OLD.methodology_id USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF NEW.state <> OLD.state THEN
                        IF (OLD.state, NEW.state) NOT IN ({_NEXT}) THEN
                            RAISE EXCEPTION 'version % of % does not go from % to %',
                                OLD.version, OLD.methodology_id, OLD.state, NEW.state
                                USING ERRCODE = 'restrict_violation';
                        END IF;
                        IF NEW.state IN ('approved', 'published') AND NOT EXISTS (
                            SELECT FROM kernel_approval a WHERE a.kind = '{APPROVE_KIND}' AND a.approved
                               AND a.basis = 'four_eyes' AND a.content_sha256 = NEW.sha256
                               AND a.subject = 'methodology:' || NEW.methodology_id || '@' || NEW.version) THEN
                            RAISE EXCEPTION 'version % of % has no approval of this text',
                                OLD.version, OLD.methodology_id USING ERRCODE = 'restrict_violation';
                        END IF;
                    END IF;
                    RETURN NEW;
                """,
            ),
            # What is in force ends by a plan that two people decided on (P2.2-g): its last day and what follows it are
            # those of a plan whose approval binds exactly them, and stay so.
            pgtrigger.Trigger(
                name="ends_as_approved",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                    IF (NEW.sunset_on IS DISTINCT FROM OLD.sunset_on
                        OR (NEW.state = 'withdrawn' AND (NEW.state, NEW.successor_id)
                                                        IS DISTINCT FROM (OLD.state, OLD.successor_id)))
                       AND NOT EXISTS (
                        SELECT FROM methodologies_withdrawal w
                          JOIN methodologies_methodologyversion v ON v.id = w.version_id
                          LEFT JOIN methodologies_methodologyversion s ON s.id = w.successor_id
                          JOIN kernel_approval a ON a.kind = '{WITHDRAW_KIND}' AND a.subject = 'withdrawal:' || w.uid
                         WHERE w.version_id = NEW.id AND w.sunset_on = NEW.sunset_on
                           AND w.successor_id IS NOT DISTINCT FROM NEW.successor_id
                           AND a.approved AND a.basis = 'four_eyes'
                           AND a.content_sha256 = encode(sha256(convert_to({_PLAN}, 'UTF8')), 'hex')) THEN
                        RAISE EXCEPTION 'version % of % has no approved plan of this withdrawal',
                            OLD.version, OLD.methodology_id USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,  # noqa: S608  (made of constants of this program)
            ),
            # What is in force is superseded by a published version of its own code that applies from the same day or a
            # later one, and stays so. What follows a withdrawn one is the plan's business, above.
            pgtrigger.Trigger(
                name="superseded_by_successor",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "((OLD.state, OLD.successor_id) IS DISTINCT FROM (NEW.state, NEW.successor_id)"
                    " AND (NEW.state = 'superseded' OR OLD.successor_id IS DISTINCT FROM NEW.successor_id)"
                    " AND NEW.state <> 'withdrawn' AND NEW.sunset_on IS NOT DISTINCT FROM OLD.sunset_on)"
                ),
                func="""
                    IF OLD.state = 'superseded' OR NOT EXISTS (
                        SELECT FROM methodologies_methodologyversion s
                         WHERE s.id = NEW.successor_id AND s.id <> NEW.id AND s.methodology_id = NEW.methodology_id
                           AND s.state = 'published' AND s.effective_from >= NEW.effective_from) THEN
                        RAISE EXCEPTION 'version % of % has no published successor of its code that it gives way to',
                            OLD.version, OLD.methodology_id USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            # A version begins as a draft and is published by its approval (T28). What an installation brings along is
            # the one exception: the owner of the tables alone enters it, of a code that has nothing but it, with its
            # founding approval of exactly this text. `services.sync_library` is that way.
            pgtrigger.Trigger(
                name="enters_as_draft",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.state <> 'draft'"),
                func=f"""
                    IF NEW.state <> 'published' OR NOT {BY_OWNER} THEN
                        RAISE EXCEPTION 'version % of % enters as a draft, not as %',
                            NEW.version, NEW.methodology_id, NEW.state USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF EXISTS (SELECT FROM methodologies_methodologyversion o
                                WHERE o.methodology_id = NEW.methodology_id
                                  AND o.published_at IS DISTINCT FROM NEW.published_at) THEN
                        RAISE EXCEPTION '% is known: its version % enters as a draft', NEW.methodology_id, NEW.version
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF NOT EXISTS (
                        SELECT FROM kernel_approval a WHERE a.kind = '{FOUNDING_KIND}' AND a.basis = 'founding'
                           AND a.content_sha256 = NEW.sha256
                           AND a.subject = 'methodology:' || NEW.methodology_id || '@' || NEW.version) THEN
                        RAISE EXCEPTION 'version % of % has no founding approval of this text',
                            NEW.version, NEW.methodology_id USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,  # noqa: S608  (made of constants of this program)
            ),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.methodology_id}@{self.version}"


class FactorLibrary(AppendOnly):
    """A synced state of factors.yaml. Values are dated inside; a new file is a new row, the newest row applies."""

    sha256 = models.CharField(max_length=64, unique=True)
    source = models.TextField()
    synced_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        pass
