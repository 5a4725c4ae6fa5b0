"""The people and things that the browser meets."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, BrowserContext

from accounts import services as accounts
from accounts.constants import ADVISER_ROLES, NOTICES_PER_PAGE, NoticeKind, OrganisationKind, Role
from accounts.models import Notification, User
from accounts.selectors import actor_of
from behaviors.constants import Channel
from behaviors.models import BehaviorRecord, Evidence
from behaviors.services import cancel_record, submit_record
from carbon_portal.kernel import clock, scope
from credits import services as credits
from merchants import services as merchants
from methodologies import services as methods
from methodologies.models import MethodologyVersion
from methodologies.services import drafts, proposals
from tests.browser.look import Watch
from tests.credits import rewards, verifications
from tests.credits.revisions import previewed, publish, recomputed
from tests.merchants.world import Exchange, build_exchange, give_points
from tests.methodologies import review_world
from tests.methodologies.ideas import LUNCHBOX, proposal
from tests.people import (
    GUANGZHOU,
    PROVINCE,
    Cast,
    adviser,
    build_cast,
    make_credit_code,
    person_of,
    resident,
    staff,
)  # fmt: skip
from tests.portal import Portal

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
OFFER_COST = 7
#: Names of people, firms, shops and meters in this world: data, whatever the language of the page.
DATA = (
    "榕树头咖啡店", "北京路店", "东山口店", "店员1号", "店员2号", "陈阿姨", "李伯", "陈家", "黄小姐", "木棉灯饰有限公司", "何老板",
    "梁店主", "小王", "周经办", "吴审定", "郑经办", "王审定", "冯审计", "骑行助手",
    "潘店主", "彭资助", "榕荫基金", "孙系统", "钱安全", "专家9", "联席部门经办人9", "研究机构9", "核查员9", "第9部门",
    LUNCHBOX.what, "阳台种菜少买远路菜", "种菜阿伯",  # a citizen's own words
    "共享单车骑行",  # a draft
    "按意见修改。",  # why a version was returned
    "测算参数经复核后更正",  # why records are recomputed
    "何经办", "广东省地铁出行减碳量核算方法（示例） · Guangdong Carbon Inclusion",  # a draft of hers, as the window is called
    "双色球第 2026139 期", verifications.SOURCE, "核查员1", "里程与来源不符", "日志第 12 行", "抽查完成",
    "(户号)",  # what a bill calls it, in brackets
    # A text message as it was sent, in the demo's outbox.
    "是您的登录验证码，5 分钟内有效。工作人员不会向您索要，请勿告诉他人。",
)  # fmt: skip


@dataclass
class Things:
    """What has an address of its own: the arguments of every address that needs some, and Alice's vouchers by state."""

    addresses: dict[str, dict[str, Any]] = field(default_factory=dict)
    vouchers: dict[str, uuid.UUID] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    recomputations: dict[str, uuid.UUID] = field(default_factory=dict)
    verifications: dict[str, uuid.UUID] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """A running portal with everybody in it."""

    portal: Portal
    cast: Cast
    exchange: Exchange
    people: dict[str, User | None]
    things: Things

    @property
    def url(self) -> str:
        return self.portal.url


