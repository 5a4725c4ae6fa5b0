"""Deeds of accounts on the real database, as the web role."""

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts import real_name, selectors, services
from accounts.constants import INVITATION_DAYS, MeterKind, OrganisationKind, Role
from accounts.errors import (
    AlreadyInHousehold,
    AlreadyOnePerson,
    HeadCannotLeave,
    HouseholdFull,
    IdentityNumberInvalid,
    InvitationClosed,
    MeterBoundElsewhere,
    MeterNumberInvalid,
    NameInvalid,
    NotHouseholdHead,
    OrganisationExists,
    RegionInvalid,
    RoleScopeInvalid,
    TooManyInvitations,
    UnknownScene,
    UsernameTaken,
)
from accounts.models import Consent, Household, Membership, Meter, Participant, Person, TermsAcceptance, User
from carbon_portal.kernel.errors import Forbidden, NotFound
from carbon_portal.kernel.models import AuditEvent
from tests import people
from tests.accounts.test_phones import SPELLINGS
from tests.people import GUANGZHOU, OPENED_AT, PROVINCE, ZHONGSHAN, make_credit_code, person_of

AT = OPENED_AT + dt.timedelta(days=30)


@pytest.fixture
def cast(db) -> people.Cast:
    return people.build_cast()


# -- people ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_twelve_spellings_open_one_account():
    users = {services.register_resident(phone=text, region=GUANGZHOU, at=AT).pk for text in SPELLINGS}
    assert len(users) == 1
    assert (User.objects.count(), Person.objects.count(), Participant.objects.count()) == (1, 1, 1)
    account = Participant.objects.get()
    assert account.public_id[0] == "R"
    assert len(account.public_id) == 12
    assert AuditEvent.objects.filter(verb="participant.opened", target=f"participant:{account.uuid}").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("region", ["", "000000", "440000", "999999", "440100000", "441900003", None, 440100])
def test_an_account_needs_a_city_or_county(region):
    with pytest.raises(RegionInvalid):
        services.register_resident(phone="13800138000", region=region, at=AT)
    assert not User.objects.exists()
    assert not Person.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a\x00b", "a\u202eb", "字" * 51])
def test_names_that_lie_are_refused(name):
    with pytest.raises(NameInvalid):
        services.register_resident(phone="13800138000", region=GUANGZHOU, name=name, at=AT)


def test_a_user_name_belongs_to_one_person(cast):
    again = services.register_staff(
        username="gz-officer", password="another-password", name="周经办", region=GUANGZHOU, at=AT
    )
    assert again.pk == cast.city_officer.pk
    assert again.check_password(people.STAFF_PASSWORD), "a second call changes no password"
    with pytest.raises(UsernameTaken):
        services.register_staff(username="gz-officer", password="x" * 12, name="别人", region=GUANGZHOU, at=AT)


def test_one_natural_person_one_account(cast):
    number = "11010519491231002X"  # the example of GB 11643
    services.confirm_identity(person=person_of(cast.alice), identity_number=number.lower())
    stored = Person.objects.get(pk=person_of(cast.alice).pk).real_name_hash
    assert stored == real_name.reference_hash(number)
    assert number[:17] not in str(list(Person.objects.values()) + list(AuditEvent.objects.values()))
    services.confirm_identity(person=person_of(cast.alice), identity_number=number)
    with pytest.raises(AlreadyOnePerson):
        services.confirm_identity(person=person_of(cast.bob), identity_number=number)
    with pytest.raises(AlreadyOnePerson):
        services.confirm_identity(person=person_of(cast.alice), identity_number="440524188001010014")
    with pytest.raises(IdentityNumberInvalid):
        services.confirm_identity(person=person_of(cast.bob), identity_number="110105194912310021")


def test_the_real_name_key_is_private(cast, settings):
    real_name.reference_hash("11010519491231002X")
    key = settings.VAR / "keys" / "real-name.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_terms_are_accepted_once_per_version(cast):
    person = person_of(cast.alice)
    services.accept_terms(person=person, at=AT)
    services.accept_terms(person=person, version="2027-01", at=AT)
    rows = list(TermsAcceptance.objects.filter(person=person).order_by("id").values_list("version", "at"))
    assert rows == [("2026-11", OPENED_AT), ("2027-01", AT)]


