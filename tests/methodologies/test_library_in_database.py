"""The library in the database: sync, the version in force, the public pages."""

import datetime as dt
import hashlib
import json
import shutil
import subprocess
import sys

import pytest
import yaml
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from carbon_portal.kernel.models import Approval
from carbon_portal.kernel.services.paths import BASE_DIR
from methodologies import selectors, services
from methodologies.errors import FactorChanged
from methodologies.models import FactorLibrary, Methodology, MethodologyVersion
from tests.withdrawing import withdraw

AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
ON = dt.date(2026, 3, 1)
METRO = "gd-metro-trip.yaml"

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    """A library of two documents of one activity, province and city, that a test may change."""
    for name in ("factors.yaml", METRO, "sz-metro-trip.yaml"):
        shutil.copy(services.LIBRARY / name, tmp_path / name)
    return tmp_path


def edit(folder, name, *changes, to=None):
    text = (folder / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / (to or name)).write_text(text, encoding="utf-8")


def newer(folder, start="2026-06-01"):
    edit(
        folder,
        METRO,
        ('version: "1.0"', 'version: "2.0"'),
        ("effective_from: 2025-01-01", f"effective_from: {start}"),
        to="gd-2.yaml",
    )


def test_an_unknown_code_is_published_with_a_founding_approval_and_again_nothing_changes(folder):
    report = services.sync_library(at=AT, folder=folder)
    assert sorted(report.published) == ["GD-METRO-TRIP@1.0", "SZ-METRO-TRIP@1.0"]
    version = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    assert (version.state, version.published_at) == ("published", AT)
    approval = Approval.objects.get(subject="methodology:GD-METRO-TRIP@1.0")
    assert (approval.basis, approval.content_sha256) == ("founding", version.sha256)
    again = services.sync_library(at=AT, folder=folder)
    assert (again.published, again.drafts, len(again.unchanged), again.factors_changed) == ([], [], 2, False)
    assert FactorLibrary.objects.count() == 1


def test_a_new_version_of_a_known_code_is_a_draft_and_applies_to_nothing(folder):
    services.sync_library(at=AT, folder=folder)
    newer(folder)
    assert services.sync_library(at=AT, folder=folder).drafts == ["GD-METRO-TRIP@2.0"]
    found = selectors.version_in_force(activity="metro_trip", region="440605", on=dt.date(2026, 9, 1))
    assert str(found) == "GD-METRO-TRIP@1.0"


def test_a_changed_published_version_is_refused_and_the_others_go_on(folder):
    services.sync_library(at=AT, folder=folder)
    edit(folder, METRO, ('value: "46.7"', 'value: "56.7"'))
    report = services.sync_library(at=AT, folder=folder)
    assert [error.code for error in report.refused] == ["published_version_changed"]
    assert report.unchanged == ["SZ-METRO-TRIP@1.0"]
    assert (
        MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP").document["parameters"]["saving_per_km"][
            "values"
        ]["2025-01-01"]["value"]
        == "46.7"
    )


def test_published_content_is_frozen_in_the_database(folder):
    services.sync_library(at=AT, folder=folder)
    version = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    version.sha256 = "0" * 64
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        version.save()


FROZEN = r"never changes|under review"
CHANGES = {
    "methodology_id": "SZ-METRO-TRIP", "version": "1.1", "effective_from": dt.date(2024, 1, 1), "sha256": "0" * 64,
    "source": "code: OTHER", "document": {}, "title_zh": "别的", "title_en": "Another", "certifiable": True,
    "published_at": AT + dt.timedelta(days=1), "state": "draft",
}  # fmt: skip


SCOPE = {"code": "AA-OTHER", "activity": "bus_trip", "region": "440100", "level": "city", "sector": "waste"}


