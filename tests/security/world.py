"""Two worlds of the same shape for the attackers, one in Guangzhou, one in Zhongshan: everybody wants what Alice has.

`near` is the world that the actors of the matrix live in; `far` is another city's. Whatever has an address of its own
stands in both, and carries marks (canaries) that no foreign answer may contain.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from oauth2_provider.models import AccessToken
from PIL import Image

from accounts import services as accounts
from accounts.constants import ConsentScene, MeterKind, NoticeKind, OrganisationKind, Role
from accounts.models import Delegation, Membership, Notification, User
from accounts.selectors import actor_of
from accounts.services import Notice
from behaviors import services as behaviors
from behaviors.constants import Channel
from behaviors.models import BehaviorRecord, Evidence
from carbon_portal.kernel import clock, scope
from credits import services as credits
from credits.models import Recomputation
from merchants import services as merchants
from merchants.models import Voucher
from methodologies import services as methods
from methodologies.models import Draft, MethodologyVersion
from methodologies.selectors import latest_factor_row
from methodologies.services import drafts
from tests.credits.cases import prepare
from tests.credits.verifications import planted
from tests.merchants.world import Exchange, build_exchange, give_points
from tests.methodologies.ideas import LUNCHBOX, proposal
from tests.people import GUANGZHOU, ZHONGSHAN, Cast, build_cast, make_credit_code, person_of, resident, staff

NOTE = '<script>alert("note")</script>{{7*7}}'
NAME = '"><img src=x onerror=alert(1)>'
#: Written by every request of a login: not what a page is about.
BOOKKEEPING = {"django_session", "usersessions_usersession"}
#: Begins every text that is planted to be found where it should not be.
MARK = "Qz7"
#: A picture counts once in the whole province.
PAINTS = {1: "green", 2: "navy"}
#: A factor of which a new value waits for its decision.
PROPOSED_FACTOR = "fuel.petrol"


@dataclass(frozen=True)
class Canary:
    """A text of somebody's, and the actors who may be shown it."""

    text: str
    what: str
    audience: frozenset[str] = frozenset()


@dataclass(frozen=True)
class World:
    """Everything that has an address of its own, and who holds it."""

    cast: Cast
    exchange: Exchange
    record: BehaviorRecord
    evidence: Evidence
    voucher: uuid.UUID
    captured: uuid.UUID
    household_invitation: int
    invitation_to_carol: int
    firm_invitation: int
    clerk: Membership
    firm_clerk: User
    other_cashier: User
    other_city_officer: User
    delegation: uuid.UUID
    proposal: str
    recomputation: uuid.UUID
    draft: uuid.UUID
    simulation: uuid.UUID
    verification: uuid.UUID
    notice: int
    canaries: tuple[Canary, ...] = ()


def photo(color: str = "green") -> SimpleUploadedFile:
    """A real picture; its own file name is nobody's business."""
    stream = BytesIO()
    Image.new("RGB", (64, 48), color).save(stream, "JPEG")
    return SimpleUploadedFile(f"{MARK}-photo.jpg", stream.getvalue(), "image/jpeg")


def trip(
    user: User, *, key: str = "k", picture: Any = None, hours: int = 4, note: str = NOTE, region: str = "440106"
) -> BehaviorRecord:
    """A metro trip of this person that ended `hours` ago."""
    now = clock.now()
    person = person_of(user)
    return behaviors.submit_record(
        participant=person.participant,
        person=person,
        activity="metro_trip",
        inputs={"distance": "12.4"},
        started_at=now - dt.timedelta(hours=hours, minutes=30),
        ended_at=now - dt.timedelta(hours=hours),
        region=region,
        channel=Channel.PAGE,
        source_record_id=f"page:{key}",
        note=note,
        photo=picture,
        at=now,
    )


def bag_of_clothes(user: User, *, serial: str, region: str) -> BehaviorRecord:
    """A deed that is known by a serial number."""
    person = person_of(user)
    return behaviors.submit_record(
        participant=person.participant,
        person=person,
        activity="old_clothes",
        inputs={"weight": "5"},
        occurred_on=clock.today(),
        item_serial=serial,
        region=region,
        channel=Channel.PAGE,
        source_record_id=f"page:{serial}",
        at=clock.now(),
    )


def build_world() -> World:
    """Guangzhou. Call it inside a test with a database."""
    cast = build_cast()
    prepare(region="440000")
    for user, name in ((cast.alice, NAME[:20]), (cast.bob, ""), (cast.sme_owner, ""), (cast.cashier, "")):
        accounts.rename_person(person=person_of(user), name=f"{name}{MARK}Near{user.pk}")
    for thing, name in ((cast.household, "NearHome"), (cast.sme.organisation, "NearFirm")):
        type(thing).objects.filter(pk=thing.pk).update(name=MARK + name)
        thing.refresh_from_db()
    _vintage(cast, clock.now())
    return furnish(cast, build_exchange(cast, at=clock.now()), stranger=cast.carol, number=1)


