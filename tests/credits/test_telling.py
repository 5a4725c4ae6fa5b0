"""Who is told that a method ends, that points expire, that a simulation has ended; once, whatever becomes of the worker."""

import datetime as dt
from typing import Any

import pytest

from accounts import services as accounts
from accounts.constants import Role
from accounts.models import Mailing, Notification
from carbon_portal.kernel import clock
from carbon_portal.kernel.services import paths
from credits import services, tasks
from credits.models import Simulation
from credits.services.simulations import _end
from methodologies import services as methods
from methodologies.models import MethodologyVersion
from tests import database
from tests.methodologies import review_world
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, Cast, build_cast, person_of, personal_account, staff
from tests.withdrawing import withdraw

from .cases import AT, prepare, records
from .revisions import factor, publish

TODAY = clock.local_date(AT)
SUNSET = TODAY + dt.timedelta(days=60)


def told(key: str) -> dict[Any, Notification]:
    return {one.person: one for one in Notification.objects.filter(key__startswith=key)}


@pytest.fixture
def cast(own_database: str) -> Cast:
    """The cast with the shipped library, met by the worker."""
    made = build_cast()
    prepare()
    database.point_django_at(own_database, paths.WORKER)
    return made


def end_the_metro(*, successor: MethodologyVersion | None = None) -> MethodologyVersion:
    version = MethodologyVersion.objects.get(methodology="GD-METRO-TRIP", version="1.0")
    return withdraw(version, sunset_on=SUNSET, successor=successor)


def ride(user: Any, *, on: dt.date = TODAY - dt.timedelta(days=1), **more: Any) -> None:
    records({"participant": personal_account(user), "on": on, "evidence": "feed", **more})
    services.quantify_pending(at=AT, until_empty=True)


# -- a method ends -----------------------------------------------------------------------------------------------------


def test_who_used_a_method_and_the_cities_are_told_that_it_ends(cast: Cast) -> None:
    zhongshan = staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN)
    ride(cast.alice)
    ride(cast.carol, activity="old_clothes", inputs={"weight": "5"})  # another method
    version = end_the_metro(successor=publish("2.0", factor("50")))
    assert services.tell_of_withdrawals(at=AT) == 4
    found = told("withdrawn:GD-METRO-TRIP@1.0")
    assert found.keys() == {user.person_id for user in (cast.alice, cast.city_officer, cast.city_approver, zhongshan)}
    hers, officers = found[cast.alice.person_id], found[zhongshan.person_id]
    for one in (hers, officers):
        assert version.title_zh in one.title_zh
        assert f"{SUNSET.year} 年 {SUNSET.month} 月 {SUNSET.day} 日" in one.title_zh
        assert SUNSET.isoformat() in one.title_en
        assert "GD-METRO-TRIP 第 2.0 版" in one.body_zh
        assert one.url == "/methodologies/GD-METRO-TRIP/2.0/"
    assert "您不用办手续" in hers.body_zh
    assert "报送单位" in officers.body_zh
    assert services.tell_of_withdrawals(at=AT + dt.timedelta(days=1)) == 0


def test_without_a_successor_the_message_says_so_and_leads_to_the_method(cast: Cast) -> None:
    ride(cast.alice)
    end_the_metro()
    tasks.send_notices()
    one = told("withdrawn:")[cast.alice.person_id]
    assert "目前没有接替的方法学" in one.body_zh
    assert one.url == "/methodologies/GD-METRO-TRIP/1.0/"


def test_a_deed_of_more_than_a_year_ago_concerns_nobody_any_more(cast: Cast) -> None:
    ride(cast.alice, on=TODAY - dt.timedelta(days=366))
    ride(cast.bob, on=TODAY - dt.timedelta(days=364))
    end_the_metro()
    services.tell_of_withdrawals(at=AT)
    assert {cast.alice.person_id, cast.bob.person_id} & told("withdrawn:").keys() == {cast.bob.person_id}


def test_a_city_s_method_is_not_the_other_cities_affair(cast: Cast) -> None:
    other = staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN)
    ride(cast.alice, region="440106")
    withdraw(MethodologyVersion.objects.get(methodology="GZ-METRO-RIDE"), sunset_on=SUNSET)
    services.tell_of_withdrawals(at=AT)
    found = told("withdrawn:GZ-METRO-RIDE@")
    assert {cast.alice.person_id, cast.city_officer.person_id} <= found.keys()
    assert other.person_id not in found