@pytest.mark.parametrize("field", SCOPE)
def test_what_a_published_version_applies_to_never_changes(folder, field):
    services.sync_library(at=AT, folder=folder)
    rows = Methodology.objects.filter(pk="GD-METRO-TRIP")
    with pytest.raises(DatabaseError, match="scope of GD-METRO-TRIP never changes"), transaction.atomic():
        rows.update(**{field: SCOPE[field]})
    draft = Methodology.objects.create(code="AA-NEW", activity="new", region="440000", level="provincial", sector="x")
    assert Methodology.objects.filter(pk=draft.pk).update(**{field: SCOPE[field]}) == 1


@pytest.mark.parametrize("field", CHANGES)
def test_nobody_changes_a_published_version(folder, field):
    """One by one, in bulk, or by a statement of the web role; its triggers are not the web role's to switch off."""
    services.sync_library(at=AT, folder=folder)
    version = MethodologyVersion.objects.select_related("methodology").get(methodology_id="GD-METRO-TRIP")
    before = MethodologyVersion.objects.filter(pk=version.pk).values().get()
    change = {field: CHANGES[field]}
    setattr(version, field, CHANGES[field])

    def by_statement():
        value = json.dumps(CHANGES[field]) if field == "document" else CHANGES[field]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE methodologies_methodologyversion SET {field} = %s WHERE id = %s", [value, version.pk]
            )

    for deed in (
        version.save,
        lambda: version.save(update_fields=[field]),
        lambda: MethodologyVersion.objects.filter(pk=version.pk).update(**change),
        lambda: MethodologyVersion.objects.bulk_update([version], [field]),
        by_statement,
    ):
        with pytest.raises(DatabaseError, match=FROZEN), transaction.atomic():
            deed()
    assert MethodologyVersion.objects.filter(pk=version.pk).values().get() == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM methodologies_methodologyversion WHERE state = 'published'",
        "TRUNCATE methodologies_methodologyversion CASCADE",
        "ALTER TABLE methodologies_methodologyversion DISABLE TRIGGER ALL",
        "SET LOCAL session_replication_role = 'replica'",
        "DROP TRIGGER pgtrigger_published_content_is_frozen_00000 ON methodologies_methodologyversion",
    ],
)
def test_nobody_removes_a_published_version_or_its_guard(folder, statement):
    services.sync_library(at=AT, folder=folder)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("portal_web",)
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        MethodologyVersion.objects.filter(methodology_id="GD-METRO-TRIP").delete()
    assert MethodologyVersion.objects.filter(state="published").count() == 2


def test_no_setting_of_a_session_switches_the_guard_off(folder):
    """django-pgtrigger knows one that would: it may stand in the session, and changes nothing."""
    services.sync_library(at=AT, folder=folder)
    published = MethodologyVersion.objects.filter(methodology_id="GD-METRO-TRIP")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(tgname::text) FROM pg_trigger"
            " WHERE tgrelid = 'methodologies_methodologyversion'::regclass AND NOT tgisinternal"
        )
        (names,) = cursor.fetchone()
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{','.join(names)}}}"])
    with pytest.raises(DatabaseError, match=FROZEN), transaction.atomic():
        published.update(source="code: OTHER")


def test_there_is_no_admin_to_change_it_in():
    assert not apps.is_installed("django.contrib.admin")


def test_a_factor_value_in_force_is_never_rewritten(folder):
    services.sync_library(at=AT, folder=folder)
    edit(folder, "factors.yaml", ('value: "0.5568"', 'value: "0.6000"'))
    with pytest.raises(FactorChanged):
        services.sync_library(at=AT, folder=folder)
    assert FactorLibrary.objects.count() == 1


def test_two_codes_of_one_activity_and_region_are_never_in_force_together(folder):
    edit(folder, METRO, ("code: GD-METRO-TRIP", "code: GD-METRO-OTHER"), to="other.yaml")
    report = services.sync_library(at=AT, folder=folder)
    assert [error.code for error in report.refused] == ["another_code_in_force"]
    assert Methodology.objects.filter(activity="metro_trip", region="440000").count() == 1


