"""The tester tested: one row corrupted as superuser with the triggers off, and the check must name that row."""

import datetime as dt
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.models import F

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify import documents, grams, points, run
from credits import services
from credits.ledger.services import fold_checkpoints
from credits.models import AccrualItem, Claim, DailyTotal, QueuedAward, Reduction
from tests.credits.cases import AT, prepare, records, resident
from tests.credits.revisions import factor, publish, recomputed


def findings() -> dict[str, list]:
    result = {}
    for finding in run.run():
        if finding.count:
            result[finding.id] = [row[0] for row in finding.offenders]
    return result


class World:
    """A small sound portal: final, provisional, limited, rejected, reversed, queued; and a superuser to break it."""

    def __init__(self, superuser) -> None:
        prepare(points=100)
        alice, bob = resident(), resident()
        far = {"inputs": {"distance": "70"}, "evidence": "feed"}
        window = AT + dt.timedelta(hours=5)
        self.ids = records(
            {"participant": alice},
            {"participant": alice, **far},
            {"participant": alice, **far},
            {"participant": bob, "inputs": {"distance": "0"}},
            {"participant": bob, "window_ends_at": window},
            {"participant": bob, **far},
        )
        services.quantify_pending(at=AT)
        BehaviorRecord.objects.filter(pk=self.ids[5]).update(state="reversed", closed_at=AT)
        services.undo_reversed(at=AT)
        self.queued = records(*[{"participant": resident(), **far} for _ in range(4)])
        services.quantify_pending(at=AT)
        assert QueuedAward.objects.exists()
        self.revised = records({"participant": resident("441900"), "region": "441900", "evidence": "feed"})
        services.quantify_pending(at=AT)
        self.job = recomputed(publish("1.1", factor("50")), "top_up", areas=["441900"])
        connection.cursor().execute("UPDATE behaviors_behaviorrecord SET received_at = now() WHERE state = 'received'")
        assert findings() == {}
        self.superuser = superuser
        first = Reduction.objects.get(record_id=self.ids[0])
        self.record, self.reduction = first.record_id, first.pk

    def do(self, *statements: str) -> dict[str, list]:
        """Corrupt, ask everything, and undo the corruption: one world serves many cases."""
        with self.superuser.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                cursor.execute(statement)
            result = {finding.id: [row[0] for row in finding.offenders] for finding in run.ask(cursor) if finding.count}
        self.superuser.rollback()
        return result

    def fast(self, statement: str) -> dict[str, list[str]]:
        """Corrupt and ask only about this one record and its participant's account."""
        account = f"participant:{Reduction.objects.get(pk=self.reduction).participant_id}:points:2026"
        with self.superuser.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement)
            found = run.fast(accounts=[account], records=[self.record], through=cursor)
        self.superuser.rollback()
        return {finding.id: [row[0] for row in finding.offenders] for finding in found}


@pytest.fixture
def world(own_database, as_role):
    return World(as_role(paths.SUPERUSER))


CONSTRAINTS_OFF = "ALTER TABLE credits_reduction DROP CONSTRAINT reduction_not_negative"