def build_far_world() -> World:
    """Zhongshan: the same things of other people, and none of the marks may reach anybody of Guangzhou."""
    cast = far_cast()
    now = clock.now()
    merchant = merchants.open_merchant(organisation=cast.merchant, region=ZHONGSHAN, at=now)
    shop = merchants.open_shop(merchant=merchant, name=f"{MARK}FarShop", address="示例路 9 号", region=ZHONGSHAN)
    merchants.add_cashier(shop=shop, person=person_of(cast.cashier), at=now)
    offer = merchants.publish_offer(
        merchant=merchant,
        title="杏仁饼",
        title_en="Almond biscuits",
        cost_points=5,
        stock=100,
        per_person=5,
        opens_at=now - dt.timedelta(days=1),
        closes_at=now + dt.timedelta(days=60),
        at=now,
    )
    exchange = Exchange(merchant, (shop, shop), (cast.cashier, cast.cashier), offer)
    return furnish(cast, exchange, stranger=cast.bob, number=2)


def far_cast() -> Cast:
    """People of Zhongshan; the staff are those of that city."""
    people = {
        name: resident(f"+861331111000{number}", name=f"{MARK}Far{name}"[:20], region=ZHONGSHAN)
        for number, name in enumerate(("alice", "bob", "carol", "sme_owner", "merchant_owner", "cashier"))
    }
    at = clock.now()
    household = accounts.create_household(
        head=person_of(people["alice"]), name=f"{MARK}FarHome", region=ZHONGSHAN, at=at
    )
    number = "0399000000002"
    meter = accounts.bind_meter(household=household, kind=MeterKind.ELECTRICITY, number=number, region=ZHONGSHAN, at=at)
    sme = accounts.register_sme(
        owner=person_of(people["sme_owner"]), name=f"{MARK}FarFirm", credit_code=make_credit_code(21), region=ZHONGSHAN,
        at=at,
    )  # fmt: skip
    merchant = accounts.register_organisation(
        kind=OrganisationKind.MERCHANT, name="香山饼店", credit_code=make_credit_code(22), region=ZHONGSHAN, at=at
    )
    for name, role in (("merchant_owner", Role.MERCHANT_OWNER), ("cashier", Role.CASHIER)):
        accounts.grant_role(person=person_of(people[name]), role=role, organisation=merchant, at=at)
    desk = {
        "city_officer": staff("zs-one", Role.CITY_OFFICER, name=f"{MARK}Far经办", region=ZHONGSHAN),
        "city_approver": staff("zs-two", Role.CITY_APPROVER, name=f"{MARK}Far审定", region=ZHONGSHAN),
    }
    whole = dict.fromkeys(("province_officer", "province_approver", "auditor"), desk["city_officer"])
    return Cast(**people, **desk, **whole, household=household, meter=meter, sme=sme, merchant=merchant)


def furnish(cast: Cast, exchange: Exchange, *, stranger: User, number: int) -> World:
    """Give a cast records, vouchers, invitations and staff of their own, all marked with the world's number."""
    now, tag = clock.now(), f"{MARK}{number}"
    give_points(cast.alice_account, 100, at=now, year=clock.today().year)
    place = "440106" if cast.household.region == GUANGZHOU else cast.household.region
    record = trip(cast.alice, picture=photo(PAINTS[number]), note=f"{NOTE}{tag}Note", region=place)
    bag_of_clothes(cast.alice, serial=f"{tag}Bag", region=place)
    held = _take(exchange, cast, now)
    captured = _take(exchange, cast, now)
    digits, _until = merchants.show_digits(voucher=captured, at=now)
    merchants.capture(code=digits, person=person_of(exchange.tills[0]), at=now)
    alice, owner = person_of(cast.alice), person_of(cast.sme_owner)
    accounts.set_consent(person=alice, scene=ConsentScene.TRAVEL, granted=True, at=now)
    phones = (f"+861311111110{number}", f"+861321111110{number}")
    to_stranger = accounts.invite(actor=alice, household=cast.household, phone=phones[0], at=now)
    to_carol = accounts.invite(actor=alice, household=cast.household, phone=stranger.phone or "", at=now)
    firm = cast.sme.organisation
    assert firm is not None
    from_firm = accounts.invite(actor=owner, organisation=firm, role=Role.SME_CLERK, phone=phones[1], at=now)
    firm_clerk = resident(f"+861341111110{number}", name=f"{tag}Clerk", region=cast.household.region)
    clerk = accounts.grant_role(person=person_of(firm_clerk), role=Role.SME_CLERK, organisation=firm, at=now)
    firm_meter = f"039900000001{number}"
    accounts.bind_meter(organisation=firm, kind=MeterKind.ELECTRICITY, number=firm_meter, region=firm.region, at=now)
    world = World(
        cast=cast,
        exchange=exchange,
        record=record,
        evidence=Evidence.objects.get(record_id=record.pk),
        voucher=held.pk,
        captured=captured.pk,
        household_invitation=to_stranger.pk,
        invitation_to_carol=to_carol.pk,
        firm_invitation=from_firm.pk,
        clerk=clerk,
        firm_clerk=firm_clerk,
        other_cashier=_other_shop(now, number),
        draft=_draft(cast, f"{tag}Draft", now),
        simulation=_simulation(cast, now),
        other_city_officer=staff(f"zs-officer-{number}", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN),
        delegation=_delegate(cast, now, f"{tag}Reason"),
        proposal=proposal(cast.alice, at=now, answers=replace(LUNCHBOX, why=f"{tag}Idea")).number,
        recomputation=_recomputation(now).uuid,
        verification=planted([record.pk], region=cast.household.region, at=now).pk,
        notice=_notice(cast.alice, f"{tag}Notice", now),
    )
    return world


