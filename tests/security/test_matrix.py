"""Every address of the portal, asked by everybody, with own, foreign and missing objects.

The table is held against the resolver: an address without a row fails, so a new page is attacked from its first day.
What is judged stands in tests/security/gate.py; `bin/bench faults` asks the same with all methods and all objects.
"""

import uuid
from typing import Any

import pytest

from carbon_portal.kernel import clock
from merchants.codes import qr_payload
from tests.security.gate import AREA_STAFF, BAD_TOKENS, DESK, PROVINCE_STAFF, Args, Row, policy_faults
from tests.security.world import PROPOSED_FACTOR, World

NOBODY = uuid.UUID("00000000-0000-4000-8000-000000000000")
MISSING_PK = 2**31 - 1


def _firm(world: World) -> uuid.UUID:
    found = world.cast.sme.organisation_id
    assert found is not None
    return found


_PK = ({"pk": MISSING_PK}, {"pk": 2**70}, {"pk": 0})
_UUID = ({"pk": NOBODY},)
_MEMBER = ({"uuid": NOBODY},)
_RECORD: Args = lambda world: {"pk": world.record.pk}  # noqa: E731
_VOUCHER: Args = lambda world: {"pk": world.voucher}  # noqa: E731
_CAPTURED: Args = lambda world: {"pk": world.captured}  # noqa: E731
_FIRM: Args = lambda world: {"uuid": _firm(world)}  # noqa: E731
_BOB: Args = lambda world: {"uuid": world.cast.bob.person_id}  # noqa: E731
_CITY: Args = lambda world: {"region": "440100"}  # noqa: E731
_NO_CITY = ({"region": "999999"}, {"region": "x" * 5000}, {"region": "\x00"}, {"region": "110000"})
_HEAD, _BOB_TOO = frozenset({"alice"}), frozenset({"bob"})
_TILL = frozenset({"cashier"})
_QR: Args = lambda world: {"code": qr_payload(world.voucher, clock.now())}  # noqa: E731  (as good as the customer's)
_CODE: Args = lambda world: {**_QR(world), "request_key": uuid.uuid4().hex}  # noqa: E731
_METRO: Args = lambda world: {"code": "GD-METRO-TRIP", "version": "1.0"}  # noqa: E731
_DELEGATION: Args = lambda world: {"uuid": world.delegation}  # noqa: E731
_DEPUTY = frozenset({"city_officer"})
_FACTORS = frozenset({"province_officer", "province_approver", "auditor", "research_institute"})
_NO_FACTOR = ({"code": "no.such.factor"}, {"code": "x" * 3000}, {"code": "\x00"})
_NO_METHOD = (
    {"code": "NO-SUCH", "version": "1.0"},
    {"code": "GD-METRO-TRIP", "version": "99"},
    {"code": "GD-METRO-TRIP", "version": "\x00"},
    {"code": "x" * 5000, "version": "١"},
)
_SIMULATORS = AREA_STAFF - {"auditor"}
_SIMULATION_READERS = AREA_STAFF | {"expert", "research_institute"}

_IDEA: Args = lambda world: {"number": world.proposal}  # noqa: E731
_NO_IDEA = ({"number": "P-2026-999999"}, {"number": "P-2026-1"}, {"number": "x" * 3000})
_OFFICER, _APPROVER = frozenset({"province_officer"}), frozenset({"province_approver"})


def _job(roles: frozenset[str]) -> Row:
    """A recomputation: the whole province's, so of both worlds for those of the province."""
    own: Args = lambda world: {"uuid": world.recomputation}  # noqa: E731
    return Row("login", own, _MEMBER, owner=min(roles), rightful=roles, roles=roles)


def _vintage(roles: frozenset[str]) -> Row:
    """A factor's value that was proposed: the whole province's. Whoever keeps factors sees it."""
    own: Args = lambda world: {"code": PROPOSED_FACTOR}  # noqa: E731
    known = _FACTORS - roles
    return Row("login", own, _NO_FACTOR, owner=min(roles), rightful=roles, known=known, roles=roles, shared=True)


def _touched_by_a_proposal() -> Row:
    """The records that a proposed value would touch: the province's to read until the value is adopted."""
    own: Args = lambda world: {"code": PROPOSED_FACTOR}  # noqa: E731
    return Row(
        "login", own, _NO_FACTOR, owner="province_officer", rightful=PROVINCE_STAFF, roles=AREA_STAFF, shared=True
    )