def test_what_has_ended_already_is_not_announced(cast: Cast) -> None:
    ride(cast.alice)
    end_the_metro()
    assert services.tell_of_withdrawals(at=AT + dt.timedelta(days=61)) == 0
    assert not Mailing.objects.exists()


def test_the_decision_wakes_the_messages(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr("methodologies.services.withdrawals.enqueue_on_commit", woken.append)
    prepare()
    desk = review_world.build_desk()
    version = review_world.walk_to("approved", desk)
    review_world.publish(version, desk)
    version.refresh_from_db()
    plan = methods.plan_withdrawal(
        version=version, person=review_world.uid(desk.officer), shown_sha256=version.sha256,
        sunset_on=dt.date(2027, 12, 31), reason="数据停更", at=review_world.day(50),
    )  # fmt: skip
    assert woken == []
    methods.decide_withdrawal(
        plan=plan, person=review_world.uid(desk.approver), shown_sha256=plan.content_sha256, approved=True,
        at=review_world.day(51),
    )  # fmt: skip
    assert woken == ["credits.send_notices"]


# -- points expire -----------------------------------------------------------------------------------------------------


def test_points_are_announced_thirty_and_seven_days_before_they_expire(cast: Cast) -> None:
    from tests.merchants.world import give_points

    give_points(cast.alice_account, 1286, at=AT, year=2025)
    give_points(cast.household_account, 40, at=AT, year=2025)
    give_points(cast.bob_account, 9, at=AT, year=2026)  # a year longer
    days = {day: services.tell_of_expiry(at=dt.datetime(2026, 12, day, 1, tzinfo=dt.UTC)) for day in range(1, 32)}
    # Alice's own and the family's, which Bob is told of too.
    assert {day: count for day, count in days.items() if count} == {1: 3, 24: 3}
    assert services.tell_of_expiry(at=dt.datetime(2026, 11, 30, 1, tzinfo=dt.UTC)) == 0
    texts = {(one.person, one.title_zh) for one in Notification.objects.filter(key__startswith="points-expire:2025:30")}
    assert texts == {
        (cast.alice.person_id, "1,286 个碳币将在 2026 年 12 月 31 日 后到期"),
        (cast.alice.person_id, "40 个碳币将在 2026 年 12 月 31 日 后到期"),
        (cast.bob.person_id, "40 个碳币将在 2026 年 12 月 31 日 后到期"),
    }


def test_spent_points_are_nobody_s_worry(cast: Cast) -> None:
    assert services.tell_of_expiry(at=dt.datetime(2026, 12, 25, 1, tzinfo=dt.UTC)) == 0
    assert Mailing.objects.get().finished_at is not None


# -- a simulation has ended --------------------------------------------------------------------------------------------


def test_who_asked_for_a_simulation_learns_how_it_ended(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr("credits.services.simulations.enqueue_on_commit", lambda task, *_: woken.append(task))
    version = MethodologyVersion.objects.get(methodology="GD-METRO-TRIP", version="1.0")
    asked: dict[str, Any] = {
        "source": version.source, "region": PROVINCE, "first": TODAY - dt.timedelta(days=30), "last": TODAY,
        "by": person_of(cast.province_officer).pk, "at": clock.now(), "announce": False,
    }  # fmt: skip
    done, failed = (services.start_simulation(**asked) for _ in range(2))
    assert services.run_simulation(pk=done.pk)
    Simulation.objects.filter(pk=failed.pk).update(state="running", attempts=1)
    assert _end(failed, 1, Simulation.State.FAILED, why="没有记录。", why_en="No records.")
    assert woken == ["credits.send_notices"] * 2
    assert [services.tell_of_simulations(at=clock.now()) for _ in range(2)] == [2, 0]
    found = {one.url: one for one in Notification.objects.filter(person=cast.province_officer.person_id)}
    assert found[f"/staff/simulations/{done.pk}/"].title_zh.startswith("试算已完成")
    assert found[f"/staff/simulations/{failed.pk}/"].body_zh == "没有记录。"
    assert GUANGZHOU not in {one.key for one in found.values()}
    assert accounts.is_told("nothing") is False