def test_consents_are_steps(cast):
    person = person_of(cast.alice)
    assert set(selectors.consents_of(person).values()) == {None}, "nothing is granted before somebody says so"
    assert services.set_consent(person=person, scene="travel", granted=False, at=AT) is None
    services.set_consent(person=person, scene="travel", granted=True, at=AT)
    services.set_consent(person=person, scene="travel", granted=True, at=AT)
    later = AT + dt.timedelta(hours=1)
    services.set_consent(person=person, scene="travel", granted=False, at=later)
    assert [(row.granted, row.at) for row in selectors.consent_history(person)] == [(False, later), (True, AT)]
    assert not selectors.has_consent(person, "travel")
    assert AuditEvent.objects.filter(verb__startswith="consent.", actor=person.uuid).count() == 2
    with pytest.raises(UnknownScene):
        services.set_consent(person=person, scene="everything", granted=True, at=AT)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts_consent (scene, person_id) VALUES ('travel', %s)", [person.pk])


def test_consents_can_not_be_rewritten(cast):
    row = services.set_consent(person=person_of(cast.alice), scene="travel", granted=True, at=AT)
    assert row is not None
    for sql in ("UPDATE accounts_consent SET granted = false", "DELETE FROM accounts_consent"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(sql)
    assert Consent.objects.get(pk=row.pk).granted


# -- households and meters ---------------------------------------------------------------------------------------------


def test_a_household_lists_members_and_meters(cast):
    members = [(m.person.name, m.is_head) for m in selectors.members_of(cast.household)]
    assert members == [("陈阿姨", True), ("李伯", False)]
    assert [m.number for m in selectors.meters_of(household=cast.household)] == [people.ALICE_METER]
    assert selectors.meters_of_participant(cast.household_account) == [cast.meter]
    assert selectors.meters_of_participant(cast.alice_account) == []
    assert services.create_household(head=person_of(cast.alice), name="陈家", region=GUANGZHOU, at=AT) == cast.household


def test_who_leaves_keeps_the_personal_account_only(cast):
    assert selectors.participants_of(cast.bob) == [cast.bob_account, cast.household_account]
    services.end_household_membership(
        household=cast.household, person=person_of(cast.bob), actor=person_of(cast.bob), at=AT
    )
    assert selectors.participants_of(cast.bob) == [cast.bob_account]
    with pytest.raises(NotFound):
        selectors.participant_for(cast.bob, cast.household_account.uuid)
    # … and may found another family the same day.
    services.create_household(head=person_of(cast.bob), name="李家", region=GUANGZHOU, at=AT)


def test_one_household_at_a_time(cast):
    with pytest.raises(AlreadyInHousehold):
        services.create_household(head=person_of(cast.bob), name="另一家", region=GUANGZHOU, at=AT)
    assert Household.objects.count() == 1
    other = services.create_household(head=person_of(cast.carol), name="黄家", region=ZHONGSHAN, at=AT)
    with pytest.raises(AlreadyInHousehold):
        services.add_household_member(household=other, person=person_of(cast.bob), at=AT)


def test_the_head_manages_and_hands_over(cast):
    alice, bob, carol = person_of(cast.alice), person_of(cast.bob), person_of(cast.carol)
    for deed in (
        lambda: services.end_household_membership(household=cast.household, person=alice, actor=bob, at=AT),
        lambda: services.invite(actor=bob, household=cast.household, phone="13700137002", at=AT),
        lambda: services.release_meter(meter=cast.meter, actor=bob, at=AT),
        lambda: services.hand_over_household(household=cast.household, actor=carol, to=carol),
    ):
        with pytest.raises(NotHouseholdHead):
            deed()
    with pytest.raises(HeadCannotLeave):
        services.end_household_membership(household=cast.household, person=alice, actor=alice, at=AT)
    services.hand_over_household(household=cast.household, actor=alice, to=bob)
    services.end_household_membership(household=cast.household, person=alice, actor=alice, at=AT)
    assert selectors.head_of(cast.household) == bob


def test_a_household_has_a_limit(cast, monkeypatch):
    monkeypatch.setattr("accounts.services.households.HOUSEHOLD_MEMBERS_LIMIT", 2)
    with pytest.raises(HouseholdFull):
        services.add_household_member(household=cast.household, person=person_of(cast.carol), at=AT)


def test_a_meter_is_bound_once_in_the_province(cast):
    other = services.create_household(head=person_of(cast.carol), name="黄家", region=ZHONGSHAN, at=AT)
    meter = {"kind": MeterKind.ELECTRICITY, "number": "0300 1234-56789", "region": GUANGZHOU, "at": AT}
    assert services.bind_meter(household=cast.household, **meter) == cast.meter
    with pytest.raises(MeterBoundElsewhere) as refusal:
        services.bind_meter(household=other, actor=person_of(cast.carol), **meter)
    assert "该户号已由尾号 8000 的家庭绑定" in refusal.value.detail
    with pytest.raises(MeterBoundElsewhere):
        services.bind_meter(organisation=cast.sme.organisation, **meter)
    services.bind_meter(household=other, **(meter | {"kind": MeterKind.WATER}))  # another kind, another number space
    services.release_meter(meter=cast.meter, actor=person_of(cast.alice), at=AT)
    assert services.bind_meter(household=other, **meter).household == other


@pytest.mark.parametrize("number", ["", "12345", "1" * 21, "12345碳6", "123456;--", "' OR 1=1 --"])
def test_meter_numbers_that_can_not_be(cast, number):
    with pytest.raises(MeterNumberInvalid):
        services.bind_meter(household=cast.household, kind="gas", number=number, region=GUANGZHOU, at=AT)
    with pytest.raises(MeterNumberInvalid):
        services.bind_meter(household=cast.household, kind="coal", number="123456", region=GUANGZHOU, at=AT)


def test_two_households_race_for_one_meter(own_database):
    cast = people.build_cast()
    other = services.create_household(head=person_of(cast.carol), name="黄家", region=ZHONGSHAN, at=AT)
    start, outcomes = threading.Barrier(2), []

    def bind(household: Household) -> None:
        start.wait()
        try:
            outcomes.append(
                services.bind_meter(household=household, kind="gas", number="77770001", region=GUANGZHOU, at=AT)
            )
        except MeterBoundElsewhere as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=bind, args=(household,)) for household in (cast.household, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Meter", "MeterBoundElsewhere"]
    assert Meter.objects.filter(number="77770001").count() == 1


def test_one_phone_raced_by_ten_is_one_account(own_database):
    start, users = threading.Barrier(10), []

    def register() -> None:
        start.wait()
        try:
            users.append(services.register_resident(phone="13800138000", region=GUANGZHOU, at=AT).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=register) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(users) == 10
    assert len(set(users)) == 1
    assert Participant.objects.count() == 1


# -- firms, roles, invitations -----------------------------------------------------------------------------------------


def test_a_firm_has_one_owner_who_registered_it(cast):
    firm = {"name": "木棉灯饰有限公司", "credit_code": make_credit_code(1), "region": GUANGZHOU, "at": AT}
    assert services.register_sme(owner=person_of(cast.sme_owner), **firm) == cast.sme
    with pytest.raises(OrganisationExists):
        services.register_sme(owner=person_of(cast.carol), **firm)
    with pytest.raises(OrganisationExists):
        services.register_sme(owner=person_of(cast.sme_owner), **(firm | {"name": "换个名字"}))
    with pytest.raises(OrganisationExists):  # the shop's code can't be registered as a firm
        services.register_sme(owner=person_of(cast.carol), **(firm | {"credit_code": make_credit_code(2)}))
    assert selectors.participants_of(cast.carol) == [cast.carol_account]


def test_authorities_may_lack_a_code_and_firms_may_not(cast):
    place = {"name": "广州市生态环境局", "credit_code": "", "region": GUANGZHOU, "at": AT}
    first = services.register_organisation(kind=OrganisationKind.AUTHORITY, **place)
    assert services.register_organisation(kind=OrganisationKind.AUTHORITY, **place) == first
    with pytest.raises(Exception, match="credit code"):
        services.register_organisation(kind=OrganisationKind.MERCHANT, **place)


def test_roles_have_their_scope(cast):
    person = person_of(cast.carol)
    for role, scope in ((Role.CASHIER, {"region": GUANGZHOU}), (Role.CITY_OFFICER, {}), (Role.RESIDENT, {})):
        with pytest.raises(RoleScopeInvalid):
            services.grant_role(person=person, role=role, at=AT, **scope)
    with pytest.raises(RegionInvalid):
        services.grant_role(person=person, role=Role.CITY_OFFICER, region="999999", at=AT)
    assert Membership.objects.filter(person=person).count() == 0


def test_roles_and_scopes_of_the_cast(cast):
    assert selectors.roles_of(cast.alice) == {"resident", "household_head"}
    assert selectors.roles_of(cast.bob) == {"resident"}
    assert selectors.roles_of(cast.city_officer) == {"city_officer"}
    assert selectors.roles_of(None) == set()
    assert selectors.has_role(cast.cashier, Role.CASHIER, Role.MERCHANT_OWNER)
    assert not selectors.has_role(cast.alice, Role.CASHIER)
    assert selectors.has_role(cast.bob, Role.RESIDENT)
    assert not selectors.has_role(cast.city_officer, Role.RESIDENT)
    assert selectors.has_role(cast.alice, Role.HOUSEHOLD_HEAD)
    assert not selectors.has_role(cast.bob, Role.HOUSEHOLD_HEAD)
    assert selectors.staff_scope(cast.city_officer) == [GUANGZHOU]
    assert selectors.staff_scope(cast.auditor) == [PROVINCE]
    assert selectors.staff_scope(cast.alice) == []
    assert selectors.staff_scope(cast.cashier) == []
    assert selectors.staff_scope(cast.city_officer, Role.CITY_APPROVER) == []
    assert selectors.in_scope(cast.city_officer, "440106")
    assert not selectors.in_scope(cast.city_officer, ZHONGSHAN)
    assert selectors.in_scope(cast.province_officer, ZHONGSHAN)


def test_a_gate_asks_one_question(cast, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert selectors.has_role(cast.city_officer, Role.CITY_OFFICER)


def test_an_ended_role_and_a_closed_login_count_no_more(cast):
    membership = Membership.objects.get(person=cast.cashier.person)
    with pytest.raises(Forbidden):
        services.revoke_role(membership=membership, actor=person_of(cast.sme_owner))
    services.revoke_role(membership=membership, actor=person_of(cast.merchant_owner))
    assert not selectors.has_role(cast.cashier, Role.CASHIER)
    cast.city_officer.is_active = False
    assert selectors.staff_scope(cast.city_officer) == []


def test_participants_are_one_s_own(cast):
    assert selectors.participants_of(cast.alice) == [cast.alice_account, cast.household_account]
    assert selectors.participants_of(cast.sme_owner) == [people.personal_account(cast.sme_owner), cast.sme]
    assert selectors.participant_for(cast.sme_owner, str(cast.sme.uuid), write=True) == cast.sme
    for user, uuid in (
        (cast.alice, cast.bob_account.uuid),
        (cast.carol, cast.household_account.uuid),
        (cast.merchant_owner, cast.sme.uuid),
        (cast.auditor, cast.alice_account.uuid),
        (None, cast.alice_account.uuid),
        (cast.alice, "not-a-uuid"),
    ):
        with pytest.raises(NotFound):
            selectors.participant_for(user, uuid)


def test_an_invitation_is_accepted_by_the_phone_it_names(cast):
    alice, carol = person_of(cast.alice), person_of(cast.carol)
    made = services.invite(actor=alice, household=cast.household, phone="137 0013 7002", at=AT)
    assert services.invite(actor=alice, household=cast.household, phone="+8613700137002", at=AT) == made
    assert list(selectors.invitations_for(cast.carol, at=AT)) == [made]
    assert list(selectors.invitations_for(cast.sme_owner, at=AT)) == []
    with pytest.raises(Forbidden):
        services.answer_invitation(invitation=made, person=person_of(cast.sme_owner), accept=True, at=AT)
    services.answer_invitation(invitation=made, person=carol, accept=True, at=AT)
    assert selectors.membership_of(carol).household == cast.household
    with pytest.raises(InvitationClosed):
        services.answer_invitation(invitation=made, person=carol, accept=True, at=AT)


def test_an_invitation_to_nobody_answers_the_same(cast):
    made = services.invite(actor=person_of(cast.alice), household=cast.household, phone="15900000000", at=AT)
    assert made.answered_at is None
    assert selectors.members_of(cast.household).count() == 2


def test_invitations_lapse_and_have_a_limit(cast, monkeypatch):
    alice = person_of(cast.alice)
    made = services.invite(actor=alice, household=cast.household, phone="13700137002", at=AT)
    late = AT + dt.timedelta(days=INVITATION_DAYS, seconds=1)
    with pytest.raises(InvitationClosed):
        services.answer_invitation(invitation=made, person=person_of(cast.carol), accept=True, at=late)
    renewed = services.invite(actor=alice, household=cast.household, phone="13700137002", at=late)
    services.answer_invitation(invitation=renewed, person=person_of(cast.carol), accept=False, at=late)
    assert selectors.membership_of(person_of(cast.carol)) is None
    monkeypatch.setattr("accounts.services.invitations.OPEN_INVITATIONS_LIMIT", 1)
    services.invite(actor=alice, household=cast.household, phone="15900000000", at=late)
    with pytest.raises(TooManyInvitations):
        services.invite(actor=alice, household=cast.household, phone="15900000001", at=late)


def test_an_owner_takes_in_clerks_and_nothing_else(cast):
    owner, firm = person_of(cast.sme_owner), cast.sme.organisation
    made = services.invite(actor=owner, organisation=firm, role=Role.SME_CLERK, phone="13700137002", at=AT)
    services.answer_invitation(invitation=made, person=person_of(cast.carol), accept=True, at=AT)
    assert cast.sme in selectors.participants_of(cast.carol)
    for actor, role in (
        (owner, Role.SME_OWNER),
        (owner, Role.PROVINCE_OFFICER),
        (owner, Role.CASHIER),
        (person_of(cast.carol), Role.SME_CLERK),
        (person_of(cast.merchant_owner), Role.SME_CLERK),
    ):
        with pytest.raises(Forbidden):
            services.invite(actor=actor, organisation=firm, role=role, phone="15900000000", at=AT)
