"""States that a crawl by links does not come to: forms with errors, swapped fragments, open dialogs, answers of the till.

Each is a function that brings a page into the state; the tests then judge the page as it stands. They run once for each
language and size, on one portal, so each makes for itself what it uses up.
"""

import re
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from oauth2_provider.models import get_application_model
from playwright.sync_api import Page, expect

from accounts import services as accounts
from accounts.constants import NoticeKind
from accounts.services import Notice
from carbon_portal.kernel import clock
from credits.models import Simulation
from merchants import services as merchants
from methodologies import services as methodologies
from tests.browser.world import World
from tests.merchants.world import give_points
from tests.methodologies.review_world import draft_text
from tests.people import person_of

Make = Callable[[Page, World], None]


@dataclass(frozen=True)
class State:
    """Somebody's page in a state; what the browser itself complains of in it."""

    name: str
    who: str
    make: Make
    expected: str = ""


STATES: list[State] = []


def state(who: str, expected: str = "") -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        STATES.append(State(make.__name__, who, make, expected))
        return make

    return register


def send(page: Page, form: str = "main form") -> None:
    """Press a form's own button."""
    page.locator(f"{form} button[type=submit]").last.click()


def errors(page: Page) -> None:
    expect(page.locator(".error-summary").first).to_be_visible()


# -- methods -----------------------------------------------------------------------------------------------------------


def _two_versions(code: str) -> None:
    """A method of an activity of its own with two versions; where it is there already nothing happens."""
    edits = (("effective_from: 2025-01-01", "effective_from: 2026-06-01"), ('value: "46.7"', 'value: "50.1"'))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(methodologies.LIBRARY / "factors.yaml", folder)
        for version, changes in (("1.0", ()), ("2.0", edits)):
            text = draft_text(code=code, version=version, region="440000", activity=code.lower(), edits=changes)
            (folder / f"{version}.yaml").write_text(text, encoding="utf-8")
        methodologies.sync_library(at=clock.now(), folder=folder)


@state("visitor")
def versions_compared(page: Page, world: World) -> None:
    _two_versions("XX-COMPARED")
    page.goto(world.url + "/methodologies/XX-COMPARED/compare/")
    expect(page.locator(".changes").first).to_be_visible()


@state("visitor")
def nothing_to_compare(page: Page, world: World) -> None:
    page.goto(world.url + "/methodologies/SZ-METRO-TRIP/compare/?a=1.0&b=1.0")
    expect(page.locator(".empty")).to_be_visible()


@state("visitor")
def superseded_version_opened(page: Page, world: World) -> None:
    _two_versions("XX-COMPARED")
    page.goto(world.url + "/methodologies/XX-COMPARED/1.0/")
    page.locator("details.more summary").first.click()
    expect(page.locator(".notice.info")).to_be_visible()


@state("visitor")
def no_method_found(page: Page, world: World) -> None:
    page.goto(world.url + "/methodologies/?q=nowhere")
    expect(page.locator(".empty")).to_be_visible()


@state("visitor")
def method_search_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/methodologies/?sector=nowhere")
    expect(page.locator("h1")).to_be_visible()


@state("visitor")
def a_value_two_cities_refuse(page: Page, world: World) -> None:
    page.goto(world.url + "/methodologies/cities/?activity=metro_trip&a=440100&b=440300&in_distance=-1")
    expect(page.locator(".result").first).to_be_visible()


@state("visitor")
def maturity_tests_opened(page: Page, world: World) -> None:
    page.goto(world.url + "/methodologies/maturity/")
    page.locator("details.more summary").first.click()
    expect(page.locator("details[open] .list").first).to_be_visible()


