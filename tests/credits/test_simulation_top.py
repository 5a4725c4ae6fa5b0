"""What those few have in common who get a large share: sums of the group beside those of all, nobody's row."""

import copy
import datetime as dt
import io
import json

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from behaviors.models import BehaviorRecord
from credits import services
from credits.models import Simulation
from credits.simulation import present_findings, present_top, reading
from credits.simulation.figures import small_groups
from credits.simulation.report import Asked, simulate
from methodologies.models import MethodologyVersion
from tests.people import build_cast

from .cases import AT, ON, prepare, records, resident

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
FOSHAN, HUIZHOU, ZHONGSHAN = "440605", "441302", "442000"


def source_of(code: str = "GD-METRO-TRIP") -> str:
    return MethodologyVersion.objects.get(methodology_id=code).source


def report_on(source: str | None = None) -> dict:
    given = {"region": "440000", "first": ON - dt.timedelta(days=40), "last": ON, "today": AT.date()}
    return simulate(Asked(source=source or source_of(), **given))


def a_few_with_much(few: int = 6, many: int = 114) -> None:
    """Few ride 100 km with a feed and twice a day, the others a kilometre that they declare themselves."""
    prepare()
    rows = []
    for number in range(few):
        one = resident(FOSHAN)
        rows += [
            {"participant": one, "inputs": {"distance": "50"}, "evidence": "feed",
             "region": ZHONGSHAN if number == 5 and trip == 0 else FOSHAN if number < 5 else HUIZHOU}
            for trip in range(3)
        ]  # fmt: skip
    rows += [{"participant": resident(HUIZHOU), "inputs": {"distance": "1"}, "region": HUIZHOU} for _ in range(many)]
    records(*rows)
    services.quantify_pending(at=AT, until_empty=True)


