"""A version on its way, and the people who see to it; built through the services."""

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from accounts import services as accounts
from accounts.constants import OrganisationKind, Role
from accounts.models import User
from methodologies import services
from methodologies.constants import CHECKLIST
from methodologies.engine import load_document
from methodologies.models import Draft, DraftEdit, JointRequest, Methodology, MethodologyVersion, PublicComment
from tests.people import GUANGZHOU, OPENED_AT, PROVINCE, adviser, person_of, resident, staff

#: A Friday noon in Guangdong.
AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
METRO = services.LIBRARY / "gd-metro-trip.yaml"


@contextmanager
def beginning(at: dt.datetime) -> Iterator[None]:
    """Reviews that are walked within begin on another day."""
    global AT  # noqa: PLW0603 - the day is this module's, and back when the walk is over
    before, AT = AT, at
    try:
        yield
    finally:
        AT = before


def uid(user: User) -> uuid.UUID:
    return person_of(user).uuid


def draft_text(*, code: str, version: str, region: str, activity: str, edits: tuple[tuple[str, str], ...] = ()) -> str:
    """The metro method of the library under another name."""
    text = METRO.read_text(encoding="utf-8")
    level = "city" if not region.endswith("0000") else "provincial"
    for key, value in (("code", code), ("region", f'"{region}"'), ("level", level), ("activity", activity)):
        text, count = re.subn(rf"^{key}: .*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
        assert count == 1, key
    for old, new in (('version: "1.0"', f'version: "{version}"'), *edits):
        assert old in text, old
        text = text.replace(old, new)
    return text


def draft_version(
    *, code: str = "GZ-METRO-REVIEW", version: str = "1.0", region: str = "440100", activity: str = "metro_review",
    at: dt.datetime = AT, edits: tuple[tuple[str, str], ...] = (),
) -> MethodologyVersion:  # fmt: skip
    """A draft's row, as forwarding makes it."""
    source = draft_text(code=code, version=version, region=region, activity=activity, edits=edits)
    loaded = load_document(source, name="draft.yaml")
    scope = {name: getattr(loaded, name) for name in ("activity", "region", "level", "sector")}
    row, _ = Methodology.objects.get_or_create(code=code, defaults=scope)
    return MethodologyVersion.objects.create(
        methodology=row, version=version, state="draft", effective_from=loaded.effective_from, sha256=loaded.sha256,
        source=source, document=services.plain(loaded), title_zh=loaded.title["zh"],
        title_en=loaded.title.get("en", ""), certifiable=loaded.certifiable, created_at=at,
    )  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """Who sees to a review. Nobody holds two of these roles."""

    officer: User
    approver: User
    city_officer: User
    experts: list[User]
    departments: dict[str, User]
    resident: User


def build_desk(*, first: int = 1) -> Desk:
    """Everybody that a review needs; departments for the transport sector. `first`: the number of the first expert."""
    return Desk(
        officer=staff("rv-officer", Role.PROVINCE_OFFICER, name="梁经办", region=PROVINCE),
        approver=staff("rv-approver", Role.PROVINCE_APPROVER, name="谢审定", region=PROVINCE),
        city_officer=staff("rv-city", Role.CITY_OFFICER, name="何经办", region=GUANGZHOU),
        experts=[adviser(Role.EXPERT, number=number) for number in range(first, first + 3)],
        departments={
            "ecology": department("ecology", "示例生态环境厅"),
            "transport": department("transport", "示例交通运输厅"),
        },
        resident=resident("+8613100000777", name="公示看官"),
    )


def department(code: str, name: str) -> User:
    """A department with its clerk."""
    user = accounts.register_staff(
        username=f"rv-{code}", password=None, name=f"{name}经办", region=PROVINCE, at=OPENED_AT
    )
    office = accounts.register_organisation(
        kind=OrganisationKind.AUTHORITY, name=name, credit_code="", region=PROVINCE, at=OPENED_AT
    )
    accounts.grant_role(
        person=person_of(user), role=Role.JOINT_DEPARTMENT, organisation=office, region=PROVINCE, at=OPENED_AT
    )
    return user


def day(number: int) -> dt.datetime:
    """A noon some days after AT."""
    return AT + dt.timedelta(days=number)


def forward(version: MethodologyVersion, desk: Desk, *, at: dt.datetime = AT) -> MethodologyVersion:
    """市级报送, as the city's approver does it."""
    services.enter(version=version, state="submitted", at=at, actor=uid(desk.city_officer), role="city_officer")
    return version


COMPLETE = dict.fromkeys(CHECKLIST, True)
#: The step that a version has reached → the day on which it did.
WALK = {"submitted": 0, "in_review": 1, "expert_review": 2, "joint_signing": 5, "public_comment": 8, "approved": 40}


def walk_to(step: str, desk: Desk, *, version: MethodologyVersion | None = None, **changes: Any) -> MethodologyVersion:
    """A version that has reached a step, through the services, each on its day."""
    version = version or draft_version(**{"edits": FAR, **changes})
    reached = list(WALK).index(step)
    for number, deed in enumerate((_submitted, _accepted, _invited, _signing, _consulted, _approved)):
        if number <= reached:
            deed(version, desk)
    version.refresh_from_db()
    return version


#: In force long enough after the last step.
FAR = (("effective_from: 2025-01-01", "effective_from: 2027-06-01"),)


def _submitted(version: MethodologyVersion, desk: Desk) -> None:
    forward(version, desk, at=day(0))


def _accepted(version: MethodologyVersion, desk: Desk) -> None:
    services.check_completeness(
        version=version,
        person=uid(desk.officer),
        shown_sha256=version.sha256,
        checklist=COMPLETE,
        accept=True,
        at=day(1),
    )


def _invited(version: MethodologyVersion, desk: Desk) -> None:
    services.invite_experts(
        version=version, person=uid(desk.officer), shown_sha256=version.sha256,
        experts=[person_of(one) for one in desk.experts], at=day(2),
    )  # fmt: skip


def opinion(
    version: MethodologyVersion, expert: User, *, verdict: str = "agree", conflict: str = "", at: Any = None
) -> None:
    """Declare and sign."""
    at = at or day(3)
    services.declare_interest(version=version, person=uid(expert), conflicted=bool(conflict), statement=conflict, at=at)
    services.give_opinion(
        version=version, person=uid(expert), shown_sha256=version.sha256, verdict=verdict, text="数据来源可靠。", at=at
    )


def _signing(version: MethodologyVersion, desk: Desk) -> None:
    for expert in desk.experts[:2]:
        opinion(version, expert)
    opinion(version, desk.experts[2], conflict="与申报单位有合作")
    services.ask_departments(version=version, person=uid(desk.officer), shown_sha256=version.sha256, at=day(5))


def answer(version: MethodologyVersion, desk: Desk, code: str, *, verdict: str = "agree", text: str = "") -> None:
    """A department's answer by its own clerk."""
    services.answer_jointly(
        request=JointRequest.objects.filter(stage__version=version, department=code).latest("pk"),
        person=person_of(desk.departments[code]), shown_sha256=version.sha256, verdict=verdict, text=text, at=day(6),
    )  # fmt: skip


def _consulted(version: MethodologyVersion, desk: Desk) -> None:
    for code in desk.departments:
        answer(version, desk, code)
    services.open_comments(version=version, person=uid(desk.officer), shown_sha256=version.sha256, at=day(8))


def file_simulation(version: MethodologyVersion, desk: Desk) -> None:
    """A report of exactly this text."""
    services.file_simulation(
        version=version, sha256=version.sha256, report_uid=uuid.uuid4(), summary={"grams": 1}, by=uid(desk.officer),
        at=day(9),
    )  # fmt: skip


def ask_approval(version: MethodologyVersion, desk: Desk, *, at: dt.datetime) -> Any:
    """The officer asks for the decision."""
    return services.request_approval(version=version, person=uid(desk.officer), shown_sha256=version.sha256, at=at)


def decide(version: MethodologyVersion, desk: Desk) -> None:
    """Everything from the report on file to the approval."""
    _approved(version, desk)


def _approved(version: MethodologyVersion, desk: Desk) -> None:
    file_simulation(version, desk)
    request = ask_approval(version, desk, at=day(39))
    services.decide_version(
        request=request,
        version=version,
        person=uid(desk.approver),
        shown_sha256=version.sha256,
        approved=True,
        at=day(40),
    )


def publish(version: MethodologyVersion, desk: Desk, *, at: dt.datetime | None = None) -> Any:
    """发布."""
    return services.publish_version(
        version=version, person=uid(desk.officer), shown_sha256=version.sha256, at=at or day(41)
    )


def consulted_again(version: MethodologyVersion, desk: Desk, *, edits: tuple[tuple[str, str], ...]) -> PublicComment:
    """A comment of the first round, its reply, and the text as it was changed for it and opened for comment again."""
    draft = _draft_of(version, desk)
    comment = services.make_comment(version=version, person=person_of(desk.resident), text="系数偏高。", at=day(9))
    services.reply_to_comment(
        comment=comment, person=uid(desk.officer), outcome="adopted", text="已采纳。", change="系数改小。", at=day(10)
    )
    services.return_version(
        version=version, person=uid(desk.officer), shown_sha256=version.sha256, why="按意见修改。", at=day(11)
    )
    text = version.source
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    document = load_document(text, name="draft.yaml")
    _save(draft, desk, text, number=2, at=day(12))
    MethodologyVersion.objects.filter(pk=version.pk).update(
        source=text, sha256=document.sha256, document=services.plain(document)
    )
    version.refresh_from_db()
    walk_to("public_comment", desk, version=version)
    return comment


def _draft_of(version: MethodologyVersion, desk: Desk) -> Draft:
    draft = Draft.objects.create(
        region=version.methodology.region, title=version.title_zh, code=version.methodology_id, source=version.source,
        sha256=hashlib.sha256(version.source.encode()).hexdigest(), revision=1, state="submitted", version=version,
        created_by=uid(desk.city_officer), created_at=day(-1), changed_at=day(-1),
    )  # fmt: skip
    _save(draft, desk, version.source, number=1, at=day(-1))
    return draft


def _save(draft: Draft, desk: Desk, text: str, *, number: int, at: dt.datetime) -> None:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    DraftEdit.objects.create(
        draft=draft, number=number, at=at, person=uid(desk.city_officer), source=text, sha256=sha256
    )
    Draft.objects.filter(pk=draft.pk).update(source=text, sha256=sha256, revision=number, changed_at=at)