CASES = [
    ("V41", "UPDATE credits_reduction SET region = '440304' WHERE id = {reduction}", "{reduction}"),
    ("V41", "DELETE FROM behaviors_behaviorrecord WHERE id = {record}", "{reduction}"),
    ("V41b", "DELETE FROM credits_reduction WHERE id = {reduction}", "{record}"),
    ("V41b", "UPDATE behaviors_behaviorrecord SET state = 'received' WHERE id = {record}", "{record}"),
    ("V41c", "DELETE FROM behaviors_deedkey WHERE record_id = {record}", "{record}"),
    ("V41c", "UPDATE behaviors_deedkey SET record_id = 999999 WHERE record_id = {record}", "999999"),
    ("V41e", "UPDATE credits_reduction SET basis_id = 999999 WHERE id = {reduction}", "{reduction}"),
    (
        "V41e",
        "UPDATE credits_reduction SET dependencies = dependencies - 'left' WHERE id = {reduction}",
        "{reduction}",
    ),
    (
        "V41e",
        "ALTER TABLE credits_basis DROP CONSTRAINT basis_sha256_of_content; UPDATE credits_basis SET content ="
        " replace(content, '46.7', '46.8')",
        "1",
    ),
    ("V41d", "UPDATE behaviors_behaviorrecord SET final_at = NULL WHERE id = {record}", "{record}"),
    (
        "V42",
        "UPDATE credits_reduction SET methodology_version_id = (SELECT id FROM methodologies_methodologyversion"
        " WHERE methodology_id = 'SZ-METRO-TRIP') WHERE id = {reduction}",
        "{reduction}",
    ),
    ("V42b", "DELETE FROM kernel_approval WHERE subject = 'methodology:GD-METRO-TRIP@1.0'", "GD-METRO-TRIP@1.0"),
    (
        "V42d",
        "UPDATE methodologies_methodologyversion SET document ="
        " jsonb_set(document, '{{effective_from}}', '\"2020-01-01\"')"
        " WHERE methodology_id = 'GD-METRO-TRIP'",
        "GD-METRO-TRIP@1.0",
    ),
    ("V43", CONSTRAINTS_OFF + "; UPDATE credits_reduction SET reduction_g = 468 WHERE id = {reduction}", "{reduction}"),
    ("V44", "UPDATE credits_reduction SET reduction_g = 234 WHERE id = {reduction}", "{reduction}"),
    (
        "V44b",
        "ALTER TABLE credits_reduction DROP CONSTRAINT reduction_self_declared_uncertifiable;"
        " UPDATE credits_reduction SET certifiable = true WHERE id = {reduction}",
        "{reduction}",
    ),
    ("V45", "UPDATE credits_reduction SET revision = 2 WHERE id = {reduction}", "{record}"),
    ("V49", "UPDATE credits_reduction SET reason = 'reversed' WHERE id = {reduction}", "{reduction}"),
    ("V7", "DELETE FROM credits_accrualitem WHERE reduction_id = {reduction}", "{reduction}"),
    ("V7", "UPDATE credits_accrualitem SET credited_g = 999 WHERE reduction_id = {reduction}", "{reduction}"),
    ("V7b", "UPDATE credits_pointsaccrual SET credited_g = credited_g + 100 WHERE id = {accrual}", "{accrual}"),
    ("V7c", "UPDATE credits_pointsaccrual SET awarded_points = awarded_points + 1 WHERE id = {accrual}", "{account}"),
    ("V7d", "UPDATE credits_pointsaccrual SET awarded_points = awarded_points + 1 WHERE id = {accrual}", "{accrual}"),
    (
        "V7e",
        "UPDATE credits_accrualitem SET entry = gen_random_uuid() WHERE reduction_id = {reduction}",
        "{reduction}",
    ),
    ("V48", "UPDATE behaviors_behaviorrecord SET started_at = '2026-11-20 16:30+00' WHERE id = {record}", "{record}"),
    (
        "V60",
        "UPDATE behaviors_behaviorrecord SET state = 'checking',"
        " claimed_at = now() - interval '11 min' WHERE id = {record}",
        "{record}",
    ),
]


def test_a_corrupted_row_is_caught_and_named(world, subtests):
    accrual = AccrualItem.objects.get(reduction_id=world.reduction).accrual
    names = {
        "record": world.record,
        "reduction": world.reduction,
        "accrual": accrual.pk,
        "account": f"participant:{accrual.participant_id}:points:{accrual.year}",
    }
    for check, statement, offender in CASES:
        with subtests.test(check=check, statement=statement):
            found = world.do(statement.format(**names))
            assert offender.format(**names) in found.get(check, []), found
    assert findings() == {}


