"""The job around a simulation: asked for, run once, given up, taken up again; and its pages."""

import datetime as dt
import io
import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from accounts.constants import Role
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.kernel.regions import UnknownRegion
from credits import services
from credits.models import Simulation
from credits.services import simulations as deeds
from credits.simulation.errors import BadSimulation, SimulationOver, TooManySimulations
from methodologies.models import MethodologyVersion, SimulationOnFile
from tests.people import adviser, build_cast, person_of, staff

from .cases import AT, ON, prepare, records, resident

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
METRO = "GD-METRO-TRIP"
FOSHAN, GUANGZHOU = "440600", "440100"


def version() -> MethodologyVersion:
    return MethodologyVersion.objects.get(methodology_id=METRO)


def start(**changes) -> Simulation:
    given = {"source": version().source, "version": version(), "region": "440000", "first": ON - dt.timedelta(days=30),
             "last": ON, "by": None, "at": clock.now()}  # fmt: skip
    return services.start_simulation(**{**given, **changes})


@pytest.fixture
def trips() -> list[int]:
    prepare()
    people = [resident() for _ in range(7)]
    ids = records(
        *[{"participant": one, "evidence": "feed", "on": ON - dt.timedelta(days=n)} for n, one in enumerate(people)]
    )
    services.quantify_pending(at=AT)
    return ids


def test_a_run_ends_with_its_report_and_a_second_one_does_nothing(trips) -> None:
    made = start()
    assert made.state == "queued"
    assert services.run_simulation(pk=made.pk) is True
    made.refresh_from_db()
    assert (made.state, made.attempts, made.done_parts, made.all_parts) == ("done", 1, 1, 1)
    assert made.report["draft"]["grams"] == 7 * 467
    assert services.run_simulation(pk=made.pk) is False
    with pytest.raises(SimulationOver):
        services.cancel_simulation(simulation=made, at=AT)


def test_who_was_cancelled_stops_and_reports_nothing(trips, monkeypatch) -> None:
    made = start()
    real = deeds.simulate

    def cancelled_meanwhile(asked, progress):
        services.cancel_simulation(simulation=made, at=AT)
        return real(asked, progress)

    monkeypatch.setattr(deeds, "simulate", cancelled_meanwhile)
    assert services.run_simulation(pk=made.pk) is False
    made.refresh_from_db()
    assert (made.state, made.report) == ("cancelled", None)


def test_a_dead_worker_s_run_is_taken_up_again_and_given_up_in_words_after_three(trips) -> None:
    made = start()
    at = clock.now()
    for attempt in (1, 2, 3):
        assert deeds._claim(made.pk, at) == attempt  # and the worker dies
        assert services.sweep_simulations(at=at + dt.timedelta(seconds=60)) == 0
        at += dt.timedelta(minutes=3)
        assert services.sweep_simulations(at=at) == 1
    made.refresh_from_db()
    assert made.state == "failed"
    assert "中断了 3 次" in made.why


def test_an_overtaken_worker_cannot_end_what_another_has(trips, monkeypatch) -> None:
    made = start()
    real = deeds.simulate

    def slow(asked, progress):
        report = real(asked, progress)
        services.sweep_simulations(at=clock.now() + dt.timedelta(minutes=3))
        assert deeds._claim(made.pk, clock.now()) == 2
        return report

    monkeypatch.setattr(deeds, "simulate", slow)
    assert services.run_simulation(pk=made.pk) is False
    made.refresh_from_db()
    assert (made.state, made.attempts, made.report) == ("running", 2, None)


def test_a_finished_report_never_changes(trips) -> None:
    made = start()
    services.run_simulation(pk=made.pk)
    with pytest.raises(Exception, match="Cannot update"), connection.cursor() as cursor:
        cursor.execute("UPDATE credits_simulation SET report = '{}'")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"first": ON, "last": ON - dt.timedelta(days=1)}, BadSimulation),
        ({"last": dt.date(2999, 1, 1)}, BadSimulation),
        ({"first": dt.date(2000, 1, 1)}, BadSimulation),
        ({"region": "999999"}, UnknownRegion),
        ({"region": "'; DROP TABLE x; --"}, UnknownRegion),
        ({"region": "441900003"}, BadSimulation),
        ({"source": ""}, BadSimulation),
        ({"source": "a: &a [*a, *a]"}, BadSimulation),
        ({"source": "format: 1\n" * 200_000}, BadSimulation),
        ({"source": "\x00"}, BadSimulation),
        ({"source": "format: 1\ncode: ../../etc"}, BadSimulation),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused_in_words(trips, changes, error) -> None:
    with pytest.raises(error) as refusal:
        start(**changes)
    assert refusal.value.detail
    assert refusal.value.detail_en
    assert not Simulation.objects.exists()


