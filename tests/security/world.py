"""One world for the attackers: Alice owns one of everything, and everybody else wants it."""

import datetime as dt
import uuid
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from oauth2_provider.models import AccessToken
from PIL import Image

from accounts import services as accounts
from accounts.constants import OrganisationKind, Role
from accounts.models import Membership, User
from behaviors import services as behaviors
from behaviors.constants import Channel
from behaviors.models import BehaviorRecord, Evidence
from carbon_portal.kernel import clock
from merchants import services as merchants
from tests.credits.cases import prepare
from tests.merchants.world import Exchange, build_exchange, give_points
from tests.people import (
    GUANGZHOU,
    ZHONGSHAN,
    Cast,
    build_cast,
    make_credit_code,
    person_of,
    resident,
    staff,
)

NOTE = '<script>alert("note")</script>{{7*7}}'
NAME = '"><img src=x onerror=alert(1)>'
#: Written by every request of a login: not what a page is about.
BOOKKEEPING = {"django_session", "usersessions_usersession"}


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
    other_cashier: User
    other_city_officer: User


def photo(color: str = "green") -> SimpleUploadedFile:
    """A real picture."""
    stream = BytesIO()
    Image.new("RGB", (64, 48), color).save(stream, "JPEG")
    return SimpleUploadedFile("photo.jpg", stream.getvalue(), "image/jpeg")


def trip(user: User, *, key: str = "k", picture: Any = None, hours: int = 4, note: str = NOTE) -> BehaviorRecord:
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
        region="440106",
        channel=Channel.PAGE,
        source_record_id=f"page:{key}",
        note=note,
        photo=picture,
        at=now,
    )


def build_world() -> World:
    """Call it inside a test with a database."""
    cast = build_cast()
    prepare(region="440000")
    now = clock.now()
    exchange = build_exchange(cast, at=now)
    give_points(cast.alice_account, 100, at=now, year=clock.today().year)
    accounts.rename_person(person=person_of(cast.alice), name=NAME[:20])
    record = trip(cast.alice, picture=photo())
    held = _take(exchange, cast, now)
    captured = _take(exchange, cast, now)
    digits, _until = merchants.show_digits(voucher=captured, at=now)
    merchants.capture(code=digits, person=person_of(exchange.tills[0]), at=now)
    alice, owner = person_of(cast.alice), person_of(cast.sme_owner)
    to_stranger = accounts.invite(actor=alice, household=cast.household, phone="+8613111111111", at=now)
    to_carol = accounts.invite(actor=alice, household=cast.household, phone=cast.carol.phone or "", at=now)
    firm = cast.sme.organisation
    assert firm is not None
    from_firm = accounts.invite(actor=owner, organisation=firm, role=Role.SME_CLERK, phone="+8613111111112", at=now)
    clerk = accounts.grant_role(person=person_of(cast.merchant_owner), role=Role.SME_CLERK, organisation=firm, at=now)
    return World(
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
        other_cashier=_other_shop(now),
        other_city_officer=staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN),
    )


def _take(exchange: Exchange, cast: Cast, now: dt.datetime) -> Any:
    return merchants.take_voucher(
        offer=exchange.offer, participant=cast.alice_account, request_key=uuid.uuid4().hex, at=now
    )


def _other_shop(now: dt.datetime) -> User:
    """A till of another merchant altogether."""
    organisation = accounts.register_organisation(
        kind=OrganisationKind.MERCHANT, name="骑楼茶室", credit_code=make_credit_code(9), region=GUANGZHOU, at=now
    )
    merchant = merchants.open_merchant(organisation=organisation, region=GUANGZHOU, at=now)
    shop = merchants.open_shop(merchant=merchant, name="上下九店", address="示例路 2 号", region="440103")
    user = resident("+8613222222222", name="别家店员")
    merchants.add_cashier(shop=shop, person=person_of(user), at=now)
    return user


def browser(user: User | None) -> Client:
    """Somebody's browser; a fault of the server is an answer here, not an exception."""
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def app_of(user: User, scope: str = "me till dashboards behaviors:write", *, minutes: int = 60) -> Client:
    """An API client with a person's token."""
    token = AccessToken.objects.create(
        user=user,
        token=f"token-{uuid.uuid4().hex}",
        scope=scope,
        expires=clock.now() + dt.timedelta(minutes=minutes),
    )
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token.token}"})


def writes() -> dict[str, int]:
    """Rows written so far in this transaction, by table, those that were undone too: PostgreSQL's own count."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
        )
        return {name: count for name, count in cursor.fetchall() if name not in BOOKKEEPING}