def build_world(portal: Portal) -> World:
    """The cast, a points rule of 1 for 100 g, a funded pool, a merchant with two tills, one of everything for Alice."""
    now = clock.now()
    cast = build_cast()
    credits.set_points_rule(num=1, den=100, effective_from=dt.date(2025, 1, 1), source="测试规则", at=now)
    credits.fund_pool(region=PROVINCE, sponsor=None, points=1_000_000, actor=None, at=now, key="browser")
    exchange = build_exchange(cast, cost=OFFER_COST, per_person=9, at=now)
    give_points(cast.alice_account, 99, at=now, year=clock.today().year)
    things = Things()
    _add_records(things, cast, now)
    _add_vouchers(things, cast, exchange, now)
    _add_belongings(things, cast, now)
    _add_deputy(things, cast, now)
    _add_messages(things, cast, now)
    _add_recomputations(things, cast)
    _add_vintage(things, cast, now)
    _add_monitored(things, now)
    _add_simulation(things, cast, now)
    verifier = _add_verifications(things, now)
    things.addresses |= {
        "methodologies:guide-version": {"version": "1"},
        "methodologies:guide-plain": {"version": "1", "audience": "residents"},
        "methodologies:version": {"code": "SZ-METRO-TRIP", "version": "1.0"},
        **{f"methodologies:{name}": {"code": "SZ-METRO-TRIP", "version": "1.0"} for name in ("source", "pdf", "local")},
        "methodologies:compare": {"code": "SZ-METRO-TRIP"},
        "merchants:offer-detail": {"pk": exchange.offer.pk},
        **_draft_addresses(cast, now),
        **{f"pilots:{view}": {"region": GUANGZHOU} for view in ("dashboard", "counts", "trace")},
    }
    _add_proposals(things, cast, now)
    _add_reviews(things, cast, now)
    people = {
        "visitor": None,
        "resident": cast.alice,
        "member": cast.bob,
        "invited": cast.carol,
        "newcomer": resident("+8615900000009", name=""),
        "unopened": accounts.open_login(phone="+8615900000010"),
        "sme_owner": cast.sme_owner,
        "sme_clerk": cast.merchant_owner,
        "cashier": exchange.tills[0],
        "merchant_owner": resident("+8615900000011", name="潘店主"),
        "sponsor": resident("+8615900000012", name="彭资助"),
        "city_officer": cast.city_officer,
        "city_approver": cast.city_approver,
        "province_officer": cast.province_officer,
        "province_approver": cast.province_approver,
        "auditor": cast.auditor,
        "system_admin": staff("gd-system", Role.SYSTEM_ADMIN, name="孙系统", region=PROVINCE),
        "security_admin": staff("gd-security", Role.SECURITY_ADMIN, name="钱安全", region=PROVINCE),
        **{role.value: adviser(role, number=9) for role in sorted(ADVISER_ROLES)},
        "verifier": verifier,
    }
    _give_to_organisations(people["merchant_owner"], people["sponsor"], cast, now)
    return World(portal, cast, exchange, people, things)


def _give_to_organisations(owner: User, sponsor: User, cast: Cast, now: dt.datetime) -> None:
    """A second owner of the merchant, and the fund's person."""
    fund = accounts.register_organisation(
        kind=OrganisationKind.SPONSOR, name="榕荫基金", credit_code=make_credit_code(31), region=GUANGZHOU, at=now
    )
    accounts.grant_role(person=person_of(owner), role=Role.MERCHANT_OWNER, organisation=cast.merchant, at=now)
    accounts.grant_role(person=person_of(sponsor), role=Role.SPONSOR, organisation=fund, at=now)


def _add_deputy(things: Things, cast: Cast, now: dt.datetime) -> None:
    """The approver of Guangzhou is away for three days, and the officer stands in."""
    today = clock.local_date(now)
    made = accounts.delegate_role(
        principal=person_of(cast.city_approver), deputy=person_of(cast.city_officer), role=Role.CITY_APPROVER,
        region=GUANGZHOU, starts_on=today, ends_on=today + dt.timedelta(days=2), reason="出差", at=now,
    )  # fmt: skip
    things.addresses["accounts:delegation-end"] = {"uuid": made.pk}


def _add_messages(things: Things, cast: Cast, now: dt.datetime) -> None:
    """A method that ends, told to Alice and to the officer of her city; two pages of them for Alice."""
    for number in range(NOTICES_PER_PAGE + 1):
        notice = accounts.Notice(
            NoticeKind.METHOD, f"browser:{number}", "地铁出行：将于 2027年12月31日 停用", "Metro trips: ends on 2027-12-31",
            "之后的新记录改用接替它的方法学。", "Later records go by the method that takes its place.",
            "/methodologies/GD-METRO-TRIP/1.0/",
        )  # fmt: skip
        people = [cast.alice, cast.city_officer] if number == 0 else [cast.alice]
        accounts.notify(people=[person_of(one).pk for one in people], notice=notice, at=now)
    with scope.scoped(cast.alice):
        things.addresses["accounts:notice-read"] = {"pk": Notification.objects.latest("pk").pk}


def _add_vintage(things: Things, cast: Cast, now: dt.datetime) -> None:
    """A new value of a factor, entered by an officer whose colleague will decide."""
    officer = staff("gd-factors", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE)
    methods.propose_vintage(
        factor="fuel.petrol", value="2.31", data_year=2024, valid_from=clock.local_date(now),
        source_document="示例公告", source_page="第 3 页", confidence="official",
        best_before=clock.local_date(now) + dt.timedelta(days=700), why="年度更新", actor=actor_of(officer, at=now), at=now,
    )  # fmt: skip
    code = {"code": "fuel.petrol"}
    things.addresses |= {f"methodologies:factor-{deed}": code for deed in ("vintage", "decide", "withdraw")}
    things.addresses |= {f"credits:affected-{what}": code for what in ("records", "csv")}