def test_a_document_for_another_city_or_another_deed_is_refused(trips) -> None:
    other = MethodologyVersion.objects.get(methodology_id="SZ-METRO-TRIP")
    with pytest.raises(BadSimulation, match="apart"):
        start(source=other.source, region=FOSHAN)
    with pytest.raises(BadSimulation, match="another activity"):
        start(against=MethodologyVersion.objects.get(methodology_id="GD-OLD-CLOTHES"))


def test_one_person_does_not_fill_the_queue(trips, monkeypatch) -> None:
    cast = build_cast()
    monkeypatch.setattr(deeds, "OPEN_PER_PERSON", 2)
    by = person_of(cast.province_officer).pk
    start(by=by), start(by=by)
    with pytest.raises(TooManySimulations):
        start(by=by)


# -- pages -------------------------------------------------------------------------------------------------------------


def login(user) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def done(**changes) -> Simulation:
    made = start(**changes)
    assert services.run_simulation(pk=made.pk)
    made.refresh_from_db()
    return made


def test_the_report_page_reads_in_words_and_in_english(trips) -> None:
    cast = build_cast()
    page = login(cast.province_officer)
    made = done()
    url = reverse("credits:simulation", args=[made.pk])
    answer = page.get(url)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "草案与对照" in text
    assert "示例数据" in text
    assert "3.269 kg" in text or "3,269" in text or "3.26" in text
    english = page.get(url, headers={"Accept-Language": "en"}).content.decode()
    assert english


def test_who_may_see_and_start_what(trips) -> None:
    cast = build_cast()
    foshan = staff("fs", Role.CITY_OFFICER, name="冼经办", region=FOSHAN)
    province, city = done(), done(region=FOSHAN)
    waiting = start(region=FOSHAN)
    see = lambda user, one: login(user).get(reverse("credits:simulation", args=[one.pk])).status_code  # noqa: E731
    assert [see(cast.province_officer, one) for one in (province, city, waiting)] == [200, 200, 200]
    assert [see(foshan, one) for one in (province, city, waiting)] == [404, 200, 200]
    assert [see(cast.city_officer, one) for one in (province, city, waiting)] == [404, 404, 404]  # Guangzhou's
    for reader in (cast.auditor, adviser(Role.EXPERT), adviser(Role.RESEARCH_INSTITUTE)):
        assert [see(reader, one) for one in (province, city, waiting)] == [200, 200, 404]
        assert login(reader).get(reverse("credits:simulation-new")).status_code == 403
        assert login(reader).post(reverse("credits:simulation-file", args=[city.pk])).status_code == 403
    for stranger in (cast.alice, adviser(Role.VERIFIER), adviser(Role.JOINT_DEPARTMENT)):
        assert see(stranger, province) == 403
    assert login(cast.city_officer).post(reverse("credits:simulation-cancel", args=[waiting.pk])).status_code == 404
    form = {"version": f"{METRO}@1.0", "region": FOSHAN, "first": "2026-10-01", "last": "2026-11-01"}
    assert login(cast.city_officer).post(reverse("credits:simulation-new"), form).status_code == 400
    started = login(foshan).post(reverse("credits:simulation-new"), form)
    assert started.status_code == 302
    assert Simulation.objects.filter(requested_by=person_of(foshan).pk, region=FOSHAN).count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"first": "2026-13-45"}, {"first": "x" * 10_000}, {"last": "2027-01-01"}, {"version": "NO@1"}, {"version": ""},
        {"source": "{"}, {"source": "\x00"}, {"region": "440100' OR 1=1"}, {"against": "NO@1"},
    ],
)  # fmt: skip
def test_a_hostile_form_is_refused_in_words(trips, changes) -> None:
    cast = build_cast()
    form = {"version": f"{METRO}@1.0", "region": "440000", "first": "2026-10-01", "last": "2026-11-01", **changes}
    answer = login(cast.province_officer).post(reverse("credits:simulation-new"), form)
    assert answer.status_code == 400
    assert "error-summary" in answer.content.decode()
    assert not Simulation.objects.exists()


def test_progress_is_asked_for_while_it_runs_and_the_page_is_fetched_at_its_end(trips) -> None:
    cast = build_cast()
    page, made = login(cast.province_officer), start()
    url = reverse("credits:simulation-progress", args=[made.pk])
    answer = page.get(url)
    assert "可离开此页" in answer.content.decode()
    assert "HX-Refresh" not in answer
    services.run_simulation(pk=made.pk)
    assert page.get(url)["HX-Refresh"] == "true"