@pytest.mark.parametrize(
    ("region", "on", "expected"),
    [
        ("440304", ON, "SZ-METRO-TRIP@1.0"),  # a district of Shenzhen: the city's own
        ("440605", ON, "GD-METRO-TRIP@1.0"),
        ("441900", ON, "GD-METRO-TRIP@1.0"),  # a city without districts
        ("440605", dt.date(2024, 12, 31), None),
        ("110101", ON, None),
    ],
)
def test_the_narrowest_region_in_force_wins(folder, region, on, expected):
    services.sync_library(at=AT, folder=folder)
    found = selectors.version_in_force(activity="metro_trip", region=region, on=on)
    assert (str(found) if found else None) == expected


def test_the_date_of_the_deed_chooses_superseded_versions_too(folder):
    newer(folder)
    services.sync_library(at=AT, folder=folder)
    for on, version in ((dt.date(2026, 5, 31), "1.0"), (dt.date(2026, 6, 1), "2.0")):
        found = selectors.version_in_force(activity="metro_trip", region="440605", on=on)
        assert found.version == version
    assert MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP", version="1.0").state == "superseded"


def test_a_withdrawn_version_applies_until_its_sunset(folder):
    services.sync_library(at=AT, folder=folder)
    version = MethodologyVersion.objects.get(methodology_id="SZ-METRO-TRIP")
    withdraw(version, sunset_on=dt.date(2026, 6, 30))
    found = [
        str(selectors.version_in_force(activity="metro_trip", region="440304", on=dt.date(2026, month, day)))
        for month, day in ((6, 30), (7, 1))
    ]
    assert found == ["SZ-METRO-TRIP@1.0", "GD-METRO-TRIP@1.0"]  # then the province's again
    assert Methodology.objects.get(pk="SZ-METRO-TRIP").in_force.upper == dt.date(2026, 7, 1)