def test_the_group_is_told_by_its_sums_beside_those_of_all() -> None:
    a_few_with_much()
    found = report_on()
    top = found["top"]
    assert found["format"] == 2
    # 6 of 120; 120 km a day are credited: 5 604 g each. The others: 23 g each, half of 46.
    assert (top["people"], top["people_share"]) == (6, "5.0")
    assert top["grams"] == 6 * 5604
    assert top["grams_share"] == "92.8"  # 33 624 of 36 246
    assert top["records_per_person"] == ["3.0", "1.1"]  # 18/6, 132/120
    assert top["grams_per_record"] == [33624 // 18, 36246 // 132]
    assert top["cut_off_share"] == ["33.3", "4.5"]  # the third trip of each has 20 km left
    assert top["evidence"] == [{"key": "feed", "share": "100.0", "all_share": "13.6"}]
    assert top["kinds"] == [{"key": "resident", "people": 6}]
    assert top["own"] is None
    assert top["choices"] == []


def test_a_place_of_fewer_than_five_never_stands_by_itself() -> None:
    a_few_with_much()
    cities = report_on()["top"]["cities"]
    # One person rides in Huizhou most of the time: shown apart, Foshan's five would give that one away.
    assert cities == [{"key": "others", "groups": 2, "people": 6}]
    assert small_groups({"a": 5, "b": 1}) == {"a", "b"}
    assert small_groups({"a": 9, "b": 5}) == set()
    assert small_groups({"a": 9, "b": 5, "c": 4, "d": 4}) == {"c", "d"}


def test_the_choices_that_a_formula_branches_by_are_told() -> None:
    prepare()
    source = source_of("GD-EV-TRIP")
    rows = [
        {"participant": resident(FOSHAN), "activity": "ev_trip", "evidence": "feed",
         "inputs": {"distance": "400", "vehicle": "large"}}
        for _ in range(6)
    ] + [
        {"participant": resident(FOSHAN), "activity": "ev_trip", "evidence": "feed",
         "inputs": {"distance": "2", "vehicle": "compact"}}
        for _ in range(114)
    ]  # fmt: skip
    records(*rows)
    services.quantify_pending(at=AT, until_empty=True)
    found = report_on(source)
    (choice,) = found["top"]["choices"]
    assert choice["input"] == "vehicle"
    assert choice["rows"] == [{"key": "large", "share": "100.0", "all_share": "5.0"}]
    shown = present_top.top(found)
    assert shown["records"][-1]["rows"] == [["大型或 SUV", "100.0%", "5.0%"]]


def test_what_rests_on_the_own_past_is_told_of_the_group() -> None:
    """Homes that used much for a week and nothing after: their grams come from their own mean."""
    prepare()
    use = {"activity": "household_electricity", "evidence": "feed"}
    homes = [resident(kind="household") for _ in range(120)]
    for back in range(8, 0, -1):
        rows = []
        for number, home in enumerate(homes):
            much = number < 6
            daily = ("30" if back > 2 else "10") if much else ("9" if back > 2 else "8.9")
            rows.append(
                {**use, "participant": home, "on": ON - dt.timedelta(days=back), "inputs": {"daily_use": daily}}
            )
        records(*rows)
        services.quantify_pending(at=AT + dt.timedelta(minutes=8 - back), until_empty=True)
    found = report_on(source_of("GD-HOUSEHOLD-POWER"))
    own = found["top"]["own"]
    assert own["window_days"] == 7
    assert own["people"] == 6
    assert own["share"][0] == "100.0"
    assert found["top"]["kinds"] == [{"key": "household", "people": 6}]
    (finding,) = [one for one in present_findings.findings(found) if "的用户得到" in one["text"]]
    assert "多为“自身 7 日均值”基准。建议加上限。" in finding["text"]
    assert (finding["href"], finding["link"]) == ("#top-group", "看名单特征")


def test_slices_give_the_same_group(monkeypatch) -> None:
    a_few_with_much()
    whole = report_on()
    monkeypatch.setattr(reading, "_estimate", lambda wanted: 240)
    monkeypatch.setattr(reading, "SLICE_BYTES", 4000)
    assert report_on()["top"] == whole["top"]


def test_where_nobody_stands_out_there_is_no_group() -> None:
    prepare()
    records(*[{"participant": resident(), "evidence": "feed"} for _ in range(100)])
    services.quantify_pending(at=AT, until_empty=True)
    found = report_on()
    assert found["top"] is None
    assert present_top.top(found) is None


# -- pages -------------------------------------------------------------------------------------------------------------


def finished() -> Simulation:
    version = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP")
    made = services.start_simulation(
        source=version.source,
        version=version,
        region="440000",
        first=ON,
        last=ON,
        by=None,
        at=AT + dt.timedelta(days=1),
    )
    assert services.run_simulation(pk=made.pk)
    made.refresh_from_db()
    return made


def login(user) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def test_the_sentence_leads_to_the_features_and_nobody_is_named() -> None:
    a_few_with_much()
    made, client = finished(), login(build_cast().province_officer)
    page = client.get(reverse("credits:simulation", args=[made.pk])).content.decode()
    assert 'href="#top-group"' in page
    assert 'id="top-group"' in page
    assert "6 人（5.0%）得到 33.624 千克（92.8%）。" in page
    book = load_workbook(io.BytesIO(client.get(reverse("credits:simulation-xlsx", args=[made.pk])).content))
    assert "33.624" in book["top"]["A1"].value
    kept = json.dumps(made.report)
    for one in BehaviorRecord.objects.select_related("participant"):
        assert str(one.participant_id) not in kept
        assert one.participant.public_id not in kept


def test_a_report_made_before_opens_without_that_part() -> None:
    a_few_with_much()
    made, client = finished(), login(build_cast().province_officer)
    old = copy.deepcopy(made.report)
    del old["top"], old["options"]
    old["format"] = 1
    kept = Simulation.objects.create(
        **{name: getattr(made, name) for name in ("code", "version", "title_zh", "sha256", "source", "region", "first",
                                                  "last", "requested_at", "heard_at", "finished_at")},
        state="done", report=old,
    )  # fmt: skip
    for view in ("simulation", "simulation-json", "simulation-xlsx"):
        assert client.get(reverse(f"credits:{view}", args=[kept.pk])).status_code == 200
    page = client.get(reverse("credits:simulation", args=[kept.pk])).content.decode()
    assert "的用户得到" in page
    assert "top-group" not in page
