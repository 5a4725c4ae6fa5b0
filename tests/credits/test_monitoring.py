"""How a version runs once it is in force: its refused share beside the one before, in words, and the records behind."""

import datetime as dt
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.constants import Role
from accounts.selectors import actor_of
from carbon_portal.kernel import clock, worklist
from credits import services
from credits.monitoring import present
from credits.selectors import monitoring as selectors
from credits.selectors.monitoring import Tally
from tests.people import GUANGZHOU, PROVINCE, build_cast, staff

from .cases import AT, prepare, records, resident
from .revisions import publish

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
DAY = dt.timedelta(days=1)
FOSHAN, HUIZHOU = "440605", "441302"


@pytest.fixture(autouse=True)
def _nothing_kept():
    cache.clear()


def today() -> dt.date:
    return clock.today()


def trips(first: dt.date, good: int, bad: int, *, region: str = FOSHAN, inputs=None, people=None) -> list[int]:
    """Trips of different people on some days from `first` on, the bad ones without a distance."""
    given = [{"distance": "5"}] * good + [inputs or {}] * bad
    return records(
        *[
            {"participant": resident(region), "on": first + DAY * (number % 5), "inputs": one, "region": region}
            for number, one in enumerate(given)
        ]
    )


def quantified() -> None:
    services.quantify_pending(at=AT, until_empty=True)


def a_change_of_rules(*, old=(97, 3), new=(41, 9)):
    """A second metro version in force for nine days: of the old one's trips 3 of 100 refused, of the new one's 9 of 50."""
    prepare()
    start = today() - DAY * 9
    made = publish("2.0", effective_from=start.isoformat())
    trips(start - DAY * 10, *old)
    trips(start, *new)
    quantified()
    return made


def running(version, *areas: str):
    (found,) = selectors.running([version], areas or [PROVINCE], today=today())
    return found


def login(user) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def text_of(response) -> str:
    return response.content.decode()


def test_the_first_week_stands_beside_the_version_before_in_the_words_of_the_screen() -> None:
    found = running(a_change_of_rules())
    assert (found.week.records, found.week.refused) == (50, 9)
    assert (found.before.records, found.before.refused) == (100, 3)
    assert found.before_span.version.version == "1.0"
    assert found.jumps
    assert present.told(found) == "新版本首周拒绝率 18%（旧版 3%）。主要原因：缺乘行里程。"


def test_a_record_after_the_first_week_counts_as_so_far_only() -> None:
    made = a_change_of_rules()
    trips(made.effective_from + DAY * 7, 2, 0)
    quantified()
    found = running(made)
    assert (found.week.records, found.so_far.records) == (50, 52)


def test_what_a_limit_or_a_comparison_reduces_to_nothing_is_not_refused() -> None:
    prepare()
    made = publish("2.0", effective_from=(today() - DAY * 9).isoformat())
    one = resident()
    records(*[{"participant": one, "on": made.effective_from, "inputs": {"distance": "30"}} for _ in range(12)])
    quantified()
    found = running(made)
    assert found.week.records == 12
    assert found.week.refused == 0
    assert not found.jumps


def test_records_of_a_city_with_a_method_of_its_own_are_not_the_province_s() -> None:
    made = a_change_of_rules()
    trips(made.effective_from, 4, 30, region="440305")  # Shenzhen has its own metro method
    quantified()
    assert running(made).week.records == 50


def test_a_city_sees_its_own_records_alone() -> None:
    made = a_change_of_rules()
    trips(made.effective_from, 12, 0, region=HUIZHOU)
    quantified()
    assert running(made, "441300").week == Tally(12, {})
    assert running(made).week.records == 62


@pytest.mark.parametrize(
    ("new", "old", "jumps"),
    [
        ((100, 8), (100, 3), True),  # five points exactly
        ((1000, 79), (100, 3), False),  # a tenth of a point less
        ((19, 19), (1000, 0), False),  # too few of the new
        ((1000, 500), (19, 0), False),  # too few of the old
        ((20, 2), (20, 1), True),
        ((100, 1), (100, 90), False),
    ],
)
def test_a_jump_is_five_points_and_twenty_records_exactly(new, old, jumps) -> None:
    def tally(records: int, refused: int) -> Tally:
        return Tally(records, {"missing_input": refused})

    assert tally(*new).jumps_over(tally(*old)) is jumps


def test_of_fewer_than_ten_records_no_share_is_said() -> None:
    found = running(a_change_of_rules(old=(50, 0), new=(5, 4)))
    assert present.told(found) == "首周不到 10 条记录，不计算拒绝率。"
    card = present.card(found)
    assert card["rows"][0][-1] == "不到 10 条"
    assert present.rate(found.week) == "–"


def test_the_first_of_its_kind_has_nothing_to_be_compared_with() -> None:
    prepare()
    (version,) = [
        one for one in selectors.versions_to_watch([PROVINCE], today=today()) if str(one) == "GD-METRO-TRIP@1.0"
    ]
    trips(today() - DAY * 6, 20, 5)
    quantified()
    found = running(version)
    assert found.before is None or found.before.records == 0
    assert not found.jumps