@state("province_officer")
def another_version_monitored(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/monitoring/")
    page.locator("select[name=version]").select_option("GD-METRO-TRIP@1.0")
    send(page)
    page.locator("details.more summary").first.click() if page.locator("details.more").count() else None
    expect(page.locator("h2 a.text-link")).to_have_count(2)


@state("city_officer")
def simulation_of_a_draft_begun(page: Page, world: World) -> None:
    draft = world.things.addresses["methodologies:draft"]["uuid"]
    page.goto(f"{world.url}/staff/simulations/new?draft={draft}")
    expect(page.locator("select[name=version]")).to_have_value(f"draft:{draft}")


@state("province_officer")
def a_few_with_much(page: Page, world: World) -> None:
    """A finished run whose report tells of a group that gets a large share."""
    made = Simulation.objects.get(pk=world.things.addresses["credits:simulation"]["pk"])
    fields = {one.attname: getattr(made, one.attname) for one in made._meta.concrete_fields}
    report = made.report | {
        "options": {"distance": {"near": {"zh": "近", "en": "Near"}}},
        "top": {
            "people": 6, "people_share": "5.0", "grams": 33_624, "grams_share": "92.8",
            "records_per_person": ["3.0", "1.1"], "grams_per_record": [1868, 274], "cut_off_share": ["33.3", None],
            "own": {"names": ["own_mean"], "window_days": 7, "people": 6, "share": ["81.0", "20.5"]},
            "cities": [{"key": "440600", "people": 5}, {"key": "others", "groups": 2, "people": 5}],
            "kinds": [{"key": "resident", "people": 6}],
            "evidence": [{"key": "feed", "share": "100.0", "all_share": "13.6"}],
            "choices": [{"input": "distance", "rows": [{"key": "near", "share": "9.1", "all_share": "20.0"}]}],
        },
    }  # fmt: skip
    report["gaming"]["concentration"] = {
        "people_share": "5.0", "people": 6, "grams_share": "92.8", "own_share": "81.0",
    }  # fmt: skip
    kept = Simulation.objects.create(**fields | {"uuid": uuid.uuid4(), "report": report})
    page.goto(f"{world.url}/staff/simulations/{kept.pk}/")
    page.locator('a[href="#top-group"]').click()
    expect(page.locator("#top-group")).to_be_in_viewport()


# -- coming in ---------------------------------------------------------------------------------------------------------


@state("visitor")
def sign_up_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/account/signup/")
    page.fill("#id_phone", "1380013")
    send(page)
    errors(page)


@state("visitor")
def login_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/account/login/")
    page.fill("#id_phone", "12")
    send(page)
    errors(page)


@state("visitor")
def password_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/account/login/password/")
    page.fill("#id_login", "gz-officer")
    page.fill("#id_password", "not this one")
    send(page)
    errors(page)


def ask_for_code(page: Page, world: World, phone: str) -> None:
    page.goto(world.url + "/account/login/")
    page.fill("#id_phone", phone)
    send(page)


@state("visitor")
def wrong_code(page: Page, world: World) -> None:
    phone = f"133{uuid.uuid4().int % 10**8:08d}"
    ask_for_code(page, world, phone)
    page.fill("#id_code", "000000")
    page.click("main form button[value=verify]")
    errors(page)


@state("visitor")
def too_many_codes(page: Page, world: World) -> None:
    phone = f"133{uuid.uuid4().int % 10**8:08d}"
    ask_for_code(page, world, phone)
    ask_for_code(page, world, phone)
    errors(page)


@state("unopened")
def account_not_opened(page: Page, world: World) -> None:
    page.goto(world.url + "/account/open/")
    send(page)
    errors(page)


# -- records -----------------------------------------------------------------------------------------------------------


@state("resident")
def trip_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.fill("#id_input_distance", "-3")
    page.fill("#id_start", "")
    send(page, "#record-form")
    errors(page)


@state("resident")
def trip_estimated(page: Page, world: World) -> None:
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.locator("#id_input_distance").fill("12.4")
    expect(page.locator("#estimate b.num").first).to_be_visible()
    page.locator("#record-form details summary").click()
    expect(page.locator("#id_note")).to_be_visible()


@state("resident")
def estimate_impossible(page: Page, world: World) -> None:
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.locator("#id_input_distance").fill("9999999")
    expect(page.locator("#estimate")).not_to_contain_text(re.compile("填好|Fill in"))


@state("resident", expected="net::ERR_FAILED")
def network_away(page: Page, world: World) -> None:
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.wait_for_load_state("networkidle")
    page.route("**/records/estimate", lambda route: route.abort())
    page.locator("#id_input_distance").fill("12.4")
    expect(page.locator(".toast.no").first).to_be_visible()
    page.unroute("**/records/estimate")


@state("resident")
def meter_reading_refused(page: Page, world: World) -> None:
    page.goto(f"{world.url}/records/new?activity=household_electricity&account={world.cast.household_account.pk}")
    send(page, "#record-form")
    errors(page)


@state("resident")
def nothing_matches(page: Page, world: World) -> None:
    page.goto(world.url + "/records/?state=received")


@state("resident")
def cannot_be_taken_back(page: Page, world: World) -> None:
    page.goto(f"{world.url}/records/{world.things.records['final']}/cancel")


@state("resident")
def taken_back(page: Page, world: World) -> None:
    page.goto(f"{world.url}/records/{world.things.records['reversed']}")


@state("resident")
def trace_of_a_refused_record(page: Page, world: World) -> None:
    page.goto(f"{world.url}/records/{world.things.records['refused']}/trace")


# -- the desk ----------------------------------------------------------------------------------------------------------


@state("city_officer")
def nothing_overdue(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/todo/?overdue=1")


@state("province_officer")
def new_value_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/factors/new/")
    page.fill("#id_value", "0.44.19")
    send(page, "section form")
    errors(page)


@state("city_officer")
def deputy_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/delegations/")
    send(page, "section form")
    errors(page)


@state("city_officer")
def delegation_about_to_end(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/delegations/")
    open_dialog(page, "[data-dialog^=end-]")


# -- family and firm ---------------------------------------------------------------------------------------------------


def open_dialog(page: Page, opener: str) -> None:
    page.locator(opener).first.click()
    expect(page.locator("dialog[open]")).to_be_visible()


@state("verifier", expected="status of 422")
def checklist_with_a_bad_item(page: Page, world: World) -> None:
    page.goto(f"{world.url}/staff/verifications/{world.things.verifications['open']}/records/2")
    page.locator('input[name="source-result"][value="no"]').check()
    page.locator('button[value="stay"]').click()
    errors(page)


@state("verifier", expected="status of 422")
def conflict_without_words(page: Page, world: World) -> None:
    page.goto(f"{world.url}/staff/verifications/{world.things.verifications['untaken']}/")
    page.locator('input[name="conflicted"][value="yes"]').check()
    send(page)
    errors(page)


@state("province_officer", expected="status of 409")
def number_of_the_day_of_the_freezing(page: Page, world: World) -> None:
    page.goto(f"{world.url}/staff/verifications/{world.things.verifications['waiting']}/")
    page.locator('input[name="seed"]').fill("7 11 13")
    page.locator('input[name="source"]').fill("lottery")
    page.locator('input[name="published_on"]').fill("2020-01-01")
    send(page)
    errors(page)


@state("resident")
def a_message_read(page: Page, world: World) -> None:
    key = f"state:{uuid.uuid4()}"
    told = Notice(
        NoticeKind.POINTS, key, "12 个碳币将到期", "12 points expire", "请及时使用。", "Spend them in time.", "/me/"
    )
    accounts.notify(people=[person_of(world.cast.alice).pk], notice=told, at=clock.now())
    page.goto(world.url + "/me/messages/")
    before = page.locator("main .pill.wait").count()
    page.locator("main li form button").first.click()
    expect(page.locator("main .pill.wait")).to_have_count(before - 1)


@state("resident")
def meter_about_to_go(page: Page, world: World) -> None:
    page.goto(world.url + "/me/household/")
    page.locator("details.more summary").click()
    open_dialog(page, "[data-dialog^=meter-]")


@state("resident")
def member_about_to_go(page: Page, world: World) -> None:
    page.goto(world.url + "/me/household/")
    open_dialog(page, "[data-dialog^=end-]")


@state("resident")
def meter_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/me/household/")
    page.fill("input[name$=number]", "12")
    send(page, "form[action*=meters]")
    errors(page)


@state("resident")
def invitation_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/me/household/")
    page.fill("form[action*=invite] input[name$=phone]", "12")
    send(page, "form[action*=invite]")
    errors(page)


@state("member")
def about_to_leave(page: Page, world: World) -> None:
    page.goto(world.url + "/me/household/")
    open_dialog(page, "[data-dialog^=end-]")


@state("newcomer")
def family_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/me/household/")
    page.fill("#id_name", "")
    send(page)
    errors(page)


@state("newcomer")
def firm_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/me/firms/new/")
    page.fill("#id_credit_code", "91440101MA0000000O")
    send(page)
    errors(page)


@state("sme_owner")
def clerk_about_to_go(page: Page, world: World) -> None:
    page.goto(f"{world.url}/me/firms/{world.things.addresses['accounts:firm']['uuid']}/")
    open_dialog(page, "[data-dialog^=staff-]")


@state("sme_owner")
def meter_of_the_firm_refused(page: Page, world: World) -> None:
    page.goto(f"{world.url}/me/firms/{world.things.addresses['accounts:firm']['uuid']}/")
    send(page, "form[action*=meters]")
    errors(page)


# -- the person --------------------------------------------------------------------------------------------------------


@state("newcomer")
def consent_just_given(page: Page, world: World) -> None:
    page.goto(world.url + "/me/consents/")
    switch = page.get_by_role("switch").first
    was = switch.get_attribute("aria-checked")
    switch.click()
    expect(page.get_by_role("switch").first).to_have_attribute("aria-checked", "false" if was == "true" else "true")


@state("newcomer")
def consents_with_history(page: Page, world: World) -> None:
    page.goto(world.url + "/me/consents/")
    page.locator("details.more summary").click()


@state("resident")
def name_refused(page: Page, world: World) -> None:
    page.goto(world.url + "/me/name/")
    page.fill("#id_name", "")
    send(page)
    errors(page)


@state("resident")
def app_asks(page: Page, world: World) -> None:
    page.goto(f"{world.url}/o/authorize/?{urlencode(_asked())}")
    expect(page.locator("main button[name=allow]")).to_be_visible()


@state("resident", expected="status of 400")
def app_asks_wrongly(page: Page, world: World) -> None:
    page.goto(world.url + "/o/authorize/?client_id=nobody")


def _asked() -> dict[str, str]:
    """What an app of somebody's asks for."""
    back = "https://rides.example/back"
    app, _new = get_application_model().objects.get_or_create(
        client_id="rides",
        defaults={
            "name": "骑行助手",
            "client_type": "public",
            "authorization_grant_type": "authorization-code",
            "redirect_uris": back,
        },
    )
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    return {"response_type": "code", "client_id": app.client_id, "redirect_uri": back, "scope": "me", **challenge}


# -- vouchers and the till ---------------------------------------------------------------------------------------------


def voucher_in(which: str) -> Make:
    def make(page: Page, world: World) -> None:
        page.goto(f"{world.url}/vouchers/{world.things.vouchers[which]}/")
        if which == "held":
            expect(page.locator(".digits")).to_be_visible()

    make.__name__ = f"voucher_{which}"
    return make


for _which in ("held", "expired", "released", "refunded", "captured"):
    state("resident")(voucher_in(_which))


@state("resident")
def voucher_given_back(page: Page, world: World) -> None:
    page.goto(f"{world.url}/offers/{world.exchange.offer.pk}/")
    send(page)
    page.wait_for_url(re.compile("/vouchers/"))
    send(page, "form[action*=release]")
    expect(page.locator(".toast")).to_be_visible()


@state("newcomer")
def too_few_points(page: Page, world: World) -> None:
    page.goto(f"{world.url}/offers/{world.exchange.offer.pk}/")
    send(page)
    errors(page)


def fresh_code(world: World) -> str:
    """Eight digits of a new voucher of Bob's."""
    now, bob = clock.now(), world.cast.bob_account
    give_points(bob, world.exchange.offer.cost_points, at=now, year=clock.today().year)
    voucher = merchants.take_voucher(offer=world.exchange.offer, participant=bob, request_key=uuid.uuid4().hex, at=now)
    return merchants.show_digits(voucher=voucher, at=now)[0]


def type_code(page: Page, world: World, code: str) -> None:
    page.goto(world.url + "/till/")
    page.fill("#id_code", code)
    send(page, "form[action*=capture]")


@state("cashier")
def till_says_yes(page: Page, world: World) -> None:
    type_code(page, world, fresh_code(world))
    expect(page.locator("[data-verdict=ok]")).to_be_visible()


@state("cashier")
def till_says_no(page: Page, world: World) -> None:
    code = fresh_code(world)
    type_code(page, world, code)
    type_code(page, world, code)
    expect(page.locator("[data-verdict=no]")).to_be_visible()


@state("cashier")
def till_code_unknown(page: Page, world: World) -> None:
    type_code(page, world, "12")
    expect(page.locator("[data-verdict=no]")).to_be_visible()


@state("cashier")
def till_without_a_code(page: Page, world: World) -> None:
    page.goto(world.url + "/till/")
    page.evaluate("document.querySelector('form[action*=capture]').noValidate = true")
    send(page, "form[action*=capture]")
    errors(page)


@state("cashier")
def till_camera_denied(page: Page, world: World) -> None:
    page.goto(world.url + "/till/")
    page.locator("details.more summary").click()
    expect(page.locator(".scanner")).to_be_visible()


@state("cashier")
def till_took_back(page: Page, world: World) -> None:
    type_code(page, world, fresh_code(world))
    page.locator("form[action*=refund] button").first.click()
    expect(page.locator(".toast")).to_be_visible()


# -- boards ------------------------------------------------------------------------------------------------------------


@state("city_officer")
def menu_open(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/")
    page.click("[data-toggle=side]")
    expect(page.locator("#side-body")).to_be_visible()


@state("visitor")
def figures_instead_of_pictures(page: Page, world: World) -> None:
    page.goto(world.url + "/dashboards/")
    page.wait_for_load_state("networkidle")
    for toggle in page.locator("[data-chart-toggle]:visible").all():
        toggle.click()
    expect(page.locator("#map-table")).to_be_visible()


@state("visitor")
def city_without_records(page: Page, world: World) -> None:
    page.goto(world.url + "/dashboards/445300/?period=month")


@state("visitor")
def trace_without_records(page: Page, world: World) -> None:
    page.goto(world.url + "/dashboards/445300/trace/")


# -- drafting ----------------------------------------------------------------------------------------------------------


def draft_page(world: World, part: str = "") -> str:
    uuid_ = world.things.addresses["methodologies:draft"]["uuid"]
    return f"{world.url}/staff/methodologies/drafts/{uuid_}/{part}"


def part_of_draft(which: str) -> Make:
    def make(page: Page, world: World) -> None:
        page.goto(draft_page(world, f"{which}/"))
        expect(page.locator("#check")).to_be_visible()

    make.__name__ = f"draft_{which}"
    return make


for _part in ("basics", "parameters", "formula", "limits", "chapters", "examples", "text"):
    state("city_officer")(part_of_draft(_part))


@state("city_officer")
def draft_checked_while_typing(page: Page, world: World) -> None:
    page.goto(draft_page(world, "formula/"))
    page.get_by_label(re.compile("公式|Formula")).first.fill("distance + 1")
    expect(page.locator("#check .pill.no").first).to_be_visible()
    expect(page.locator("#check .saved")).to_contain_text(re.compile("已自动保存|Saved automatically"))
    page.get_by_label(re.compile("公式|Formula")).first.fill("max(distance * saving_per_km, 0)")
    expect(page.locator("#check .calc b").first).to_be_visible()


@state("city_officer", expected="status of 409")
def draft_not_ready(page: Page, world: World) -> None:
    page.goto(draft_page(world))
    page.locator("form[action$='/forward/'] button").click()
    errors(page)


@state("auditor")
def draft_read_only(page: Page, world: World) -> None:
    page.goto(draft_page(world, "inputs/"))
    expect(page.locator("#draft-form button[type=submit]")).to_have_count(0)


@state("city_officer")
def draft_begun(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/methodologies/drafts/new/")
    page.fill("#id_proposal", "P-2026-999999")


@state("province_approver")
def reward_to_be_decided(page: Page, world: World) -> None:
    number = world.things.addresses["credits:reward"]["number"]
    page.goto(f"{world.url}/staff/proposals/{number}/reward")
    expect(page.locator("#id_note")).to_be_visible()
