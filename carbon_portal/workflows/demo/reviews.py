"""Two methods on their way: one open for comment, one that was returned. Through the services, once."""

import datetime as dt
import re
import uuid

from accounts.models import Person, User
from methodologies import services
from methodologies.constants import CHECKLIST
from methodologies.models import JointRequest, MethodologyVersion

from .people import GUANGZHOU, ZHONGSHAN, Cast

#: The example that a city would write by changing the province's: file, code, region, name.
CONSULTED = (
    "gd-shared-bike-trip.yaml",
    "GZ-BIKE-DEMO",
    GUANGZHOU,
    "bike_demo",
    "广州市共享单车出行减碳量核算方法（演示草案）",
)
RETURNED = (
    "gd-old-clothes.yaml",
    "ZS-CLOTHES-DEMO",
    ZHONGSHAN,
    "clothes_demo",
    "中山市旧衣回收减碳量核算方法（演示草案）",
)
COMMENTS = (
    ("骑行不到 1 公里的短途算不算？", "explained", "不设最短里程，按实际里程计算；见“适用条件”。", ""),
    ("能不能把自己的自行车也算进来？", "", "", ""),
    ("希望写明定位不准时怎么处理。", "", "", ""),
)


def seed_reviews(cast: Cast, *, now: dt.datetime) -> int:
    """Make both where they are missing; returns how many were made."""
    made = 0
    for example, deed in ((CONSULTED, _consult), (RETURNED, _return)):
        if MethodologyVersion.objects.filter(methodology_id=example[1]).exists():
            continue
        deed(cast, _received(example, now), now)
        made += 1
    return made


def _received(example: tuple[str, str, str, str, str], now: dt.datetime) -> MethodologyVersion:
    name, code, region, activity, title = example
    text = (services.LIBRARY / name).read_text(encoding="utf-8")
    start = (now + dt.timedelta(days=180)).date().isoformat()
    for key, value in (
        ("code", code), ("region", f'"{region}"'), ("level", "city"), ("activity", activity), ("effective_from", start),
        ("title", f'{{zh: {title}, en: "A demonstration draft"}}'),
    ):  # fmt: skip
        text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
    version = services.receive_text(source=text, at=now - dt.timedelta(days=45))
    officer = _uuid("gz-officer" if region == GUANGZHOU else "zs-officer")
    at = now - dt.timedelta(days=40)
    services.enter(version=version, state="submitted", at=at, actor=officer, role="city_officer")
    return version


def _uuid(username: str) -> uuid.UUID:
    return _person(username).uuid


def _person(username: str) -> Person:
    person = User.objects.select_related("person").get(username=username).person
    assert person is not None
    return person


def _return(cast: Cast, version: MethodologyVersion, now: dt.datetime) -> None:
    services.check_completeness(
        version=version, person=_uuid("gd-officer"), shown_sha256=version.sha256,
        checklist=dict.fromkeys(CHECKLIST, True) | {"additional": False}, accept=False,
        note="请说明与生活垃圾分类要求的关系。", at=now - dt.timedelta(days=36),
    )  # fmt: skip


def _consult(cast: Cast, version: MethodologyVersion, now: dt.datetime) -> None:
    """Accepted, reviewed by three of whom one has a conflict, signed by those who answered, open for ten days."""
    officer, shown = _uuid("gd-officer"), version.sha256
    services.check_completeness(
        version=version, person=officer, shown_sha256=shown, checklist=dict.fromkeys(CHECKLIST, True), accept=True,
        at=now - dt.timedelta(days=38),
    )  # fmt: skip
    experts = [_person(f"expert-{number}") for number in (1, 2, 3)]
    at = now - dt.timedelta(days=35)
    services.invite_experts(version=version, person=officer, shown_sha256=shown, experts=experts, at=at)
    for number, one in enumerate(experts):
        conflict = "与申报单位有合作" if number == 2 else ""
        services.declare_interest(
            version=version, person=one.uuid, conflicted=bool(conflict), statement=conflict, at=at
        )
        services.give_opinion(
            version=version, person=one.uuid, shown_sha256=shown, verdict="agree" if number != 1 else "changes",
            text="数据可得，公式可复算；建议写明定位误差。" if number == 1 else "数据可得，公式可复算。", at=at,
        )  # fmt: skip
    services.ask_departments(version=version, person=officer, shown_sha256=shown, at=now - dt.timedelta(days=30))
    for request in JointRequest.objects.filter(stage__version=version, department="ecology"):
        services.answer_jointly(
            request=request, person=_person("ecology"), shown_sha256=shown, verdict="agree",
            at=now - dt.timedelta(days=28),
        )  # fmt: skip
    services.open_comments(version=version, person=officer, shown_sha256=shown, at=now - dt.timedelta(days=10))
    residents = [one.person for one in cast.residents if one.person is not None]
    for (text, outcome, reply, change), person in zip(COMMENTS, residents, strict=False):
        made = services.make_comment(version=version, person=person, text=text, at=now - dt.timedelta(days=8))
        if outcome:
            services.reply_to_comment(
                comment=made, person=officer, outcome=outcome, text=reply, change=change, at=now - dt.timedelta(days=5)
            )
