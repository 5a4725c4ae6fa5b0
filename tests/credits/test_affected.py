"""Records computed with a factor's old value: listed by number for the staff of the area, and as a file."""

import csv
import datetime as dt
import io

import pytest
from django.test import Client
from django.urls import reverse

from accounts.constants import Role
from credits import services as credits
from credits.models import Reduction
from credits.selectors import affected as selectors
from methodologies import selectors as methods
from methodologies.models import FactorVintage
from tests.methodologies.test_factor_vintages import FROM, GRID, NOW, Desk
from tests.people import PROVINCE, adviser, build_cast, staff

from .cases import records, resident

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
LATER = NOW + dt.timedelta(hours=1)
GUANGZHOU, FOSHAN = "440106", "440605"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def deeds(*places: str, on: dt.date = dt.date(2026, 11, 15), at: dt.datetime = NOW) -> list[int]:
    """A day's electricity of a home in each place."""
    ids = records(
        *[
            {"participant": resident(place, kind="household"), "activity": "household_electricity", "on": on,
             "region": place, "evidence": "feed", "inputs": {"daily_use": "6.2"}}
            for place in places
        ]
    )  # fmt: skip
    credits.quantify_pending(at=at, until_empty=True)
    return ids


def login(user) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def address(view: str = "records", factor: str = GRID) -> str:
    return reverse(f"credits:affected-{view}", args=[factor])


def table_of(answer) -> list[list[str]]:
    return answer.context["rows"]


def file_of(client: Client) -> list[list[str]]:
    answer = client.get(address("csv"))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment;")
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_the_vintage_s_page_leads_to_the_records_it_counts(desk: Desk) -> None:
    ids = deeds(GUANGZHOU, FOSHAN)
    deeds(GUANGZHOU, on=FROM - dt.timedelta(days=1))
    row, client = desk.propose(), login(desk.officer)
    page = client.get(reverse("methodologies:factor-vintage", args=[GRID]))
    assert f'href="{address()}"' in page.content.decode()
    assert page.context["records"] == 2
    listed = client.get(address())
    grams = dict(Reduction.objects.values_list("record_id", "reduction_g"))
    assert table_of(listed) == [
        [str(ids[0]), "2026-11-15", "广州市", "GD-HOUSEHOLD-POWER@1.0", f"{grams[ids[0]]} 克"],
        [str(ids[1]), "2026-11-15", "佛山市", "GD-HOUSEHOLD-POWER@1.0", f"{grams[ids[1]]} 克"],
    ]
    assert listed.context["count"] == 2
    assert "GD-EV-TRIP@1.0" in listed.content.decode()  # a document without records yet
    assert row.state == FactorVintage.State.OPEN


def test_what_was_computed_after_the_adoption_has_the_new_value_and_is_not_listed(desk: Desk) -> None:
    (early,) = deeds(GUANGZHOU)
    row = desk.propose()
    desk.decide(row, desk.institute, at=LATER)
    desk.decide(row, desk.approver, at=LATER)
    deeds(GUANGZHOU, at=LATER + dt.timedelta(minutes=1))
    client = login(desk.officer)
    assert [cells[0] for cells in table_of(client.get(address()))] == [str(early)]
    assert client.get(reverse("methodologies:factor-vintage", args=[GRID])).context["records"] == 1


def test_a_city_reads_its_own_records_of_a_value_that_holds(desk: Desk) -> None:
    _mine, theirs = deeds(GUANGZHOU, FOSHAN)
    row = desk.propose()
    client = login(staff("fs", Role.CITY_OFFICER, name="冼经办", region="440600"))
    assert client.get(address()).status_code == 404  # waits for its decision: the province's business
    assert client.get(address("csv")).status_code == 404
    desk.decide(row, desk.institute, at=LATER)
    desk.decide(row, desk.approver, at=LATER)
    listed = client.get(address())
    assert [cells[0] for cells in table_of(listed)] == [str(theirs)]
    assert listed.context["count"] == 1
    assert [line[0] for line in file_of(client)[1:]] == [str(theirs)]


def test_nobody_else_reads_them(desk: Desk) -> None:
    desk.propose()
    cast = build_cast()
    for user in (cast.alice, cast.sme_owner, adviser(Role.EXPERT), desk.institute):
        assert login(user).get(address()).status_code == 403
        assert login(user).get(address("csv")).status_code == 403
    page = login(desk.institute).get(reverse("methodologies:factor-vintage", args=[GRID])).content.decode()
    assert address() not in page
    assert login(cast.province_officer).get(address(factor="fuel.petrol")).status_code == 404


def test_the_list_goes_on_behind_two_hundred(desk: Desk, monkeypatch) -> None:
    ids = deeds(*[GUANGZHOU] * 201)
    row, client = desk.propose(), login(desk.officer)
    first = client.get(address())
    assert [int(cells[0]) for cells in table_of(first)] == ids[:200]
    rest = client.get(address(), {"after": first.context["next"]})
    assert [int(cells[0]) for cells in table_of(rest)] == ids[200:]
    assert rest.context["next"] is None
    monkeypatch.setattr(selectors, "CHUNK", 50)
    assert [one.record_id for one in selectors.touched_by(row, [PROVINCE]).all_records()] == ids
    assert len(file_of(client)) == 202
    for after in ("x", "-1", "１", "9" * 30, "1 OR 1=1"):
        assert client.get(address(), {"after": after}).status_code == 404


def test_the_file_adds_up_and_runs_nothing(desk: Desk, monkeypatch) -> None:
    deeds(GUANGZHOU, FOSHAN)
    desk.propose()
    client = login(desk.officer)
    head, *lines = file_of(client)
    assert head[0] == "记录号"
    assert sum(int(line[-1]) for line in lines) == sum(Reduction.objects.values_list("reduction_g", flat=True))
    monkeypatch.setattr("credits.affected.views.region_name", lambda code: "=HYPERLINK(1)")
    assert {line[3] for line in file_of(client)[1:]} == {"'=HYPERLINK(1)"}


def test_a_result_that_was_put_right_later_is_listed_once_with_its_newest_grams(desk: Desk) -> None:
    (record,) = deeds(GUANGZHOU)
    row = desk.propose()
    first = Reduction.objects.get(record_id=record)
    values = {field.attname: getattr(first, field.attname) for field in Reduction._meta.concrete_fields}
    Reduction.objects.create(**{**values, "id": None, "revision": 2, "reduction_g": 7, "created_at": NOW})
    (listed,) = selectors.touched_by(row, [PROVINCE]).page(after=0)
    assert (listed.record_id, listed.reduction_g) == (record, 7)
    assert sum(one.records for one in methods.affected_by(GRID, since=FROM)) == 1
