"""A new value of a shared factor: proposed with its page, agreed to by two, added for its days; nothing else moves."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.constants import Role
from accounts.models import User
from accounts.selectors import actor_of
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import approval_errors as errors
from carbon_portal.kernel import clock
from carbon_portal.kernel.models import Approval, AuditEvent
from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.approvals import CHECKS
from credits import services as credits
from credits.models import Reduction
from methodologies import selectors, services
from methodologies.errors import FactorChanged, VintageRefused
from methodologies.models import FactorLibrary, FactorVintage
from tests.credits.cases import records, resident
from tests.people import PROVINCE, adviser, staff

NOW = dt.datetime(2026, 11, 20, 3, 0, tzinfo=dt.UTC)
GRID, OTHER = "grid.average.guangdong", "fuel.petrol"
FROM = dt.date(2026, 11, 10)


class Desk:
    """The library, the officer who enters values, the approver and the institute who decide."""

    def __init__(self) -> None:
        services.sync_library(at=NOW)
        self.officer = staff("gd-officer", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE)
        self.approver = staff("gd-approver", Role.PROVINCE_APPROVER, name="王审定", region=PROVINCE)
        self.institute = adviser(Role.RESEARCH_INSTITUTE)

    def propose(self, **change: Any) -> FactorVintage:
        given: dict[str, Any] = {
            "factor": GRID, "value": "0.4300", "data_year": 2024, "valid_from": FROM,
            "source_document": "示例公告 2026 年第 1 号", "source_page": "第 3 页表 2", "confidence": "official",
            "best_before": dt.date(2028, 12, 31), "why": "年度更新", "actor": actor_of(self.officer), "at": NOW,
        } | change  # fmt: skip
        return services.propose_vintage(**given)

    def decide(self, row: FactorVintage, user: User, *, approved: bool = True, **change: Any) -> Approval:
        given: dict[str, Any] = {"shown_sha256": row.content_sha256, "note": "已核对", "at": NOW} | change
        return services.adopt_or_return(vintage=row, actor=actor_of(user), approved=approved, **given)

    def adopt(self, **change: Any) -> FactorVintage:
        row = self.propose(**change)
        self.decide(row, self.institute)
        self.decide(row, self.approver)
        row.refresh_from_db()
        return row


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


def values(code: str = GRID) -> dict[str, str]:
    return {start.isoformat(): str(entry.value) for start, entry in selectors.factor_library().factors[code].values}


def test_two_agree_and_the_value_is_added_for_its_days(desk: Desk) -> None:
    before, rows = values(), FactorLibrary.objects.count()
    row = desk.propose()
    desk.decide(row, desk.institute)
    assert values() == before
    desk.decide(row, desk.approver)
    row.refresh_from_db()
    assert values() == before | {"2026-11-10": "0.4300"}
    assert (row.state, row.library_id) == ("adopted", selectors.latest_factor_row().pk)
    assert FactorLibrary.objects.count() == rows + 1
    entry = dict(selectors.factor_library().factors[GRID].values)[FROM]
    assert (entry.source, entry.confidence, entry.data_year) == (
        "示例公告 2026 年第 1 号，第 3 页表 2", "official", 2024,
    )  # fmt: skip
    told = AuditEvent.objects.filter(target=f"factor:{GRID}").order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["factors.vintage_proposed", "factors.vintage_adopted"]


def test_one_refusal_returns_it_and_the_library_stays(desk: Desk) -> None:
    before = selectors.factor_library().sha256
    row = desk.propose()
    desk.decide(row, desk.institute)
    desk.decide(row, desk.approver, approved=False, note="页码不符")
    row.refresh_from_db()
    assert row.state == "returned"
    assert selectors.factor_library().sha256 == before
    assert desk.propose().state == "open"


def test_the_officer_decides_nothing_and_one_role_agrees_once(desk: Desk) -> None:
    row = desk.propose()
    with pytest.raises(errors.OwnRequest):
        desk.decide(row, desk.officer)
    desk.decide(row, desk.approver)
    second = staff("gd-approver-2", Role.PROVINCE_APPROVER, name="郭审定", region=PROVINCE)
    with pytest.raises(errors.RoleAlreadyDecided):
        desk.decide(row, second)
    assert FactorVintage.objects.get().state == "open"


def test_a_value_swapped_by_statement_is_not_adopted(desk: Desk) -> None:
    """T29: the page showed 0.4300; the row says something else when the second person agrees."""
    row = desk.propose()
    desk.decide(row, desk.institute)
    FactorVintage.objects.filter(pk=row.pk).update(value="0.9999")
    with pytest.raises(errors.ContentChanged):
        desk.decide(row, desk.approver)
    assert "0.9999" not in values().values()
    with pytest.raises(errors.AlreadyDecided):
        desk.decide(row, desk.approver)
    services.withdraw_vintage(vintage=row, actor=actor_of(desk.officer), at=NOW)
    assert desk.propose().state == "open"


def test_only_the_proposer_withdraws(desk: Desk) -> None:
    row = desk.propose()
    with pytest.raises(errors.MayNotWithdraw):
        services.withdraw_vintage(vintage=row, actor=actor_of(desk.approver), at=NOW)
    assert services.withdraw_vintage(vintage=row, actor=actor_of(desk.officer), at=NOW).state == "withdrawn"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"valid_from": dt.date(2025, 12, 31)}, "已有日期的数值不能改变"),
        ({"valid_from": dt.date(2024, 1, 1)}, "已有日期的数值不能改变"),
        ({"value": "0.44.19"}, "照原文填写"),
        ({"value": "-0.4"}, "照原文填写"),
        ({"value": "１"}, "照原文填写"),
        ({"value": "1e-3"}, "照原文填写"),
        ({"value": "0." + "1" * 13}, "照原文填写"),
        ({"confidence": "sample"}, "不接受示例"),
        ({"confidence": "certain"}, "不接受示例"),
        ({"data_year": 2031}, "数据年份"),
        ({"best_before": dt.date(2026, 11, 1)}, "复核日期"),
        ({"source_page": " "}, "页码"),
        ({"source_document": "x" * 301}, "来源文件"),
        ({"why": "\u202e"}, "原因"),
        ({"factor": "no.such"}, "没有这个因子"),
    ],
)
def test_what_cannot_be_a_value_is_refused_in_words(desk: Desk, change: dict[str, Any], words: str) -> None:
    """T32: no day that has a value gets another, and nothing unchecked comes in by the front door."""
    with pytest.raises(VintageRefused) as refusal:
        desk.propose(**change)
    assert words in refusal.value.detail
    assert refusal.value.detail_en
    assert not FactorVintage.objects.exists()


def test_a_second_proposal_of_the_same_factor_waits(desk: Desk) -> None:
    desk.propose()
    with pytest.raises(VintageRefused, match="waiting for a decision"):
        desk.propose(value="0.4100")
    assert desk.propose(factor=OTHER, value="2.31").state == "open"


def test_the_adopted_row_is_frozen(desk: Desk) -> None:
    desk.adopt()
    for statement in (
        "UPDATE methodologies_factorvintage SET value = '0.1'",
        "UPDATE methodologies_factorvintage SET state = 'open', library_id = NULL, adopted_at = NULL",
        "DELETE FROM methodologies_factorvintage",
        "UPDATE methodologies_factorlibrary SET source = ''",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


# -- what it touches ---------------------------------------------------------------------------------------------------


def _deed(on: dt.date) -> int:
    (record,) = records(
        {
            "participant": resident("440106", kind="household"), "activity": "household_electricity", "on": on,
            "region": "440106", "evidence": "feed", "inputs": {"daily_use": "6.2"},
        }
    )  # fmt: skip
    credits.quantify_pending(at=NOW, until_empty=True)
    return record


def test_old_results_keep_their_value_and_new_ones_take_the_new(desk: Desk) -> None:
    credits.set_points_rule(num=1, den=100, effective_from=dt.date(2025, 1, 1), source="测试规则", at=NOW)
    early = _deed(dt.date(2026, 11, 15))
    touched = selectors.affected_by(GRID, since=FROM)
    assert {one.version.methodology_id for one in touched} >= {"GD-HOUSEHOLD-POWER", "GD-EV-TRIP"}
    assert sum(one.records for one in touched) == 1
    assert sum(one.records for one in selectors.affected_by(GRID, since=dt.date(2026, 11, 16))) == 0
    first = Reduction.objects.get(record_id=early)
    desk.adopt()
    late, before = _deed(dt.date(2026, 11, 15)), _deed(dt.date(2026, 11, 9))
    grams = {row.record_id: row.reduction_g for row in Reduction.objects.all()}
    assert BehaviorRecord.objects.count() == 3
    # 1.8 kWh × 0.4419 = 0.79542 kg by the old value, × 0.4300 = 0.774 kg by the new; the day before keeps the old.
    assert (grams[early], grams[late], grams[before]) == (795, 774, 795)
    assert Reduction.objects.get(record_id=early).basis_id == first.basis_id


def test_a_sync_after_it_keeps_the_value_and_a_file_that_denies_it_is_refused(desk: Desk, tmp_path: Any) -> None:
    row = desk.adopt()
    report = services.sync_library(at=NOW)
    assert not report.factors_changed
    assert values()["2026-11-10"] == row.value
    text = (services.LIBRARY / "factors.yaml").read_text(encoding="utf-8")
    entry = '  values:\n    2026-11-10: {value: "0.5", data_year: 2024, source: x, confidence: press, best_before: 2028-01-01}\n'
    head = f"{GRID}:\n"
    start = text.index("  values:\n", text.index(head))
    (tmp_path / "factors.yaml").write_text(text[:start] + entry + text[start + len("  values:\n") :], encoding="utf-8")
    with pytest.raises(FactorChanged):
        services.sync_library(at=NOW, folder=tmp_path)


def test_two_adoptions_at_once_keep_both_values(own_database: str) -> None:
    desk = Desk()
    one, other = desk.propose(), desk.propose(factor=OTHER, value="2.31", data_year=2024)
    for row in (one, other):
        desk.decide(row, desk.institute)
    start, failures = threading.Barrier(2), []

    def work(row: FactorVintage) -> None:
        try:
            start.wait()
            desk.decide(row, desk.approver)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(row,)) for row in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert values()["2026-11-10"] == "0.4300"
    assert values(OTHER)["2026-11-10"] == "2.31"


def test_verify_reads_the_approved_content_by_itself(own_database: str, as_role: Any) -> None:
    Desk().adopt()
    (check,) = [one for one in CHECKS if one.id == "V27e"]
    world = as_role(paths.SUPERUSER)
    with world.cursor() as cursor:
        cursor.execute(check.sql)
        assert cursor.fetchall() == []
        cursor.execute("SET session_replication_role = replica")
        for corruption in (
            "UPDATE methodologies_factorvintage SET value = '0.4301'",
            "UPDATE methodologies_factorvintage SET source_page = '第 4 页'",
            "DELETE FROM kernel_approval WHERE approver_role = 'research_institute'",
            "UPDATE kernel_approvalrequest SET content_sha256 = repeat('0', 64)",
        ):
            cursor.execute("SAVEPOINT sound")
            cursor.execute(corruption)
            cursor.execute(check.sql)
            assert cursor.fetchall() == [(f"vintage:{GRID}@2026-11-10",)], corruption
            cursor.execute("ROLLBACK TO SAVEPOINT sound")
    world.rollback()


# -- pages -------------------------------------------------------------------------------------------------------------


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_from_the_form_to_the_public_page(desk: Desk) -> None:
    officer, institute, approver = (browser(one) for one in (desk.officer, desk.institute, desk.approver))
    form = {
        "factor": GRID, "value": "0.4300", "data_year": "2024", "valid_from": "2026-11-10",
        "source_document": "示例公告 2026 年第 1 号", "source_page": "第 3 页表 2", "confidence": "official",
        "best_before": "2028-12-31", "why": "年度更新",
    }  # fmt: skip
    refused = officer.post(reverse("methodologies:factor-propose"), form | {"valid_from": "2020-01-01"})
    assert "已有日期的数值不能改变" in refused.content.decode()
    page = officer.post(reverse("methodologies:factor-propose"), form)["Location"]
    assert page == reverse("methodologies:factor-vintage", args=[GRID])
    assert "自己不能审定自己提交的内容" in officer.get(page).content.decode()
    shown = institute.get(page).content.decode()
    for words in ("0.4300", "0.4419", "第 3 页表 2", "GD-HOUSEHOLD-POWER@1.0", "0 条记录"):
        assert words in shown
    assert page in institute.get("/staff/todo/").content.decode()
    sha = FactorVintage.objects.get().content_sha256
    decide = reverse("methodologies:factor-decide", args=[GRID])
    assert officer.post(decide, {"shown": sha, "decision": "approve"}).status_code == 403
    assert institute.post(decide, {"shown": "f" * 64, "decision": "approve"}).status_code == 409
    assert institute.post(decide, {"shown": sha, "decision": "maybe"}).status_code == 400
    assert approver.post(decide, {"shown": sha, "decision": "return", "note": ""}).status_code == 400
    for desk_of in (institute, approver):
        assert desk_of.post(decide, {"shown": sha, "decision": "approve"}).status_code == 302
    public = Client().get("/factors/").content.decode()
    assert "第 3 页表 2" in public
    assert "经两人审定" in public
    answer = Client().get("/api/v1/factors").json()
    (grid,) = [one for one in answer["factors"] if one["code"] == GRID]
    assert grid["values"][-1]["value"] == "0.4300"


def test_who_may_see_and_who_may_propose(desk: Desk) -> None:
    for name, user, status in (
        ("officer", desk.officer, 200), ("institute", desk.institute, 403), ("approver", desk.approver, 403),
    ):  # fmt: skip
        assert browser(user).get(reverse("methodologies:factor-propose")).status_code == status, name
        assert browser(user).get(reverse("methodologies:factor-desk")).status_code == 200, name
    assert browser(adviser(Role.EXPERT)).get(reverse("methodologies:factor-desk")).status_code == 403


def test_the_report_names_what_is_due_and_since_when(desk: Desk) -> None:
    library, today = selectors.factor_library(), clock.today()
    late = selectors.best_before_report(library, on=dt.date(2028, 1, 10), within=180)
    assert {one.code for one in late} >= {GRID, "GD-HOUSEHOLD-POWER@1.0"}
    assert late[0].days_left(dt.date(2028, 1, 10)) < 0
    assert selectors.best_before_report(library, on=dt.date(2026, 11, 20), within=0) == []
    page = browser(desk.officer).get(reverse("methodologies:factor-best-before")).content.decode()
    assert ("没有到期的数值" in page) == (not selectors.best_before_report(library, on=today, within=180))
