"""Who has to be told of what happened: a method that ends, points that will expire, a simulation that has ended.

The deed's own row is the queue: a sweep finds what was not told yet, so a lost wake-up or a dead worker costs a delay.
Safe to run at any time, twice or at once: a person is told of a fact once.
"""

import datetime as dt

from django.urls import reverse

from accounts.constants import CITY_ROLES, NoticeKind
from accounts.services import Audience, Notice, is_told, notify, notify_many, notify_staff
from carbon_portal.kernel import clock
from credits.constants import EXPIRY_NOTICE_DAYS, NOTICE_YEAR
from credits.ledger.constants import POINTS_LIFE_YEARS
from credits.ledger.selectors import last_spendable_day
from credits.models import Simulation
from methodologies.models import MethodologyVersion
from methodologies.selectors.retirement import announced


def send_notices(*, at: dt.datetime) -> int:
    """Everything that waits to be told; how many messages were sent."""
    return tell_of_withdrawals(at=at) + tell_of_expiry(at=at) + tell_of_simulations(at=at)


# -- a method ends -----------------------------------------------------------------------------------------------------

# Who had a result under the code in the last year; what was taken back later counts too.
_USED_THE_METHOD = """
    SELECT '' AS tail, '' AS value
     WHERE EXISTS (SELECT FROM credits_reduction r
                    WHERE r.participant_id = p.uuid AND r.code = %(code)s AND r.record_on >= %(since)s)
"""


def tell_of_withdrawals(*, at: dt.datetime) -> int:
    """A withdrawal that was decided: the staff of the cities where the method holds, and all who used it in a year."""
    told = 0
    today = clock.local_date(at)
    for version in announced(on=today):
        key = f"withdrawn:{version}"
        if is_told(key):
            continue
        told += notify_staff(
            roles=CITY_ROLES, region=version.methodology.region, notice=_ends(version, key, staff=True), at=at
        )
        audience = Audience(
            _USED_THE_METHOD, {"code": version.methodology_id, "since": today - dt.timedelta(days=NOTICE_YEAR)}
        )
        told += notify_many(audience=audience, notice=_ends(version, key), at=at)
    return told


def _ends(version: MethodologyVersion, key: str, *, staff: bool = False) -> Notice:
    """Which method, its last day, what takes its place, what to do."""
    assert version.sunset_on is not None  # selected by it
    day_zh, day_en, successor = _day(version.sunset_on), version.sunset_on.isoformat(), version.successor
    title_en = version.title_en or version.title_zh
    if successor is None:
        next_zh = "之后的新记录不再受理，目前没有接替的方法学。"
        next_en = "Later records are refused; no method takes its place so far."
    else:
        next_zh = (
            f"之后的记录由“{successor.title_zh}”（{successor.methodology_id} 第 {successor.version} 版）接替，"
            "点上面的标题查看。"
        )
        next_en = (
            f"Later ones go by “{successor.title_en or successor.title_zh}” ({successor.methodology_id}, version "
            f"{successor.version}); the title above leads to it."
        )
    if staff:
        do_zh = "请告知本市的参与者和报送单位，并核对本市系统使用的方法学代码。"
        do_en = "Please tell participants and data providers of your city; check which code your systems use."
    else:
        do_zh, do_en = (
            "您不用办手续；请在这一天之前记完当天及以前的行为。",
            "There is nothing to apply for; log earlier deeds in time.",
        )
    shown = successor or version
    return Notice(
        kind=NoticeKind.METHOD,
        key=key,
        title_zh=f"{version.title_zh}：{day_zh} 后停用",
        title_en=f"{title_en}: ends after {day_en}",
        body_zh=(
            f"{version.methodology_id} 第 {version.version} 版适用到 {day_zh} 为止。到这一天为止的行为照常计入，"
            f"已计入的减碳量和碳币不受影响。{next_zh}{do_zh}"
        ),
        body_en=(
            f"{version.methodology_id}, version {version.version}, applies up to {day_en}. Deeds until that day count "
            f"as before; grams and points that you have stay as they are. {next_en} {do_en}"
        ),
        url=reverse("methodologies:version", args=[shown.methodology_id, shown.version]),
    )


# -- points expire -----------------------------------------------------------------------------------------------------

_HAS_POINTS = """
    SELECT ':' || p.uuid AS tail, to_char(a.balance, 'FM999,999,999,999') AS value FROM ledger_ledgeraccount a
     WHERE a.address = 'participant:' || p.uuid || ':points:' || %(year)s AND a.balance > 0
"""


def tell_of_expiry(*, at: dt.datetime) -> int:
    """Points of the oldest spendable year, 30 and 7 days before their last day, for each account that has some left."""
    today = clock.local_date(at)
    year = today.year - POINTS_LIFE_YEARS
    last = last_spendable_day(year)
    stage = min((days for days in EXPIRY_NOTICE_DAYS if today >= last - dt.timedelta(days=days)), default=None)
    if stage is None:
        return 0
    key = f"points-expire:{year}:{stage}"
    if is_told(key):
        return 0
    notice = Notice(
        kind=NoticeKind.POINTS,
        key=key,
        title_zh=f"{{value}} 个碳币将在 {_day(last)} 后到期",
        title_en=f"{{value}} points expire after {last.isoformat()}",
        body_zh=f"这是 {year} 年获得的碳币，{_day(last)} 当天还能用。换优惠时会先用最早年份的。",
        body_en=f"They were earned in {year} and can be spent up to {last.isoformat()}. The oldest are spent first.",
        url=reverse("credits:statement"),
    )
    return notify_many(audience=Audience(_HAS_POINTS, {"year": str(year)}), notice=notice, at=at)


# -- a simulation has ended --------------------------------------------------------------------------------------------

SIMULATION_DAYS = 2


def tell_of_simulations(*, at: dt.datetime) -> int:
    """Whoever asked for a simulation learns that it has ended, and how."""
    ended = Simulation.objects.filter(
        requested_by__isnull=False,
        state__in=[Simulation.State.DONE, Simulation.State.FAILED],
        finished_at__gte=at - dt.timedelta(days=SIMULATION_DAYS),
    ).defer("source", "against_source", "report")
    told = 0
    for simulation in ended.order_by("finished_at"):
        assert simulation.requested_by is not None  # selected by it
        told += notify(people=[simulation.requested_by], notice=_ended(simulation), at=at)
    return told


def _ended(simulation: Simulation) -> Notice:
    done = simulation.state == Simulation.State.DONE
    title_en = simulation.title_en or simulation.title_zh
    return Notice(
        kind=NoticeKind.SIMULATION,
        key=f"simulation:{simulation.pk}",
        title_zh=f"试算{'已完成' if done else '没有完成'}：{simulation.title_zh} {simulation.version}",
        title_en=f"Simulation {'done' if done else 'not completed'}: {title_en} {simulation.version}",
        body_zh="报告可以查看和下载了。" if done else simulation.why,
        body_en="The report can be read and downloaded." if done else simulation.why_en,
        url=reverse("credits:simulation", args=[simulation.pk]),
    )


def _day(day: dt.date) -> str:
    return f"{day.year} 年 {day.month} 月 {day.day} 日"
