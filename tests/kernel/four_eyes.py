"""A kind of request for tests: content in a dictionary, asked for and decided by the cast's people.

`NOTICE` is asked for by a city's officer and decided by the approver of the city or of the province; `RULE` takes two
approvals in two roles. A test module imports the fixtures it uses; `own_kinds` holds for all of its tests.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator

import pytest

from accounts.constants import Role
from accounts.models import User
from accounts.selectors import actor_of
from carbon_portal.kernel import approval_kinds, approvals
from carbon_portal.kernel.models import Approval, ApprovalRequest
from tests.people import GUANGZHOU, staff

NOW = dt.datetime(2026, 11, 20, 3, 0, tzinfo=dt.UTC)
NOTICE, RULE = "test.notice", "test.rule"
#: The subjects' content: what an app would read from its rows.
TEXTS: dict[str, str] = {}


def sha(subject: str) -> str:
    return hashlib.sha256(TEXTS.get(subject, "").encode()).hexdigest()


@pytest.fixture(autouse=True)
def own_kinds() -> Iterator[None]:
    before = dict(approval_kinds._kinds)
    TEXTS.clear()
    TEXTS["notice:1"] = "甲"
    common = {"content": sha, "url": lambda subject: f"/{subject}"}
    approvals.register(
        approvals.Kind(
            NOTICE,
            "通知审定",
            "Approval of a notice",
            frozenset({"city_officer", "city_approver", "province_officer"}),
            frozenset({"city_approver", "province_approver"}),
            **common,
        )
    )
    approvals.register(
        approvals.Kind(
            RULE,
            "规则审定",
            "Approval of a rule",
            frozenset({"province_officer"}),
            frozenset({"province_approver", "research_institute"}),
            needed=2,
            **common,
        )
    )
    yield
    approval_kinds._kinds.clear()
    approval_kinds._kinds.update(before)


def ask(user: User, *, role: str = "city_officer", subject: str = "notice:1", **more: object) -> ApprovalRequest:
    given = {"kind": NOTICE, "title": "通知一号", "region": GUANGZHOU, "at": NOW} | more
    return approvals.open_request(
        subject=subject, content_sha256=sha(subject), initiator=actor_of(user), initiator_role=role, **given
    )


def decide(
    request: ApprovalRequest, user: User, *, approved: bool = True, at: dt.datetime = NOW, **more: str
) -> Approval:
    shown = more.pop("shown", request.content_sha256)
    return approvals.decide(request=request, actor=actor_of(user), shown_sha256=shown, approved=approved, at=at, **more)


@pytest.fixture
def officer(db: None) -> User:
    return staff("gz-officer", Role.CITY_OFFICER, name="周经办", region=GUANGZHOU)


@pytest.fixture
def approver(db: None) -> User:
    return staff("gz-approver", Role.CITY_APPROVER, name="吴审定", region=GUANGZHOU)