def _notice(user: User, title: str, now: dt.datetime) -> int:
    """A message to somebody that they have not read."""
    notice = Notice(NoticeKind.METHOD, f"planted:{title}", title, title, "内容", "Body", "/methodologies/")
    accounts.notify(people=[person_of(user).pk], notice=notice, at=now)
    with scope.scoped(user):
        return Notification.objects.get(key=notice.key).pk


def _recomputation(now: dt.datetime) -> Recomputation:
    """Chosen, not previewed yet."""
    version = MethodologyVersion.objects.get(methodology="GD-METRO-TRIP", version="1.0")
    return Recomputation.objects.create(
        code="GD-METRO-TRIP", version=version, library=latest_factor_row(), first=clock.today(), last=clock.today(),
        regions=["440000"], rule="keep", reason="参数更正", initiator=uuid.uuid4(), created_at=now,
    )  # fmt: skip


def mark(world: World, *, audiences: dict[str, frozenset[str]]) -> tuple[Canary, ...]:
    """Give everything nameable of a world a name to be recognised by, and say who may be shown it.

    `audiences` says it per circle (person, home, firm, till, area); a circle without a line is nobody's business.
    """
    return tuple(Canary(text, what, audiences.get(circle, frozenset())) for text, what, circle in _marks(world) if text)


def _marks(world: World) -> list[tuple[str, str, str]]:
    cast, firm = world.cast, world.cast.sme.organisation
    assert firm is not None
    account = cast.alice_account
    held, captured = (Voucher.objects.get(pk=pk) for pk in (world.voucher, world.captured))
    found = [
        (world.record.note.replace(NOTE, ""), "note of a record", "person"),
        (f"{world.record.note.replace(NOTE, '')[:4]}Bag", "serial of a record", "person"),
        (f"{world.record.note.replace(NOTE, '')[:4]}Notice", "message to a person", "person"),
        (f"{MARK}-photo", "name of a photo as it was sent", "nobody"),
        (str(world.evidence.pk), "photo", "person"),
        (world.evidence.path, "path of a photo", "nobody"),
        (str(held.pk), "voucher", "ticket"),
        (held.number, "number of a voucher", "ticket"),
        (captured.number, "number of a used voucher", "receipt"),
        (str(account.pk), "account of a resident", "person"),
        (account.public_id, "public id of a resident", "person"),
        (str(cast.alice.person_id), "person", "home"),
        (cast.household.name, "name of a family", "host"),
        (str(cast.household.pk), "family", "home"),
        (str(cast.household_account.pk), "account of a family", "home"),
        (cast.household_account.public_id, "public id of a family", "home"),
        (cast.meter.number, "number of a meter", "home"),
        (firm.name, "name of a firm", "firm"),
        (firm.credit_code or "", "credit code of a firm", "firm"),
        (str(firm.pk), "firm", "firm"),
        (cast.sme.public_id, "public id of a firm", "firm"),
        (person_of(world.firm_clerk).name, "clerk of a firm", "firm"),
        (Draft.objects.get(uuid=world.draft).title, "title of a draft", "draft"),
        (Delegation.objects.get(pk=world.delegation).reason, "reason of a delegation", "delegation"),
        (str(world.simulation), "simulation", "area"),
    ]
    for person, circle in ((cast.alice, "host"), (cast.bob, "home"), (cast.sme_owner, "firm"), (cast.cashier, "till")):
        found += [(person_of(person).name, "name of a person", circle), ((person.phone or "")[3:], "phone", "nobody")]
    return found


