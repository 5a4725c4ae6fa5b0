"""A version is taken out of force by two people, with the notice that they have to give."""

import datetime as dt
from uuid import UUID, uuid4

from accounts import services as accounts
from accounts.constants import Role
from carbon_portal.kernel import clock
from methodologies import services
from methodologies.constants import NOTICE_DAYS
from methodologies.models import MethodologyVersion
from tests.people import person_of


def withdraw(
    version: MethodologyVersion, *, sunset_on: dt.date, successor: MethodologyVersion | None = None
) -> MethodologyVersion:
    """Planned and decided on the last day that leaves the notice."""
    at = clock.local_midnight(sunset_on - dt.timedelta(days=NOTICE_DAYS)) + dt.timedelta(hours=10)
    plan = services.plan_withdrawal(
        version=version, person=_official(Role.PROVINCE_OFFICER, at), shown_sha256=version.sha256,
        sunset_on=sunset_on, successor=successor, reason="并入新版本：\"统一\"口径\n与 \\ 参数", at=at,
    )  # fmt: skip
    services.decide_withdrawal(
        plan=plan, person=_official(Role.PROVINCE_APPROVER, at), shown_sha256=plan.content_sha256, approved=True, at=at
    )
    version.refresh_from_db()
    return version


def _official(role: str, at: dt.datetime) -> UUID:
    user = accounts.register_staff(
        username=f"{role}-{uuid4().hex[:8]}", password=None, name="郑经办", region="440000", at=at
    )
    person = person_of(user)
    accounts.grant_role(person=person, role=role, region="440000", at=at - dt.timedelta(days=30))
    return person.pk
