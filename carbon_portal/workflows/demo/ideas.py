"""Ideas of the demo's residents in each state: adopted with a duplicate, overdue, by letter, just sent."""

import datetime as dt

from accounts.models import Participant, Person
from methodologies.constants import CreditAs, ProposalChannel
from methodologies.models import Proposal
from methodologies.services import adoption
from methodologies.services import proposals as services

from .people import GUANGZHOU, ZHONGSHAN, Cast

LUNCHBOX = services.Answers(
    what="自带饭盒打包，不用一次性餐盒",
    why="现在一份外带要用两个塑料盒和一个袋子。自己带盒，这些都省下来，店里也少花钱。",
    proof="收银时店员扫一下我的码，小票上打“自带盒”。",
    who="写字楼附近吃午饭的人。我们楼下五家店，一天大概四百份。",
    risk="带了盒还要袋子的，不能算。",
)
TWIN = services.Answers(
    what="食堂打包自带餐盒",
    why="食堂每天用掉几百个打包盒，自带就不用了。",
    proof="食堂窗口刷卡时选“自带”。",
    who="单位食堂和学校食堂，一个食堂每天三五百人。",
)
CURTAIN = services.Answers(
    what="夏天西晒的窗装遮阳帘，少开空调",
    why="西晒的房间下午要多开两三个小时空调，装外遮阳以后可以晚开。",
    proof="比较装之前和装之后同一个月的电费单。",
    who="老小区西边的住户，我们这栋就有四十户。",
    risk="每年天气不一样，电费单要想办法扣掉天气的影响。",
)
BOOKS = services.Answers(
    what="孩子的旧课外书在小区里换着看",
    why="一本书只看一遍就收起来了，换着看可以少买新书。",
    proof="居委会的换书角登记本，谁放谁取都写。",
    who="有小学生的家庭，一个小区一两百户。",
)
BUS = services.Answers(
    what="退休老人错峰坐公交",
    why="早高峰人挤人，我们晚半小时出门，车上有空位，不用多加车。",
    proof="老年卡的刷卡时间。",
    who="有老年卡的人，全市很多。",
    risk="要不要加班车是公交公司定的，省了多少不好算。",
)
_ANSWER = (
    "采纳。自带饭盒有小票可以核对，适合先从写字楼周边做起。我们将组织起草方法学，草案公示时会通知您，欢迎继续提意见。"
)


def seed_ideas(cast: Cast, *, now: dt.datetime) -> int:
    """Once: five ideas, on days before now; how many were written."""
    if Proposal.objects.exists():
        return 0
    staff = {role: user.person for role, user in cast.users.items() if user.person}
    officer, approver, province = (staff[role] for role in ("city_officer", "city_approver", "province_officer"))
    first, second, third = (_person(one) for one in cast.residents[:3])

    def ago(days: int) -> dt.datetime:
        return now - dt.timedelta(days=days)

    def sent(person: Person, answers: services.Answers, days: int, credit: services.Credit) -> Proposal:
        key = f"demo:{answers.what}"
        return services.submit_proposal(person=person, answers=answers, credit=credit, request_key=key, at=ago(days))

    nobody = services.Credit()
    kept = sent(first, LUNCHBOX, 60, services.Credit(CreditAs.PSEUDONYM, "饭盒阿姨"))
    late = sent(second, CURTAIN, 75, services.Credit(CreditAs.NAME, "李家明"))
    twin = sent(second, TWIN, 55, nobody)
    for one, days in ((kept, 56), (late, 71), (twin, 54)):
        services.accept_proposal(proposal=one, actor=officer, note="", at=ago(days))
    services.merge_proposal(proposal=twin, into=kept, actor=officer, note="都是自带餐盒，一并研究。", at=ago(50))
    letter = services.enter_proposal(
        actor=province, channel=ProposalChannel.LETTER, received_on=ago(12).date(), region=ZHONGSHAN,
        answers=BOOKS, credit=nobody, request_key="demo:letter", name="来信读者", phone="", at=ago(11),
    )  # fmt: skip
    services.accept_proposal(proposal=letter, actor=province, note="正在了解换书角的登记办法。", at=ago(8))
    for number, neighbour in enumerate(cast.residents[4:28]):
        for one in (kept, late, letter)[: 1 + number % 3]:
            services.support_proposal(proposal=one, person=_person(neighbour), at=ago(7) if one is letter else ago(40))
    kept = adoption.offer_adoption(
        proposal=kept, actor=officer, role="city_officer", answer=_ANSWER, methodology=None, at=ago(30)
    )
    adoption.decide_adoption(
        proposal=kept, actor=approver, shown_sha256=adoption.content_of(kept), approved=True, note="", at=ago(28)
    )
    sent(third, BUS, 1, nobody)
    assert kept.region == GUANGZHOU
    return Proposal.objects.count()


def _person(account: Participant) -> Person:
    assert account.person is not None
    return account.person
