"""Two methods on their way: one open for comment for the second time, one that was returned; by the services, once.

The first was changed because of a comment, so that comment, reply and change can be followed to the line.
"""

import datetime as dt
import re
from typing import Any

from methodologies import services
from methodologies.constants import CHECKLIST
from methodologies.drafting.text import plain_data
from methodologies.models import MethodologyVersion
from methodologies.services import drafts

from . import walk
from .people import GUANGZHOU, Cast

CONSULTED, BASIS = "GZ-BIKE-DEMO", "GD-SHARED-BIKE"
CONSULTED_TITLE = "广州市共享单车出行减碳量核算方法（演示草案）"
#: The example that a city would write by changing the province's: file, code, activity, name.
RETURNED = ("gd-old-clothes.yaml", "ZS-CLOTHES-DEMO", "clothes_demo", "中山市旧衣回收减碳量核算方法（演示草案）")
#: Days before now: begun, forwarded, commented, answered, returned, changed, forwarded again, commented again.
BEGUN, FIRST, SAID, ANSWERED, SENT_BACK, CHANGED, SECOND, SAID_AGAIN, ANSWERED_AGAIN = (
    150, 140, 100, 90, 70, 56, 50, 12, 9,
)  # fmt: skip
WISH = "希望写明定位不准时怎么处理。"
WISH_ANSWER = "采纳。已在“监测”一章写明：定位中断的，按运营企业订单的里程计。"
WISH_CHANGE = "“监测”一章增加定位中断时的处理，每日次数上限由 8 次改为 6 次（示例）。"
COMMENTS = (
    ("骑行不到 1 公里的短途算不算？", "explained", "不设最短里程，按实际里程计算；见“适用条件”。", ""),
    ("能不能把自己的自行车也算进来？", "", "", ""),
    ("一天六次够不够？我接送孩子就要骑四次。", "", "", ""),
)


def seed_reviews(cast: Cast, *, now: dt.datetime) -> int:
    """Make both where they are missing; returns how many were made."""
    made = 0
    for code, deed in ((CONSULTED, _consult), (RETURNED[1], _return)):
        if not MethodologyVersion.objects.filter(methodology_id=code).exists():
            deed(cast, now)
            made += 1
    return made


def _consult(cast: Cast, now: dt.datetime) -> None:
    """Written by Guangzhou, commented on, changed for a comment and open for comment once more."""

    def ago(days: int) -> dt.datetime:
        return now - dt.timedelta(days=days)

    officer, residents = walk.uuid_of("gd-officer"), [one.person for one in cast.residents if one.person is not None]
    draft = drafts.start_draft(
        person=walk.uuid_of("gz-officer"), region=GUANGZHOU, at=ago(BEGUN),
        based_on=MethodologyVersion.objects.get(methodology_id=BASIS, version="1.0"),
    )  # fmt: skip
    draft = walk.save(draft, _city_s(plain_data(draft.source), now), by="gz-officer", at=ago(BEGUN - 2))
    version = walk.forward(draft, author="gz-officer", decider="gz-approver", at=ago(FIRST))
    conflict = "与申报单位有合作"
    walk.walk_to_comments(version, forwarded=ago(FIRST), conflict=conflict)
    wish = services.make_comment(version=version, person=residents[0], text=WISH, at=ago(SAID))
    services.reply_to_comment(
        comment=wish, person=officer, outcome="adopted", text=WISH_ANSWER, change=WISH_CHANGE, at=ago(ANSWERED)
    )
    services.return_version(
        version=version, person=officer, shown_sha256=version.sha256, why="请按答复修改后重新报送。", at=ago(SENT_BACK)
    )
    draft.refresh_from_db()
    draft = walk.save(draft, _changed(plain_data(draft.source)), by="gz-officer", at=ago(CHANGED), note=WISH_CHANGE)
    version = walk.forward(draft, author="gz-officer", decider="gz-approver", at=ago(SECOND), note=WISH_CHANGE)
    walk.walk_to_comments(version, forwarded=ago(SECOND), conflict=conflict)
    for (text, outcome, reply, change), person in zip(COMMENTS, residents, strict=False):
        made = services.make_comment(version=version, person=person, text=text, at=ago(SAID_AGAIN))
        if outcome:
            services.reply_to_comment(
                comment=made, person=officer, outcome=outcome, text=reply, change=change, at=ago(ANSWERED_AGAIN)
            )


def _city_s(data: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """The province's text as Guangzhou's: name, code, its own days; the value stays what a newspaper reported."""
    start = (now + dt.timedelta(days=180)).date()
    on = {"on": start + dt.timedelta(days=14), "region": "440106"}
    return {
        **data,
        "code": CONSULTED,
        "title": {"zh": CONSULTED_TITLE, "en": "Guangzhou: shared bicycle trip (demonstration draft)"},
        "activity": "bike_demo",
        "effective_from": start,
        "examples": [{**one, **on} for one in data["examples"]],
    }


def _changed(data: dict[str, Any]) -> dict[str, Any]:
    """What the comment asked for, and a lower limit, which is a sample."""
    chapters, limits = data["chapters"], data["limits"]
    lost = "定位中断的，按运营企业订单记录的里程计，不按起止点直线距离推算。\n"
    return {
        **data,
        "chapters": {**chapters, "monitoring": chapters["monitoring"] + lost},
        "limits": [{**limits[0], "max": "6"}, *limits[1:]],
    }


def _return(cast: Cast, now: dt.datetime) -> None:
    version = _received(now)
    services.check_completeness(
        version=version, person=walk.uuid_of("gd-officer"), shown_sha256=version.sha256,
        checklist=dict.fromkeys(CHECKLIST, True) | {"additional": False}, accept=False,
        note="请说明与生活垃圾分类要求的关系。", at=now - dt.timedelta(days=36),
    )  # fmt: skip


def _received(now: dt.datetime) -> MethodologyVersion:
    """A text that came without a draft of this portal."""
    name, code, activity, title = RETURNED
    text = (services.LIBRARY / name).read_text(encoding="utf-8")
    start = (now + dt.timedelta(days=180)).date().isoformat()
    for key, value in (
        ("code", code), ("region", '"442000"'), ("level", "city"), ("activity", activity), ("effective_from", start),
        ("title", f'{{zh: {title}, en: "A demonstration draft"}}'),
    ):  # fmt: skip
        text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
    version = services.receive_text(source=text, at=now - dt.timedelta(days=45))
    services.enter(
        version=version, state="submitted", at=now - dt.timedelta(days=40), actor=walk.uuid_of("zs-officer"),
        role="city_officer",
    )  # fmt: skip
    return version