def test_downloads_run_nothing_and_name_nobody(trips) -> None:
    cast = build_cast()
    source = version().source.replace('version: "1.0"', 'version: "7"')
    title = "=HYPERLINK(1)"
    lines = [
        f"title: {{zh: '{title}', en: '{title}'}}" if line.startswith("title:") else line
        for line in source.splitlines()
    ]
    made = done(source="\n".join(lines), version=None)
    page = login(cast.province_officer)
    book = load_workbook(io.BytesIO(page.get(reverse("credits:simulation-xlsx", args=[made.pk])).content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert len(cells) > 60
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    assert not [
        cell.value for cell in cells if isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@"))
    ]
    found = json.loads(page.get(reverse("credits:simulation-json", args=[made.pk])).content)
    assert found["draft"]["grams"] == 7 * 467
    assert set(found["findings"]) == {"zh", "en"}
    text = json.dumps(found)
    for record in BehaviorRecord.objects.select_related("participant"):
        assert str(record.participant_id) not in text
        assert record.participant.public_id not in text


def downloads(page: Client, made: Simulation) -> tuple[list, dict]:
    """The texts of the first sheet and the JSON of a report."""
    book = load_workbook(io.BytesIO(page.get(reverse("credits:simulation-xlsx", args=[made.pk])).content))
    cells = [cell.value for row in book["report"].iter_rows() for cell in row if cell.value]
    return cells, json.loads(page.get(reverse("credits:simulation-json", args=[made.pk])).content)


@pytest.mark.parametrize("side", ["draft", "against"])
def test_downloads_say_what_the_page_says_of_sample_figures(trips, side) -> None:
    """Of either side: a report goes from hand to hand without its page."""
    page = login(build_cast().province_officer)
    source = version().source.replace("confidence: sample", "confidence: official")
    made = done() if side == "draft" else done(source=source, version=None, against=version())
    for language, name, words in (
        ("zh-hans", "zh", ("示例数据", "这一页的数字用到示例数值，只用于演示和积分试运行，不能用于核证。")),
        ("en", "en", ("Sample data", "The figures of this page rest on sample values.")),
    ):
        page.cookies["language"] = language
        shown = page.get(reverse("credits:simulation", args=[made.pk])).content.decode()
        cells, found = downloads(page, made)
        for text in (shown, cells[0], found["sample_notice"][name]):
            assert all(word in text for word in words)
        assert found["sample"] is True


def test_downloads_without_sample_figures_do_not_speak_of_them(trips) -> None:
    page = login(build_cast().province_officer)
    made = done(source=version().source.replace("confidence: sample", "confidence: official"), version=None)
    cells, found = downloads(page, made)
    assert not [one for one in cells if "示例数据" in str(one)]
    assert (found["sample"], found["sample_notice"]) == (False, None)


def test_a_report_is_put_on_file_for_its_version_once(trips) -> None:
    cast = build_cast()
    page, made = login(cast.province_officer), done()
    for _ in range(2):
        assert page.post(reverse("credits:simulation-file", args=[made.pk])).status_code == 302
    filed = SimulationOnFile.objects.get()
    assert (filed.version_id, filed.sha256, filed.report_uid) == (version().pk, version().sha256, made.pk)
    assert filed.summary["draft_g"] == 7 * 467
    loose = done(version=None)
    assert page.post(reverse("credits:simulation-file", args=[loose.pk])).status_code == 400


def test_a_city_ranks_methods_on_its_own_data(trips) -> None:
    foshan = staff("fs", Role.CITY_OFFICER, name="冼经办", region=FOSHAN)
    build_cast()
    page, url = login(foshan), reverse("credits:simulation-ranking")
    assert page.get(f"{url}?region={GUANGZHOU}").status_code == 403
    assert "还没有试算" in page.get(url).content.decode()
    assert page.post(url, {"region": FOSHAN}).status_code == 302
    made = list(Simulation.objects.all())
    assert len(made) > 5
    assert {one.region for one in made} == {FOSHAN}
    for one in made:
        services.run_simulation(pk=one.pk)
    answer = page.get(url)
    assert answer.context["rows"][0][0]["text"].endswith("1.0")
    assert answer.context["rows"][0][0]["mark"] == "示例数据"
    assert {row[0]["mark"] for row in answer.context["rows"]} == {"示例数据", ""}
    assert "· 示例数据" in answer.context["chart"]["items"][0]["name"]
    assert answer.context["rows"][0][4:6] == ["7", "8,565"]  # people; 4 points each for 3,269 g
    assert page.post(url, {"region": FOSHAN}).status_code == 302
    assert Simulation.objects.count() == len(made)


def test_the_command_prints_both_sides(trips) -> None:
    out = io.StringIO()
    given = {"first": str(ON - dt.timedelta(days=30)), "last": str(ON), "stdout": out}
    call_command("methodology", "simulate", f"{METRO}@1.0", "--from", given["first"], "--to", given["last"], stdout=out)
    text = out.getvalue()
    assert "3269 g" in text
    assert Simulation.objects.get().state == "done"
    for wrong in (["NO@1"], [f"{METRO}@9"], ["x"]):
        with pytest.raises(Exception, match="@"):
            call_command("methodology", "simulate", *wrong, "--from", given["first"], "--to", given["last"], stdout=out)