def _simulation(what: str) -> Row:
    """A what-if run over a city that nobody has taken up yet, so that its report is nobody's."""
    own: Args = lambda world: {"pk": world.simulation}  # noqa: E731
    roles = _SIMULATION_READERS if what in ("", "-progress", "-json", "-xlsx") else _SIMULATORS
    rightful = frozenset[str]() if what in ("-json", "-xlsx") else _SIMULATORS
    owner = "city_officer" if rightful else "nobody"
    return Row("login", own, _UUID, owner=owner, rightful=rightful, roles=roles)


_VERIFICATION: Args = lambda world: {"uuid": world.verification}  # noqa: E731
_DRAFT: Args = lambda world: {"uuid": world.draft}  # noqa: E731
_DRAFT_READERS = frozenset({"city_officer", "city_approver", "province_officer", "province_approver", "auditor"})

ROWS: dict[str, Row] = {
    "pages:home": Row("public"),
    "pages:api-docs": Row("public"),
    "pages:healthz": Row("public"),
    "pages:readyz": Row("public"),
    "pages:me": Row("login"),
    "pages:rename": Row("login"),
    "pages:welcome": Row("login"),
    "pages:set-size": Row("public"),
    "pages:set-language": Row("public"),
    "pages:todo": Row("login", roles=DESK),
    "pages:styleguide": Row("public"),
    "accounts:open": Row("login"),
    "accounts:delegations": Row("login", roles=DESK),
    "accounts:delegation-end": Row("login", _DELEGATION, _MEMBER, owner="city_approver", rightful=_DEPUTY),
    "accounts:terms": Row("public"),
    "accounts:outbox": Row("public"),
    "accounts:inbox": Row("login"),
    "accounts:inbox-read": Row("login", form=lambda world: {"upto": 10**9}),
    "accounts:notice-read": Row("login", lambda world: {"pk": world.notice}, _PK),
    "accounts:desk-inbox": Row("login", roles=DESK),
    "accounts:consents": Row("login"),
    "accounts:set-consent": Row(
        "login", None, ({"scene": "no-such-scene"}, {"scene": "x" * 3000}), no_own="a scene is everybody's"
    ),
    "accounts:household": Row("login"),
    "accounts:household-invite": Row("login", roles=_HEAD, known=_BOB_TOO, form=lambda world: {"phone": "13611117777"}),
    "accounts:meter-bind": Row(
        "login", roles=_HEAD, known=_BOB_TOO, form=lambda world: {"kind": "gas", "number": "0388000000009"}
    ),
    "accounts:member-end": Row("login", _BOB, _MEMBER, rightful=_BOB_TOO),
    "accounts:member-head": Row("login", _BOB, _MEMBER, known=_BOB_TOO),
    "accounts:invitation-withdraw": Row("login", lambda world: {"pk": world.household_invitation}, _PK, known=_BOB_TOO),
    "accounts:meter-release": Row("login", lambda world: {"pk": world.cast.meter.pk}, _PK, known=_BOB_TOO),
    "accounts:invitation-answer": Row("login", lambda world: {"pk": world.invitation_to_carol}, _PK, owner="carol"),
    "accounts:firms": Row("login"),
    "accounts:firm-new": Row("login"),
    "accounts:firm": Row("login", _FIRM, _MEMBER, owner="sme_owner", rightful=frozenset({"sme_clerk"})),
    "accounts:firm-invite": Row("login", _FIRM, _MEMBER, owner="sme_owner"),
    "accounts:firm-meter": Row("login", _FIRM, _MEMBER, owner="sme_owner"),
    "accounts:firm-revoke": Row(
        "login",
        lambda world: {"uuid": _firm(world), "pk": world.clerk.pk},
        ({"uuid": NOBODY, "pk": MISSING_PK}, {"uuid": NOBODY, "pk": 2**70}),
        owner="sme_owner",
    ),
    "accounts:firm-withdraw": Row(
        "login",
        lambda world: {"uuid": _firm(world), "pk": world.firm_invitation},
        ({"uuid": NOBODY, "pk": MISSING_PK}, {"uuid": NOBODY, "pk": 2**70}),
        owner="sme_owner",
    ),
    "account_login": Row("public"),
    "account_request_login_code": Row("public"),
    "account_confirm_login_code": Row("public"),
    "account_login_password": Row("public"),
    "account_signup": Row("public"),
    "account_logout": Row("public"),
    "account_inactive": Row("public"),
    "account_reauthenticate": Row("login"),
    "account_change_password": Row("login"),
    "account_set_password": Row("login"),
    "usersessions_list": Row("login"),
    "behaviors:record-new": Row("login"),
    "behaviors:record-cancel": Row("login", _RECORD, _PK),
    "behaviors:evidence": Row(
        "login",
        lambda world: {"pk": world.evidence.pk},
        _UUID,
        rightful=AREA_STAFF,
    ),
    "methodologies:factors": Row("public"),
    "methodologies:factor-desk": Row("login", roles=_FACTORS),
    "methodologies:factor-best-before": Row("login", roles=_FACTORS),
    "methodologies:factor-propose": Row("login", roles=frozenset({"province_officer"})),
    "methodologies:factor-vintage": _vintage(_FACTORS),
    "methodologies:factor-decide": _vintage(frozenset({"province_approver", "research_institute"})),
    "methodologies:factor-withdraw": _vintage(frozenset({"province_officer"})),
    "methodologies:list": Row("public"),
    "methodologies:version": Row("public", _METRO, _NO_METHOD),
    "methodologies:source": Row("public", _METRO, _NO_METHOD),
    "methodologies:guide": Row("public"),
    "methodologies:guide-version": Row("public", lambda world: {"version": "1"}, ({"version": "x" * 3000},)),
    "methodologies:guide-plain": Row(
        "public", lambda world: {"version": "1", "audience": "sme"}, ({"version": "1", "audience": "nobody"},)
    ),
    "methodologies:proposals": Row("public"),
    "methodologies:proposal-new": Row("public"),
    "methodologies:proposal": Row("public", _IDEA, _NO_IDEA),
    "methodologies:proposal-support": Row("public", _IDEA, _NO_IDEA),
    "methodologies:proposal-desk-list": Row("login", roles=AREA_STAFF),
    "methodologies:proposal-enter": Row("login", roles=frozenset({"city_officer", "province_officer"})),
    "methodologies:proposal-desk": Row("login", _IDEA, _NO_IDEA, owner="city_officer", rightful=AREA_STAFF),
    "methodologies:proposal-decide": Row(
        "login", _IDEA, _NO_IDEA, owner="city_approver", rightful=frozenset({"province_approver"})
    ),
    "methodologies:proposal-deed": Row(
        "login",
        lambda world: {**_IDEA(world), "name": "accept"},
        tuple({**one, "name": "accept"} for one in _NO_IDEA),
        owner="city_officer",
        rightful=frozenset({"province_officer"}),
    ),
    "methodologies:pdf": Row("public", _METRO, _NO_METHOD),
    "methodologies:local": Row("public", _METRO, _NO_METHOD),
    "methodologies:local-confirm": Row(
        "login", None, _NO_METHOD, no_own="asked of the cities once a version went to the province by review"
    ),
    "methodologies:compare": Row(
        "public", lambda world: {"code": "GD-METRO-TRIP"}, ({"code": "NO-SUCH"}, {"code": "x" * 5000})
    ),
    "methodologies:cities": Row("public"),
    "methodologies:maturity": Row("public"),
    "methodologies:drafts": Row("login", roles=_DRAFT_READERS | {"research_institute"}),
    "methodologies:draft-new": Row(
        "login",
        roles=frozenset({"city_officer", "province_officer", "research_institute"}),
        form=lambda world: {"region": world.cast.household.region, "title": "新方法"},
    ),
    "methodologies:draft": Row("login", _DRAFT, _MEMBER, owner="city_officer", rightful=_DRAFT_READERS),
    "methodologies:draft-edit": Row(
        "login",
        lambda world: {**_DRAFT(world), "number": 1},
        ({"uuid": NOBODY, "number": 1}, {"uuid": NOBODY, "number": 2**70}),
        owner="city_officer",
        rightful=_DRAFT_READERS,
    ),
    "methodologies:draft-part": Row(
        "login",
        lambda world: {**_DRAFT(world), "part": "basics"},
        ({"uuid": NOBODY, "part": "basics"}, {"uuid": NOBODY, "part": "x" * 3000}),
        owner="city_officer",
        rightful=_DRAFT_READERS,
    ),
    "methodologies:draft-save": Row(
        "login",
        lambda world: {**_DRAFT(world), "part": "text"},
        ({"uuid": NOBODY, "part": "text"}, {"uuid": NOBODY, "part": "x" * 3000}),
        owner="city_officer",
        form=lambda world: {"revision": "1", "source": "a: 1"},
    ),
    "methodologies:draft-forward": Row("login", _DRAFT, _MEMBER, owner="city_officer"),
    "methodologies:draft-decide": Row(
        "login", _DRAFT, _MEMBER, owner="city_approver", form=lambda world: {"decision": "forward"}
    ),
    "methodologies:consultations": Row("public"),
    "methodologies:comments": Row("public", _METRO, _NO_METHOD),
    "methodologies:comment-change": Row(
        "public",
        None,
        (*({**one, "pk": 1} for one in _NO_METHOD), {"code": "GD-METRO-TRIP", "version": "1.0", "pk": 2**70}),
        no_own="a reply is there once a comment was answered",
    ),
    "methodologies:minutes": Row("public", _METRO, _NO_METHOD),
    "methodologies:reviews": Row("login", roles=DESK),
    "methodologies:review": Row("login", _METRO, _NO_METHOD, owner="province_officer", rightful=PROVINCE_STAFF),
    "methodologies:review-deed": Row(
        "login",
        lambda world: {**_METRO(world), "deed": "accept"},
        (*({**one, "deed": "accept"} for one in _NO_METHOD), {**_NO_METHOD[0], "deed": "no-such"}),
        owner="province_officer",
        rightful=PROVINCE_STAFF,
    ),
    "credits:record-list": Row("login"),
    "credits:estimate": Row("login"),
    "credits:record-detail": Row("login", _RECORD, _PK),
    "credits:record-trace": Row("login", _RECORD, _PK),
    "credits:statement": Row("login"),
    "credits:recomputations": Row("login", roles=PROVINCE_STAFF),
    "credits:recomputation-new": Row("login", roles=_OFFICER),
    "credits:recomputation": _job(PROVINCE_STAFF),
    "credits:recomputation-progress": _job(PROVINCE_STAFF),
    "credits:recomputation-request": _job(_OFFICER),
    "credits:recomputation-decide": _job(_APPROVER),
    "credits:recomputation-discard": _job(_OFFICER),
    "credits:recomputation-json": _job(PROVINCE_STAFF),
    "credits:recomputation-xlsx": _job(PROVINCE_STAFF),
    "credits:reward": Row("login", _IDEA, _NO_IDEA, owner="city_officer", rightful=AREA_STAFF),
    "credits:reward-ask": Row("login", _IDEA, _NO_IDEA, owner="city_officer", rightful=frozenset({"province_officer"})),
    "credits:reward-decide": Row(
        "login", _IDEA, _NO_IDEA, owner="city_approver", rightful=frozenset({"province_approver"})
    ),
    "credits:verifications": Row("public"),
    "credits:verification": Row("public", _VERIFICATION, _MEMBER),
    "credits:verification-frame": Row("public", _VERIFICATION, _MEMBER),
    "credits:verification-desk": Row("login", roles=AREA_STAFF | {"verifier"}),
    "credits:verification-new": Row("login", roles=frozenset({"city_officer", "province_officer"})),
    "credits:verification-work": Row(
        "login", _VERIFICATION, _MEMBER, owner="city_officer", rightful=AREA_STAFF | {"verifier"}
    ),
    "credits:verification-record": Row(
        "login",
        lambda world: {**_VERIFICATION(world), "place": 1},
        ({"uuid": NOBODY, "place": 1}, {"uuid": NOBODY, "place": 2**70}),
        owner="city_officer",
        rightful=AREA_STAFF,  # a verifier only once the work is theirs
    ),
    "credits:verification-report": Row(
        "login", None, _MEMBER, roles=AREA_STAFF | {"verifier"}, no_own="a report is there once its verifier has signed"
    ),
    "credits:affected-records": _touched_by_a_proposal(),
    "credits:affected-csv": _touched_by_a_proposal(),
    "credits:monitoring": Row("login", roles=AREA_STAFF),
    "credits:monitoring-records": Row(
        "login", _METRO, _NO_METHOD, owner="city_officer", rightful=AREA_STAFF, roles=AREA_STAFF, shared=True
    ),
    "credits:simulations": Row("login", roles=_SIMULATION_READERS),
    "credits:simulation-new": Row("login", roles=_SIMULATORS),
    "credits:simulation-ranking": Row("login", roles=_SIMULATORS),
    **{
        f"credits:simulation{what}": _simulation(what)
        for what in ("", "-progress", "-cancel", "-file", "-json", "-xlsx")
    },
    "merchants:offer-list": Row("public"),
    "merchants:offer-detail": Row("public", lambda world: {"pk": world.exchange.offer.pk}, _UUID),
    "merchants:voucher-list": Row("login"),
    "merchants:voucher-detail": Row("login", _VOUCHER, _UUID),
    "merchants:voucher-qr": Row("login", _VOUCHER, _UUID),
    "merchants:voucher-digits": Row("login", _VOUCHER, _UUID),
    "merchants:voucher-release": Row("login", _VOUCHER, _UUID),
    "merchants:till": Row("login", roles=_TILL),
    "merchants:till-capture": Row("login", roles=_TILL, form=_CODE),
    "merchants:till-refund": Row("login", _CAPTURED, _UUID, owner="cashier"),
    "pilots:staff-home": Row("login", roles=AREA_STAFF | {"system_admin", "security_admin"}),
    "pilots:province": Row("public"),
    "pilots:dashboard": Row("public", _CITY, _NO_CITY),
    "pilots:counts": Row("public", _CITY, _NO_CITY),
    "pilots:trace": Row("public", _CITY, _NO_CITY),
    "schema": Row("public"),
    "factors": Row("public"),
    "methodologies": Row("public"),
    "methodology-version": Row("public", _METRO, _NO_METHOD),
    "activities": Row("public"),
    "me-records": Row("app"),
    "me-record": Row("app", _RECORD, _PK),
    "me-record-trace": Row("app", _RECORD, _PK),
    "me-account": Row("app"),
    "me-entries": Row("app"),
    "reconciliation": Row("public"),
    "offer-list": Row("public"),
    "voucher-create": Row("app"),
    "voucher": Row("app", _VOUCHER, _UUID),
    "voucher-codes": Row("app", _VOUCHER, _UUID),
    "capture": Row("app", roles=_TILL, form=_QR),
    "capture-reversal": Row("app", _CAPTURED, _UUID, owner="cashier"),
    "region-list": Row("public"),
    "dashboard": Row("public", _CITY, _NO_CITY),
    "oauth2_provider:authorize": Row("login"),
    "oauth2_provider:token": Row("public"),
    "oauth2_provider:revoke-token": Row("public"),
    "oauth2_provider:oauth-server-metadata": Row("public"),
}