def _draft_addresses(cast: Cast, now: dt.datetime) -> dict[str, dict[str, Any]]:
    """A method that the officer of Guangzhou is writing."""
    draft = drafts.start_draft(
        person=person_of(cast.city_officer).pk, region=GUANGZHOU, title="共享单车骑行", at=now
    )  # fmt: skip
    of_draft = {"uuid": draft.uuid}
    part = {**of_draft, "part": "inputs"}
    return {
        **{f"methodologies:{view}": of_draft for view in ("draft", "draft-forward", "draft-decide")},
        **{f"methodologies:{view}": part for view in ("draft-part", "draft-save")},
        "methodologies:draft-edit": {**of_draft, "number": 1},
    }


def _add_monitored(things: Things, now: dt.datetime) -> None:
    """A version that came into force two weeks ago; the trips of the next function are its first."""
    publish("1.1", effective_from=(clock.local_date(now) - dt.timedelta(days=14)).isoformat())
    things.addresses["credits:monitoring-records"] = {"code": "GD-METRO-TRIP", "version": "1.1"}


def _add_simulation(things: Things, cast: Cast, now: dt.datetime) -> None:
    """A finished what-if run over a dozen people's trips in Foshan and Huizhou, so that its report has something in it."""
    draws = [resident(f"+86158{number:08d}") for number in range(1, 13)]
    for number, user in enumerate(draws):
        for back in range(1, 4):
            day = clock.today() - dt.timedelta(days=back * (1 + number % 9))
            start = clock.local_midnight(day) + dt.timedelta(hours=9)
            submit_record(
                participant=user.person.participant, person=person_of(user), region=("440605", "441302")[number % 2],
                activity="metro_trip", inputs={"distance": str(3 + number)}, started_at=start,
                ended_at=start + dt.timedelta(minutes=30), source_record_id=f"sim-{number}-{back}",
                channel=Channel.PAGE, at=now,
            )  # fmt: skip
    credits.quantify_pending(at=now, until_empty=True)
    version = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP", version="1.0")
    made = credits.start_simulation(
        source=version.source.replace('value: "46.7"', 'value: "60"'), version=version, region=PROVINCE,
        first=clock.today() - dt.timedelta(days=60), last=clock.today(), by=person_of(cast.province_officer).pk,
        at=now, announce=False,
    )  # fmt: skip
    assert credits.run_simulation(pk=made.pk)
    for name in ("simulation", "simulation-progress", "simulation-cancel", "simulation-file", "simulation-json",
                 "simulation-xlsx"):  # fmt: skip
        things.addresses[f"credits:{name}"] = {"pk": made.pk}