def test_the_fast_checks_name_the_same_rows_from_one_record_alone(world, subtests):
    accrual = AccrualItem.objects.get(reduction_id=world.reduction).accrual
    names = {
        "record": world.record,
        "reduction": world.reduction,
        "accrual": accrual.pk,
        "account": f"participant:{accrual.participant_id}:points:{accrual.year}",
    }
    scoped = {check.id for check in run.all_checks() if check.scope != "whole"}
    more = [
        ("V50", "UPDATE credits_dailytotal SET records = records + 1 WHERE state = 'final'", None),
        ("V43b", "UPDATE credits_limitusage SET used = used + 1 WHERE limit_key = 'records/day'", None),
        ("V3", "UPDATE ledger_ledgeraccount SET balance = balance + 1 WHERE address = '{account}'", "{account}"),
        ("V1", "UPDATE ledger_ledgerline SET amount = amount + 1 WHERE amount > 0 AND amount < 100", None),
        ("V1b", "UPDATE ledger_ledgerentry SET line_count = line_count + 1", None),
    ]
    for check, statement, offender in [*CASES, *more]:
        if check in scoped and "999999" not in statement:
            with subtests.test(check=check, statement=statement):
                found = world.fast(statement.format(**names))
                assert check in found, found
                assert offender is None or offender.format(**names) in found[check], found
    assert run.fast(accounts=[names["account"]], records=world.ids) == []
    assert run.fast() == []


def test_since_a_checkpoint_only_what_changed_is_asked(world):
    """What was wrong before the checkpoint is the full run's business; what changed since is named."""
    fold_checkpoints()
    assert not any(finding.count for finding in run.run_since_checkpoint())
    with world.superuser.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE credits_reduction SET certifiable = true WHERE evidence = 'feed'")
        cursor.execute("UPDATE credits_reduction SET created_at = created_at - interval '1 year'")
        cursor.execute("UPDATE behaviors_behaviorrecord SET received_at = now() - interval '1 day', final_at = NULL")
    world.superuser.commit()
    assert [finding.id for finding in run.run_since_checkpoint() if finding.count] == []
    late = records({"participant": resident(), "evidence": "feed"})
    services.quantify_pending(at=clock.now())
    with world.superuser.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE credits_reduction SET reduction_g = reduction_g - 1 WHERE record_id = %s", late)
    world.superuser.commit()
    named = {finding.id: finding.offenders for finding in run.run_since_checkpoint() if finding.count}
    assert "V44" in named
    assert "V50" in named


_EARNED = ("credits_accrualitem", "credits_queuedaward")