#: Who asks. Everybody lives in Guangzhou, but for Carol of Zhongshan, whom Alice has invited.
ACTORS = (
    "anonymous", "newcomer", "resident", "alice", "bob", "carol", "sme_owner", "sme_clerk", "merchant_owner", "cashier",
    "sponsor", "city_officer", "city_approver", "province_officer", "province_approver", "auditor", "system_admin",
    "security_admin", "expert", "joint_department", "research_institute", "verifier", *BAD_TOKENS,
)  # fmt: skip


def test_every_address_has_its_policy() -> None:
    assert not policy_faults(ROWS), "\n".join(policy_faults(ROWS))


@pytest.mark.slow
@pytest.mark.parametrize("actor", ACTORS)
def test_nobody_gets_more_than_theirs(actor: str, planted: Any) -> None:
    gate = planted.gate(actor, ROWS).run()
    assert gate.asked
    assert not gate.faults, "\n".join(gate.faults)


@pytest.mark.parametrize("actor", ["anonymous", "alice", "cashier", "sme_owner", "city_officer"])
def test_reading_is_safe_by_other_methods_too(actor: str, planted: Any) -> None:
    gate = planted.gate(actor, ROWS).run(methods=("head", "options"))
    assert gate.reads == gate.asked > 100
    assert not gate.faults, "\n".join(gate.faults)