def _add_verifications(things: Things, now: dt.datetime) -> User:
    """One that waits for its number, one that a verifier works on, one that is signed. Returns the verifier."""
    verifier = adviser(Role.VERIFIER)
    ids = list(
        BehaviorRecord.objects.filter(region__in=["440605", "441302"], state="final")
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    desk = verifications.Desk(verifier, verifier, ids, MethodologyVersion.objects.first())
    waiting = verifications.planted(ids, region=PROVINCE, at=now, drawn=False)
    open_, done, untaken = (verifications.planted(some, region=PROVINCE, at=now) for some in (ids, ids[:4], ids[:5]))
    for one in (open_, done):
        credits.declare_as_verifier(verification=one, person=person_of(verifier).pk, conflicted=False, at=now)
    verifications.answer(desk, open_, 1, "source", "no", note="里程与来源不符", evidence="日志第 12 行")
    verifications.answer_all(desk, done)
    verifications.signed(desk, done)
    things.verifications = {"waiting": waiting.pk, "open": open_.pk, "done": done.pk, "untaken": untaken.pk}
    for name in ("verification", "verification-frame", "verification-work", "verification-report"):
        things.addresses[f"credits:{name}"] = {"uuid": done.pk}
    things.addresses["credits:verification-record"] = {"uuid": open_.pk, "place": 1}
    return verifier


def _add_records(things: Things, cast: Cast, now: dt.datetime) -> None:
    """Alice's records: a final one with a photo, its double refused, a provisional one, a reversed one; Bob's own."""
    alice: dict[str, Any] = {"participant": cast.alice_account, "person": person_of(cast.alice), "region": GUANGZHOU}
    yesterday = clock.today() - dt.timedelta(days=1)
    start = clock.local_midnight(yesterday) + dt.timedelta(hours=8)
    span: dict[str, Any] = {"started_at": start, "ended_at": start + dt.timedelta(minutes=30)}
    submit: Any = partial(submit_record, channel=Channel.PAGE, at=now)

    def bag(serial: str, day: dt.date) -> Any:
        return submit(
            **alice, activity="old_clothes", inputs={"weight": "3.5"}, occurred_on=day, item_serial=serial,
            source_record_id=serial,
        )  # fmt: skip

    metro: dict[str, Any] = {"activity": "metro_trip", "inputs": {"distance": "12.4"}}
    final = submit(**alice, **metro, **span, source_record_id="final", photo=_photo())
    refused = submit(**alice, **metro, **span, source_record_id="same")
    provisional, taken_back = bag("BAG-1", yesterday), bag("BAG-2", yesterday - dt.timedelta(days=1))
    bob: dict[str, Any] = {"participant": cast.bob_account, "person": person_of(cast.bob), "region": GUANGZHOU}
    submit(**bob, **metro, started_at=start, ended_at=start + dt.timedelta(minutes=25), source_record_id="bob")
    credits.quantify_pending(at=now, until_empty=True)
    cancel_record(record=BehaviorRecord.objects.get(pk=taken_back.pk), person=person_of(cast.alice), at=now)
    credits.quantify_pending(at=now, until_empty=True)
    things.records = {
        "final": final.pk,
        "refused": refused.pk,
        "provisional": provisional.pk,
        "reversed": taken_back.pk,
    }
    things.addresses |= {
        "credits:record-detail": {"pk": final.pk},
        "credits:record-trace": {"pk": final.pk},
        "behaviors:record-cancel": {"pk": provisional.pk},
        "behaviors:evidence": {"pk": Evidence.objects.get(record_id=final.pk).pk},
    }


def _add_proposals(things: Things, cast: Cast, now: dt.datetime) -> None:
    """Alice's, studied and long overdue; two of Bob's: merged into it, and adopted to be rewarded; Carol's, unread."""
    long_ago = now - dt.timedelta(days=90)
    kept, merged = proposal(cast.alice, at=long_ago), proposal(cast.bob, at=now)
    proposal(cast.carol, at=now)
    officer = person_of(cast.city_officer)
    for one in (kept, merged):
        proposals.accept_proposal(proposal=one, actor=officer, note="", at=long_ago)
    proposals.merge_proposal(proposal=merged, into=kept, actor=officer, note="", at=now)
    thanked = rewards.adopted(cast.bob, officer=cast.city_officer, approver=cast.province_approver, at=now)
    rewards.asked(thanked, officer=cast.city_officer, points=30, at=now)
    of_alice = {"number": kept.number}
    things.addresses |= {
        f"methodologies:{view}": of_alice
        for view in ("proposal", "proposal-support", "proposal-desk", "proposal-decide")
    } | {"methodologies:proposal-deed": {**of_alice, "name": "accept"}}
    things.addresses |= {f"credits:reward{what}": {"number": thanked.number} for what in ("", "-ask", "-decide")}


def _add_recomputations(things: Things, cast: Cast) -> None:
    """One that is over and left all figures as they were, so that Alice is told of it; one that waits for a decision."""
    version = publish("1.1", ('value: "', 'value: "1'), file="GZ-METRO-TRIP")
    done = recomputed(version, "keep", reason_en="A value was checked and corrected", **_YEARS)
    waiting = previewed(version, "top_up", actor=person_of(cast.province_officer).pk, **_YEARS)
    credits.request_decision(job=waiting, actor=person_of(cast.province_officer).pk, at=clock.now())
    things.addresses |= {
        f"credits:recomputation{what}": {"uuid": done.uuid}
        for what in ("", "-progress", "-json", "-xlsx", "-request", "-decide", "-discard")
    }
    things.recomputations = {"done": done.uuid, "waiting": waiting.uuid}


_YEARS = {"first": dt.date(2025, 1, 1), "last": dt.date(2027, 1, 1)}


def _add_reviews(things: Things, cast: Cast, now: dt.datetime) -> None:
    """Methods in four steps of their review, one of them open for comment with Alice's comment."""
    with review_world.beginning(now - dt.timedelta(days=9)):
        desk = review_world.build_desk()
        for number, step in enumerate(("submitted", "expert_review", "joint_signing", "public_comment")):
            version = review_world.draft_version(
                code=f"GZ-REVIEW-{number}", activity=f"review_{number}", edits=review_world.FAR
            )
            review_world.walk_to(step, desk, version=version)
        changed = review_world.consulted_again(version, desk, edits=(('value: "46.7"', 'value: "45.1"'),))
        methods.make_comment(version=version, person=person_of(cast.alice), text="好", at=now)
    named = {"code": "GZ-REVIEW-3", "version": "1.0"}
    things.addresses |= {f"methodologies:{view}": named for view in ("comments", "minutes", "review")}
    things.addresses["methodologies:comment-change"] = {**named, "pk": changed.pk}
    things.addresses["methodologies:local-confirm"] = named
    things.addresses["methodologies:review-deed"] = {**named, "deed": "reply"}


def _photo() -> SimpleUploadedFile:
    stream = BytesIO()
    Image.new("RGB", (64, 48), "green").save(stream, "JPEG")
    return SimpleUploadedFile("photo.jpg", stream.getvalue(), "image/jpeg")


def _add_vouchers(things: Things, cast: Cast, exchange: Exchange, now: dt.datetime) -> None:
    """One voucher of Alice's in each state."""
    till = person_of(exchange.tills[0])

    def take(at: dt.datetime) -> Any:
        key = uuid.uuid4().hex
        return merchants.take_voucher(offer=exchange.offer, participant=cast.alice_account, request_key=key, at=at)

    def captured() -> Any:
        voucher = take(now)
        digits, _until = merchants.show_digits(voucher=voucher, at=now)
        return merchants.capture(code=digits, person=till, at=now)

    old = take(now)
    merchants.expire_vouchers(at=old.expires_at)
    released, refunded = take(now), captured()
    merchants.release_voucher(voucher=released, at=now)
    merchants.refund(voucher=refunded, person=till, at=now)
    made = {"expired": old, "released": released, "refunded": refunded, "captured": captured(), "held": take(now)}
    things.vouchers = {state: voucher.pk for state, voucher in made.items()}
    held = {"pk": things.vouchers["held"]}
    views = ("voucher-detail", "voucher-qr", "voucher-digits", "voucher-release")
    things.addresses |= {f"merchants:{view}": held for view in views}
    things.addresses["merchants:till-refund"] = {"pk": things.vouchers["captured"]}


def _add_belongings(things: Things, cast: Cast, now: dt.datetime) -> None:
    """Invitations out and in, a clerk, meters of the family and of the firm."""
    alice, owner = person_of(cast.alice), person_of(cast.sme_owner)
    firm = cast.sme.organisation
    assert firm is not None
    out = accounts.invite(actor=alice, household=cast.household, phone="+8613111111111", at=now)
    carol = accounts.invite(actor=alice, household=cast.household, phone=cast.carol.phone or "", at=now)
    from_firm = accounts.invite(actor=owner, organisation=firm, role=Role.SME_CLERK, phone="+8613111111112", at=now)
    accounts.invite(actor=owner, organisation=firm, role=Role.SME_CLERK, phone=cast.carol.phone or "", at=now)
    clerk = accounts.grant_role(person=person_of(cast.merchant_owner), role=Role.SME_CLERK, organisation=firm, at=now)
    member, of_firm = {"uuid": cast.bob.person_id}, {"uuid": firm.uuid}
    things.addresses |= {
        "accounts:set-consent": {"scene": "travel"},
        "accounts:household-invite": {},
        "accounts:meter-bind": {},
        "accounts:member-end": member,
        "accounts:member-head": member,
        "accounts:invitation-withdraw": {"pk": out.pk},
        "accounts:invitation-answer": {"pk": carol.pk},
        "accounts:meter-release": {"pk": cast.meter.pk},
        "accounts:firm": of_firm,
        "accounts:firm-invite": of_firm,
        "accounts:firm-meter": of_firm,
        "accounts:firm-revoke": {**of_firm, "pk": clerk.pk},
        "accounts:firm-withdraw": {**of_firm, "pk": from_firm.pk},
    }


def session_of(user: User) -> str:
    """A logged-in session, made without the login page."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def open_context(
    browser: Browser, world: World, user: User | None = None, **options: Any
) -> tuple[BrowserContext, Watch]:
    """A person's phone (or, with a viewport, another screen), logged in, watched."""
    settled = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": PHONE, "reduced_motion": "reduce"}
    context = browser.new_context(**settled | options)
    watch = Watch(world.url)
    watch.attach(context)
    if user is not None:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user), "url": world.url}])
    return context, watch


def prefer(context: BrowserContext, world: World, **cookies: str) -> None:
    """Set preferences (language, size) as their switches do."""
    context.add_cookies([{"name": name, "value": value, "url": world.url} for name, value in cookies.items()])
