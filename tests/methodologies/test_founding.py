"""What an installation brings along is published by its owner alone, once, and by nobody who serves pages or computes."""

import datetime as dt

import psycopg2
import pytest
from django.db import DatabaseError, transaction

from carbon_portal.kernel.models import Approval
from carbon_portal.kernel.services import paths
from methodologies import services
from methodologies.constants import FOUNDING_KIND, VersionState
from methodologies.models import Methodology, MethodologyVersion
from tests.founding import as_owner

AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)


def _founding(version, **changes):
    return {
        "kind": FOUNDING_KIND, "subject": f"methodology:{version}", "content_sha256": version.sha256,
        "basis": Approval.Basis.FOUNDING, "decided_at": AT, **changes,
    }  # fmt: skip


def _copied(version, number, **changes):
    """What a thief of the web's connection would insert: a published text with a number of its own."""
    fields = {field.name: getattr(version, field.name) for field in version._meta.fields if field.name != "id"}
    return MethodologyVersion(**{**fields, "version": number, "published_at": AT, **changes})


@pytest.mark.parametrize("role", [paths.WEB, paths.WORKER])
def test_neither_pages_nor_workers_found_anything(own_database, as_role, role):
    """A version and its founding approval in plain SQL, as either role of the application (R8, T28)."""
    services.sync_library(at=AT)
    approval = (
        "INSERT INTO kernel_approval (uid, kind, subject, content_sha256, basis, approved, initiator_role,"
        " approver_role, decided_at, note) VALUES (gen_random_uuid(), 'methodology.publish', %s, %s, 'founding', true,"
        " '', '', now(), '')"
    )
    code = (
        "INSERT INTO methodologies_methodology SELECT 'AA-STOLEN', 'stolen', region, level, sector"
        " FROM methodologies_methodology WHERE code = 'GD-METRO-TRIP'"
    )
    version = (
        "INSERT INTO methodologies_methodologyversion (methodology_id, version, state, effective_from, sha256, source,"
        " document, title_zh, title_en, certifiable, published_at, created_at) SELECT %s, '9.9', %s, effective_from,"
        " sha256, source, document, title_zh, title_en, certifiable, published_at, created_at"
        " FROM methodologies_methodologyversion WHERE methodology_id = 'GD-METRO-TRIP'"
    )
    states = [state for state in VersionState.values if state != VersionState.DRAFT]
    with as_role(role) as raw, raw.cursor() as cursor:
        cursor.execute(code)
        attacks = [(approval, ("methodology:AA-STOLEN@9.9", "0" * 64))]
        attacks += [(version, (owned, state)) for owned in ("AA-STOLEN", "GD-METRO-TRIP") for state in states]
        for statement, values in attacks:
            cursor.execute("SAVEPOINT before")
            with pytest.raises(psycopg2.Error, match=r"by itself|enters as a draft"):
                cursor.execute(statement, values)
            cursor.execute("ROLLBACK TO SAVEPOINT before")
        cursor.execute(version, ("AA-STOLEN", "draft"))
        assert cursor.rowcount == 1


@pytest.mark.django_db
def test_the_owner_founds_a_new_code_with_its_approval_alone():
    services.sync_library(at=AT)
    known = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    new = Methodology.objects.create(code="AA-NEW", activity="new", region="440000", level="provincial", sector="x")
    later = AT + dt.timedelta(days=1)
    with as_owner():
        for made, approved, reason in (
            (_copied(known, "9.9", published_at=later), True, "is known"),
            (_copied(known, "9.9", methodology=new), False, "no founding approval"),
            (_copied(known, "9.9", methodology=new, state="approved"), True, "enters as a draft"),
        ):
            with transaction.atomic():
                if approved:
                    Approval.objects.create(**_founding(made))
                with pytest.raises(DatabaseError, match=reason), transaction.atomic():
                    made.save(force_insert=True)
                transaction.set_rollback(True)
        for number in ("1.0", "1.1"):
            made = _copied(known, number, methodology=new)
            Approval.objects.create(**_founding(made))
            made.save(force_insert=True)
    assert new.versions.count() == 2


@pytest.mark.parametrize(
    ("command", "role"),
    [("migrate", "owner"), ("methodology sync", "owner"), ("methodology check", "worker"), ("shell", "web")],
)
def test_a_command_takes_the_least_role_that_it_needs(command, role):
    from manage import role_for

    assert role_for(["manage.py", *command.split()]) == role