def test_the_pages_and_the_api_show_the_document_that_runs(client):
    services.sync_library(at=AT)
    page = client.get("/methodologies/").content.decode()
    assert page.count("/methodologies/") >= 12
    version = client.get("/methodologies/GD-METRO-TRIP/1.0/").content.decode()
    for part in ("distance * saving_per_km", "<math", "46.7", "示例值", "467 克", "不计入", "适用范围"):
        assert part in version
    source = client.get("/methodologies/GD-METRO-TRIP/1.0/document.yaml")
    assert source.content == (services.LIBRARY / METRO).read_bytes()
    for code in Methodology.objects.values_list("pk", flat=True):
        assert client.get(f"/methodologies/{code}/1.0/").status_code == 200
    assert client.get("/methodologies/NOTHING/9/").status_code == 404

    body = client.get("/api/v1/methodologies/GD-METRO-TRIP/versions/1.0")
    stored = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    assert body.json()["sha256"] == stored.sha256
    assert client.get("/api/v1/methodologies").json()["methodologies"]
    factors = client.get("/api/v1/factors")
    assert {one["code"] for one in factors.json()["factors"]} >= {"grid.average.guangdong", "fuel.petrol"}
    again = client.get("/api/v1/factors", HTTP_IF_NONE_MATCH=factors["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/v1/methodologies/NOTHING/versions/1").json()["code"] == "not_found"


def test_a_draft_is_not_public(client, folder):
    services.sync_library(at=AT, folder=folder)
    newer(folder)
    services.sync_library(at=AT, folder=folder)
    assert client.get("/methodologies/GD-METRO-TRIP/2.0/").status_code == 404
    assert client.get("/api/v1/methodologies/GD-METRO-TRIP/versions/2.0").status_code == 404


def test_the_sync_command_tells_what_it_did(folder, capsys):
    call_command("methodology", "sync", "--folder", str(folder))
    assert "GD-METRO-TRIP@1.0" in capsys.readouterr().out
    edit(folder, METRO, ('value: "46.7"', 'value: "56.7"'))
    with pytest.raises(SystemExit) as ended:
        call_command("methodology", "sync", "--folder", str(folder))
    assert ended.value.code == 1
    assert "never changes" in capsys.readouterr().err


def test_outside_the_demo_sample_figures_are_not_published(folder, settings, capsys):
    """Nor any other version of such a code; what has none is, and the command says which and why."""
    settings.DEMO = False
    newer(folder)
    edit(folder, "gd-2.yaml", ("confidence: sample", "confidence: press"))
    call_command("methodology", "sync", "--folder", str(folder))
    said = capsys.readouterr().out
    assert "GD-METRO-TRIP@1.0（saving_per_km）" in said
    assert "a draft, since only a demo publishes sample figures: GD-METRO-TRIP@1.0 (saving_per_km)" in said
    states = {str(one): one.state for one in MethodologyVersion.objects.all()}
    assert states == {
        "GD-METRO-TRIP@1.0": "draft", "GD-METRO-TRIP@2.0": "draft", "SZ-METRO-TRIP@1.0": "published",
    }  # fmt: skip
    assert not Approval.objects.filter(subject__contains="GD-METRO-TRIP").exists()
    call_command("methodology", "sync", "--folder", str(folder))
    assert "unchanged: 3" in capsys.readouterr().out
    settings.DEMO = True  # a draft goes its way and is not founded later
    assert services.sync_library(at=AT, folder=folder).published == []


def test_the_shipped_library_outside_the_demo_publishes_what_has_no_sample_figure(settings):
    settings.DEMO = False
    report = services.sync_library(at=AT)
    assert len(report.published) == 10
    assert sorted(report.with_samples) == sorted(report.drafts)
    texts = [path.read_text("utf-8") for path in services.LIBRARY.glob("*.yaml")]
    samples = {yaml.safe_load(text)["code"] for text in texts if "confidence: sample" in text}
    assert {name.partition("@")[0] for name in report.drafts} == samples


def test_a_shared_factor_is_no_sample_outside_the_demo(folder, settings, capsys):
    edit(folder, "factors.yaml", ("confidence: press", "confidence: sample"))
    settings.DEMO = False
    with pytest.raises(CommandError, match=r"示例值.* sample figure"):
        call_command("methodology", "sync", "--folder", str(folder))
    assert not FactorLibrary.objects.exists()
    settings.DEMO = True
    call_command("methodology", "sync", "--folder", str(folder))
    assert FactorLibrary.objects.count() == 1


def test_check_and_evaluate_need_no_database(tmp_path):
    """Run where no server can be reached: an address that nobody listens on."""
    import os

    environment = {
        **os.environ,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    environment |= {"PORTAL_DEMO": "1"}
    table = tmp_path / "in.csv"
    table.write_text(
        "record,participant,occurred_on,region,evidence,distance\n"
        "a,p,2026-03-01,440605,self_declared,10\nb,p,2026-03-01,440605,,-1\n",
        encoding="utf-8",
    )

    def manage(*arguments):
        command = [sys.executable, "manage.py", "methodology", *map(str, arguments)]
        return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True)

    path = services.LIBRARY / METRO
    assert manage("check", path, services.LIBRARY / "factors.yaml").returncode == 0
    done = manage("evaluate", path, table)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "record,computed_g,reduction_g,reason",
        "a,467,233,self_declared",
        "b,0,0,below_min",
    ]
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        path.read_text(encoding="utf-8").replace("distance * saving_per_km", "distance ** 2"), encoding="utf-8"
    )
    refused = manage("check", bad)
    assert refused.returncode == 1
    assert "bad.yaml" in refused.stdout


def test_the_stored_hash_is_that_of_the_stored_document(folder):
    import json

    services.sync_library(at=AT, folder=folder)
    for version in MethodologyVersion.objects.all():
        text = json.dumps(version.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == version.sha256
