"""Both worlds, planted once, and the actors that go at them."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.test import override_settings

from accounts import services as accounts
from accounts.constants import ADVISER_ROLES, OrganisationKind, Role
from accounts.models import User
from carbon_portal.kernel import clock
from tests.people import GUANGZHOU, PROVINCE, adviser, make_credit_code, person_of, resident, staff
from tests.security.gate import AREA_STAFF, CITY_STAFF, PROVINCE_STAFF, Gate, Row, gate_for
from tests.security.world import Canary, World, build_far_world, build_world, mark

#: Whose marks of the near world may be shown to whom, by circle.
AUDIENCES = {
    "person": frozenset({"alice", "no_scope", "expired", "cookie"}),
    "home": frozenset({"alice", "bob"}),
    "host": frozenset({"alice", "bob", "carol"}),
    "firm": frozenset({"sme_owner", "sme_clerk"}),
    "till": frozenset({"cashier", "merchant_owner"}),
    # Whoever is shown the code at the till learns what it is for; the matrix shows it to every actor, one cashier may.
    "ticket": frozenset({"alice", "no_scope", "expired", "cookie", "cashier"}),
    "receipt": frozenset({"alice", "cashier"}),
    "draft": AREA_STAFF,
    "delegation": CITY_STAFF | {"security_admin"},
    "area": AREA_STAFF - {"auditor"},  # an auditor reads simulations that are done
}
#: And those of another city's world.
FAR_AUDIENCES = {name: AUDIENCES[name] & PROVINCE_STAFF for name in ("draft", "delegation", "area")}


@dataclass(frozen=True)
class Planted:
    """What stands committed in the database. Sessions and tokens are made per gate and stay."""

    near: World
    far: World
    users: dict[str, User | None]
    canaries: tuple[Canary, ...]
    uploads: Path
    _gates: dict[str, Any] = field(default_factory=dict)

    def gate(self, actor: str, rows: dict[str, Row], *, extra: tuple[Canary, ...] = ()) -> Gate:
        """A fresh gate of one actor."""
        return gate_for(actor, self.users.get(actor), rows, self.near, self.far, (*self.canaries, *extra))

    def near_again(self) -> World:
        """The near world with objects of its own: what a test changes on them it changes alone."""
        return copy.deepcopy(self.near)


def plant(uploads: Path) -> Planted:
    """Call it where Django speaks to a database of its own, as a role that may write everywhere."""
    with override_settings(MEDIA_ROOT=uploads):
        near, far = build_world(), build_far_world()
    canaries = mark(near, audiences=AUDIENCES) + mark(far, audiences=FAR_AUDIENCES)
    return Planted(near, far, users_of(near), canaries, uploads)


def users_of(near: World) -> dict[str, User | None]:
    """Who stands behind each actor's name."""
    cast, now = near.cast, clock.now()
    newcomer = accounts.open_login(phone="+8613511112222")
    sponsor = resident("+8613511113333", name="林资助")
    fund = accounts.register_organisation(
        kind=OrganisationKind.SPONSOR, name="榕荫基金", credit_code=make_credit_code(31), region=GUANGZHOU, at=now
    )
    accounts.grant_role(person=person_of(sponsor), role=Role.SPONSOR, organisation=fund, at=now)
    named = {
        name: getattr(cast, name)
        for name in (
            "alice", "bob", "carol", "sme_owner", "merchant_owner", "city_officer", "city_approver", "province_officer",
            "province_approver", "auditor",
        )
    }  # fmt: skip
    return named | {
        "anonymous": None,
        "newcomer": newcomer,
        "resident": resident("+8613511114444", name="周邻居"),
        "sme_clerk": near.firm_clerk,
        "cashier": near.exchange.tills[0],
        "sponsor": sponsor,
        "system_admin": staff("gd-system", Role.SYSTEM_ADMIN, name="孙系统", region=PROVINCE),
        "security_admin": staff("gd-security", Role.SECURITY_ADMIN, name="钱安全", region=PROVINCE),
        **{role.value: adviser(role) for role in sorted(ADVISER_ROLES)},
    }