def test_two_statements_a_version_however_many_records() -> None:
    made = a_change_of_rules()
    running(made)  # the version's own row is read once
    with CaptureQueriesContext(connection) as few:
        running(made)
    trips(made.effective_from, 80, 40)
    quantified()
    with CaptureQueriesContext(connection) as more:
        running(made)
    assert len(more) == len(few)
    counting = [one["sql"] for one in more if "count(*)" in one["sql"]]
    assert len(counting) == 2
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {counting[0]}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    read = set(re.findall(r"behaviors_record_([0-9]{4}_[0-9]{2})", plan))
    assert read
    assert read <= {(today() - DAY * back).strftime("%Y_%m") for back in range(100)}, plan


# -- pages -------------------------------------------------------------------------------------------------------------


def test_the_page_flags_the_jump_and_leads_to_the_refused_records() -> None:
    made = a_change_of_rules()
    cast = build_cast()
    client = login(cast.province_officer)
    page = text_of(client.get(reverse("credits:monitoring")))
    assert "新版本首周拒绝率 18%（旧版 3%）。主要原因：缺乘行里程。" in page
    assert "拒绝率突增" in page
    found = running(made)
    listed = client.get(present.records_url(found.week_span, refused="1"))
    assert text_of(listed).count("有必填项为空") == 9
    assert text_of(client.get(present.records_url(found.week_span))).count("<tr>") == 51


def test_a_city_reads_the_page_for_its_area_and_a_resident_does_not() -> None:
    a_change_of_rules()
    cast = build_cast()
    page = login(cast.city_officer).get(reverse("credits:monitoring"))
    assert page.status_code == 200
    assert "拒绝率突增" not in text_of(page)  # nothing of Foshan's
    assert login(cast.alice).get(reverse("credits:monitoring")).status_code == 403


def test_any_version_is_shown_on_demand() -> None:
    a_change_of_rules()
    client = login(build_cast().auditor)
    page = text_of(client.get(reverse("credits:monitoring"), {"version": "GD-METRO-TRIP@1.0"}))
    assert page.count('<section class="card stack" aria-labelledby="v') == 2
    assert "至今" in page


@pytest.mark.parametrize(
    "query",
    ["?first=2026-11-01", "?first=x&last=y", "?first=2026-11-02&last=2026-11-01", "?first=2020-01-01&last=2026-11-01",
     "?first=2026-11-01&last=2026-11-02&after=-1", "?first=2026-11-01&last=2026-11-02&after=99999999999999999999999"],
)  # fmt: skip
def test_days_that_no_link_gives_are_not_found(query: str) -> None:
    prepare()
    address = reverse("credits:monitoring-records", args=["GD-METRO-TRIP", "1.0"])
    assert login(build_cast().province_officer).get(address + query).status_code == 404


def test_without_days_the_list_is_of_the_version_so_far() -> None:
    made = a_change_of_rules()
    address = reverse("credits:monitoring-records", args=[made.methodology_id, made.version])
    assert text_of(login(build_cast().auditor).get(address)).count("<tr>") == 51


def test_another_city_s_version_and_none_answer_alike() -> None:
    prepare()
    client = login(build_cast().city_officer)
    days = "?first=2026-11-01&last=2026-11-02"
    for code, version in (("SZ-METRO-TRIP", "1.0"), ("NO-SUCH", "1.0"), ("GD-METRO-TRIP", "99")):
        assert client.get(reverse("credits:monitoring-records", args=[code, version]) + days).status_code == 404
    found = client.get(reverse("credits:monitoring-records", args=["GZ-METRO-RIDE", "1.0"]) + days)
    assert found.status_code == 200


def test_the_list_goes_on_behind_a_page(monkeypatch) -> None:
    made = a_change_of_rules()
    monkeypatch.setattr(selectors, "PAGE_SIZE", 20)
    span = running(made).week_span
    numbers, after = [], 0
    while rows := selectors.seen(span, refused=False, after=after)[:20]:
        numbers += [one.record_id for one in rows]
        after = numbers[-1]
    assert len(numbers) == len(set(numbers)) == 50
    assert "后面的记录" in text_of(login(build_cast().auditor).get(present.records_url(span)))


def test_a_jump_is_on_the_work_list_of_the_province_s_officer_and_nobody_else_s() -> None:
    a_change_of_rules()
    cast = build_cast()

    def items(user) -> list[str]:
        return [one.title for one in worklist.items(actor_of(user)) if one.kind == "运行监测"]

    (title,) = items(cast.province_officer)
    assert "2.0 的拒绝率比旧版高" in title
    assert not items(cast.province_approver)
    assert not items(staff("gz-clerk", Role.CITY_OFFICER, name="周经办", region=GUANGZHOU))


def test_without_a_jump_nothing_is_on_the_list() -> None:
    a_change_of_rules(new=(49, 1))
    officer = build_cast().province_officer
    assert not [one for one in worklist.items(actor_of(officer)) if one.kind == "运行监测"]