def test_sums_and_pairs_that_are_off_are_named(world, subtests):
    with subtests.test("V50: a total that is off"):
        found = world.do("UPDATE credits_dailytotal SET reduction_g = reduction_g + 1 WHERE state = 'provisional'")
        assert [name.split()[-1] for name in found["V50"]] == ["provisional"]
        assert set(found) == {"V50", "V50b", "V50c"}
    with subtests.test("V50b: a month that is off"):
        found = world.do("UPDATE credits_monthlytotal SET records = records + 1 WHERE state = 'provisional'")
        assert [name.split()[-1] for name in found["V50b"]] == ["provisional"]
        assert set(found) == {"V50b"}
    with subtests.test("V50c: a city's day that is missing, a city's month that is off"):
        found = world.do("DELETE FROM credits_citytotal WHERE span = 'day' AND state = 'final'")
        assert all(name.split()[1] == "day" for name in found["V50c"])
        assert set(found) == {"V50c"}
        found = world.do("UPDATE credits_citytotal SET reduction_g = reduction_g + 1 WHERE span = 'month'")
        assert all(name.split()[1] == "month" for name in found["V50c"])
    with subtests.test("V50: a missing total"):
        assert world.do("DELETE FROM credits_dailytotal WHERE state = 'final'")["V50"]
    with subtests.test("V43b: a limit's row that is off"):
        found = world.do("UPDATE credits_limitusage SET used = used + 1 WHERE limit_key = 'records/day'")
        assert all("records/day" in name for name in found["V43b"])
    with subtests.test("V43c: more records than the limit"):
        found = world.do(
            "INSERT INTO credits_reduction (record_id, record_on, revision, participant_id, subject, region, activity,"
            " sector, methodology_version_id, code, computed_g, reduction_g, reason, evidence, certifiable,"
            " basis_id, dependencies, created_at) SELECT 70000 + n, record_on, 1, participant_id, subject, region, activity, sector,"
            " methodology_version_id, code, computed_g, reduction_g, reason, evidence, certifiable,"
            " basis_id, dependencies, created_at"
            f" FROM credits_reduction, generate_series(1, 6) n WHERE id = {world.reduction}"
        )
        assert any("records/day" in name for name in found["V43c"])
    with subtests.test("V42j: a later version published as if it came with the installation"):
        approval = (
            "INSERT INTO kernel_approval (uid, kind, subject, content_sha256, basis, approved, initiator_role,"
            " approver_role, decided_at, note) SELECT gen_random_uuid(), 'methodology.publish',"
            " 'methodology:' || methodology_id || '@' || version, sha256, 'founding', true, '', '', published_at, ''"
            f" FROM methodologies_methodologyversion WHERE id = {world.job.version_id}"
        )
        assert world.do(approval)["V42j"] == ["methodology:GD-METRO-TRIP@1.1"]
        later = "UPDATE methodologies_methodologyversion SET published_at = published_at + interval '1 day' WHERE version = '1.1'"
        reviewed = "DELETE FROM kernel_approvalrequest WHERE kind = 'methodology.approve'"
        assert world.do(later, reviewed, approval)["V42j"] == ["methodology:GD-METRO-TRIP@1.1"]
        found = world.do(approval.replace("version, sha256", "'9.9', sha256"))
        assert found["V42j"] == ["methodology:GD-METRO-TRIP@9.9"]
        found = world.do(approval.replace("'methodology.publish'", "'methodology.approve'"))
        assert found["V42j"] == ["methodology:GD-METRO-TRIP@1.1"]
    with subtests.test("V42c: two codes in force"):
        found = world.do(
            "ALTER TABLE methodologies_methodology DROP CONSTRAINT methodology_one_code_in_force",
            "INSERT INTO methodologies_methodology SELECT 'AA-COPY', activity, region, level, sector, in_force"
            " FROM methodologies_methodology WHERE code = 'GD-METRO-TRIP'",
        )
        assert found["V42c"] == ["AA-COPY"]
    with subtests.test("V47: overlapping trips"):
        person = Reduction.objects.get(pk=world.reduction).participant.person_id
        found = world.do(
            "ALTER TABLE behaviors_tripinterval DROP CONSTRAINT trip_person_in_one_place",
            *[
                "INSERT INTO behaviors_tripinterval (person_id, period, record_id, record_on) VALUES"
                f" ('{person}', '[2026-11-19 01:00+00, 2026-11-19 02:00+00)', {pk}, '2026-11-19')"
                for pk in world.ids[:2]
            ],
        )
        assert found["V47"] == [str(world.ids[0])]
    with subtests.test("V11: an overdrawn pool"):
        found = world.do(
            "UPDATE ledger_ledgerline l SET amount = amount - 1000 FROM ledger_ledgeraccount a"
            " WHERE a.id = l.account_id AND a.address LIKE 'pool:%' AND l.amount < 0"
        )
        assert len(found["V11"]) == 1
        assert found["V11"][0].startswith("pool:")
    with subtests.test("V11: points out of a pool that nobody made"):
        found = world.do("DELETE FROM credits_fundedpool")
        assert [name.count(":") for name in found["V11"]] == [1]
    with subtests.test("V11b: points spread into another pool, an account beyond the slots"):
        other = "00000000-0000-4000-8000-000000000001"
        found = world.do(
            f"INSERT INTO ledger_ledgeraccount (address, unit, bounded) VALUES ('pool:{other}:slot:32', 'points', true)",
            "INSERT INTO ledger_ledgerentry (kind, line_count, idempotency_key, payload_sha256, effective_on)"
            f" VALUES ('pool_spread', 2, 'pool_spread:{other}', sha256('x'), '2026-11-22')",
            "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)"
            " SELECT (SELECT max(id) FROM ledger_ledgerentry), 1, min(id), 'points', 5 FROM ledger_ledgeraccount"
            "  WHERE address LIKE 'pool:%:slot:0'",
        )
        assert len(found["V11b"]) == 2
        assert f"pool:{other}:slot:32" in found["V11b"]
    newest = Reduction.objects.get(record_id=world.revised[0], revision=2)
    with subtests.test("V49b: a revision that names nobody, another job's, another result than was approved"):
        for change in ("dependencies = '{}'", "dependencies = jsonb_set(dependencies, '{recomputation}', '0')",
                       "computed_g = computed_g + 1, reduction_g = reduction_g + 1"):  # fmt: skip
            found = world.do(f"UPDATE credits_reduction SET {change} WHERE id = {newest.pk}")
            assert found["V49b"] == [str(newest.pk)], change
        found = world.do(f"UPDATE credits_recomputation SET state = 'waiting' WHERE id = {world.job.pk}")
        assert found["V49b"] == [str(newest.pk)]
        found = world.do("DELETE FROM kernel_approval WHERE kind = 'methodology.recompute'")
        assert found["V49b"] == [str(newest.pk)]
    with subtests.test("V49c: differences that do not add up"):
        name = f"recomputation:{world.job.pk}"
        for change in (
            "UPDATE credits_recomputationpart SET change_g = change_g + 1",
            "UPDATE credits_recomputation SET numbers = jsonb_set(numbers, '{change_g}', '7')",
            f"UPDATE credits_reduction SET reduction_g = reduction_g - 1 WHERE id = {newest.pk}",
        ):
            assert name in world.do(change)["V49c"], change
        assert name in world.do(f"DELETE FROM credits_reduction WHERE id = {newest.pk}")["V49c"]
    with subtests.test("V7f: grams that earned points and do no more"):
        first = Reduction.objects.get(record_id=world.revised[0], revision=1)
        for pk in (first.pk, newest.pk):
            delete = [f"DELETE FROM {table} WHERE reduction_id = {pk}" for table in _EARNED]
            assert world.do(*delete)["V7f"] == [str(world.revised[0])]
    with subtests.test("V23: a gram used twice"):
        claim = {"reduction_id": world.reduction, "kind": "donated", "created_at": AT}
        Claim.objects.create(**claim, grams=200, source="test:1")
        assert findings() == {}
        with pytest.raises(IntegrityError, match="claims_within_reduction"):
            Claim.objects.create(**claim, grams=34, source="test:2")
        found = world.do(
            "INSERT INTO credits_claim (reduction_id, grams, kind, source, created_at)"
            f" VALUES ({world.reduction}, 34, 'pooled', 'test:3', now())"
        )
        assert found["V23"] == [str(world.reduction)]


def test_the_command_exits_0_1_and_2(world, capsys, monkeypatch):
    call_command("verify")
    assert "0 处不符" in capsys.readouterr().out
    DailyTotal.objects.filter(state="final").update(records=F("records") + 1)
    with pytest.raises(SystemExit) as wrong:
        call_command("verify", "--json")
    assert wrong.value.code == 1
    body = json.loads(capsys.readouterr().out)
    assert [check["id"] for check in body["checks"] if check["violations"]] == ["V50", "V50b", "V50c"]
    monkeypatch.setattr(run.grams, "CHECKS", [type(grams.CHECKS[0])("V99", "", "", "SELECT 1/0")])
    with pytest.raises(SystemExit) as impossible:
        call_command("verify", "--fast")
    assert impossible.value.code == 2


def test_every_check_has_a_corruption_here():
    text = Path(__file__).read_text(encoding="utf-8")
    for name in [*(check.id for check in (*grams.CHECKS, *points.CHECKS)), documents.ID]:
        assert f'("{name}"' in text or f'"{name}:' in text or f'"{name}",' in text, name