def _take(exchange: Exchange, cast: Cast, now: dt.datetime) -> Any:
    return merchants.take_voucher(
        offer=exchange.offer, participant=cast.alice_account, request_key=uuid.uuid4().hex, at=now
    )


def _delegate(cast: Cast, now: dt.datetime, reason: str) -> uuid.UUID:
    """The approver's role, next week, in the hands of the officer."""
    day = clock.local_date(now)
    made = accounts.delegate_role(
        principal=person_of(cast.city_approver), deputy=person_of(cast.city_officer), role=Role.CITY_APPROVER,
        region=cast.household.region, starts_on=day + dt.timedelta(days=7), ends_on=day + dt.timedelta(days=9),
        reason=reason, at=now,
    )  # fmt: skip
    return made.pk


def _draft(cast: Cast, title: str, now: dt.datetime) -> uuid.UUID:
    """A method that the city's officer is writing."""
    officer, region = person_of(cast.city_officer), cast.household.region
    return drafts.start_draft(person=officer.pk, region=region, title=title, at=now).uuid


def _simulation(cast: Cast, now: dt.datetime) -> uuid.UUID:
    """A what-if run over the city that its officer asked for; nobody has taken it up yet."""
    version = MethodologyVersion.objects.get(methodology="GD-METRO-TRIP", version="1.0")
    day = clock.local_date(now)
    made = credits.start_simulation(
        source=version.source, version=version, region=cast.household.region, first=day - dt.timedelta(days=30),
        last=day, by=person_of(cast.city_officer).pk, at=now, announce=False,
    )  # fmt: skip
    return made.pk


def _vintage(cast: Cast, now: dt.datetime) -> None:
    """A new value of a factor of the whole province, which two are to decide on."""
    day = clock.local_date(now)
    methods.propose_vintage(
        factor=PROPOSED_FACTOR, value="2.31", data_year=2024, valid_from=day, source_document="示例公告",
        source_page="第 3 页", confidence="official", best_before=day + dt.timedelta(days=700), why="年度更新",
        actor=actor_of(cast.province_officer, at=now), at=now,
    )  # fmt: skip


def _other_shop(now: dt.datetime, number: int = 1) -> User:
    """A till of another merchant altogether."""
    organisation = accounts.register_organisation(
        kind=OrganisationKind.MERCHANT, name="骑楼茶室", credit_code=make_credit_code(8 + number), region=GUANGZHOU,
        at=now,
    )  # fmt: skip
    merchant = merchants.open_merchant(organisation=organisation, region=GUANGZHOU, at=now)
    shop = merchants.open_shop(merchant=merchant, name="上下九店", address="示例路 2 号", region="440103")
    user = resident(f"+861322222222{number}"[:14], name="别家店员")
    merchants.add_cashier(shop=shop, person=person_of(user), at=now)
    return user


def browser(user: User | None) -> Client:
    """Somebody's browser; a fault of the server is an answer here, not an exception."""
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def app_of(user: User | None, scope: str = "me till dashboards behaviors:write", *, minutes: int = 60) -> Client:
    """An API client with a person's token, or with one of its own that stands for nobody."""
    token = AccessToken.objects.create(
        user=user,
        token=f"token-{uuid.uuid4().hex}",
        scope=scope,
        expires=clock.now() + dt.timedelta(minutes=minutes),
    )
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token.token}"})


def written(cursor: Any) -> dict[tuple[str, bool], int]:
    """Rows that this session wrote and has not handed in, by table and whether row policies hide rows of it.

    What the view pg_stat_xact_user_tables tells, without counting the scans of all tables and their indexes. Objects that
    PostgreSQL was not born with have numbers from 16384 on.
    """
    cursor.execute(
        "SELECT c.relname, c.relrowsecurity, written.rows FROM pg_class c CROSS JOIN LATERAL ("
        "  SELECT pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid)"
        "    + pg_stat_get_xact_tuples_deleted(c.oid) AS rows OFFSET 0"
        ") written WHERE c.relkind = 'r' AND c.oid >= 16384 AND written.rows > 0"
    )
    return {(name, hidden): count for name, hidden, count in cursor.fetchall()}


def writes() -> dict[str, int]:
    """Rows written so far in this transaction, by table, those that were undone too: PostgreSQL's own count."""
    with connection.cursor() as cursor:
        return {name: count for (name, _hidden), count in written(cursor).items() if name not in BOOKKEEPING}
