"""Row-level security, attacked with raw SQL as portal_web: the policies hold where a selector forgets its filter (T1).

Statements here go past Django's cursor, which would bring the scope along: what they may see, they say themselves.
"""

import copy
import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import override_settings
from psycopg2.errors import InsufficientPrivilege
from pytest_django.plugin import DjangoDbBlocker

from accounts import selectors, services
from accounts.constants import NoticeKind
from accounts.models import Consent, Household, Meter, Notification, Person
from accounts.services import Notice
from behaviors.models import Evidence, PhotoDay
from carbon_portal.kernel import scope
from carbon_portal.kernel.services import paths
from tests import database
from tests.methodologies.ideas import proposal
from tests.people import ALICE_METER, GUANGZHOU, ZHONGSHAN, build_cast, person_of
from tests.security.world import app_of, browser, photo, trip

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)
TABLES = {
    "accounts_person": "uuid",
    "accounts_household": "uuid",
    "accounts_meter": "id",
    "accounts_consent": "id",
    "behaviors_evidence": "uuid",
    "methodologies_proposalcontact": "proposal_id",
    "accounts_notification": "id",
    "behaviors_photoday": "id",
}
#: A message is its reader's alone, and so is how much somebody has uploaded: staff of the area see none.
OF_THE_PERSON_ALONE = {"accounts_notification", "behaviors_photoday"}
OF_AN_AREA = sorted(set(TABLES) - OF_THE_PERSON_ALONE)
#: They name people, and stand under no policy: logins and what leads to them, the links that policies follow, and
#: records, which carry opaque ids.
WITHOUT_POLICY = {
    "accounts_user",
    "accounts_householdmember",
    "accounts_participant",
    "accounts_membership",
    "accounts_delegation",
    "accounts_invitation",
    "accounts_termsacceptance",
    "behaviors_behaviorrecord",
    "behaviors_tripinterval",
    "merchants_cashier",
}
REGIONS = {city: ",".join(scope.within([city])) for city in (GUANGZHOU, ZHONGSHAN)}


def build() -> SimpleNamespace:
    """A row of each table in Guangzhou (Alice's family) and in Zhongshan (Carol's)."""
    cast = build_cast()
    family = services.create_household(head=person_of(cast.carol), name="黄家", region=ZHONGSHAN, at=AT)
    meter = services.bind_meter(household=family, kind="water", number="0760123456", region=ZHONGSHAN, at=AT)
    rows: dict[str, dict[str, set[Any]]] = {table: {} for table in TABLES}
    for city, user, household, bound, color in (
        (GUANGZHOU, cast.alice, cast.household, cast.meter, "green"),
        (ZHONGSHAN, cast.carol, family, meter, "blue"),
    ):
        person = person_of(user)
        consent = services.set_consent(person=person, scene="travel", granted=True, at=AT)
        assert consent is not None
        record = trip(user, picture=photo(color), key=city)
        if city == ZHONGSHAN:
            Evidence.objects.filter(record_id=record.pk).update(region=ZHONGSHAN)
        rows["accounts_person"][city] = {person.pk}
        rows["accounts_household"][city] = {household.pk}
        rows["accounts_meter"][city] = {bound.pk}
        rows["accounts_consent"][city] = {consent.pk}
        notice = Notice(NoticeKind.METHOD, f"test:{city}", "标题", "Title", "内容", "Body", "/")
        services.notify(people=[person.pk], notice=notice, at=AT)
        with scope.scoped(user):
            rows["accounts_notification"][city] = {Notification.objects.get().pk}
            rows["behaviors_photoday"][city] = {PhotoDay.objects.get().pk}
        rows["methodologies_proposalcontact"][city] = {proposal(user, at=AT).pk}
        rows["behaviors_evidence"][city] = {Evidence.objects.get(record_id=record.pk).pk}
    return SimpleNamespace(cast=cast, family=family, rows=rows)


@pytest.fixture(scope="module")
def _two_families(
    django_db_setup: None,
    template_database: str,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, SimpleNamespace, Path]]:
    """A database in which the rows are committed, once for all tests of this file."""
    with django_db_blocker.unblock():
        name, uploads = database.make_copy(template_database, "own"), tmp_path_factory.mktemp("uploads")
        try:
            with database.pointed_at(name), override_settings(MEDIA_ROOT=uploads):
                built = build()
            yield name, built, uploads
        finally:
            database.drop(name)


@pytest.fixture
def world(
    _two_families: tuple[str, SimpleNamespace, Path],
    django_db_blocker: DjangoDbBlocker,
    settings: Any,
    _own_uploads: None,
) -> Iterator[SimpleNamespace]:
    """The rows, and a transaction that undoes whatever the test does to them."""
    name, built, settings.MEDIA_ROOT = _two_families
    with django_db_blocker.unblock(), database.pointed_at(name), transaction.atomic():
        yield copy.deepcopy(built)
        transaction.set_rollback(True)


@contextmanager
def raw(*, person: Any = "", regions: str = "", keys: str = "") -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Statements of portal_web with just this scope, taken back afterwards."""
    connection.ensure_connection()
    with transaction.atomic(), connection.connection.cursor() as cursor:

        def ask(sql: str, *params: Any) -> list[tuple[Any, ...]]:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]

        assert ask("SELECT current_user") == [("portal_web",)]
        for name, value in (("person", person), ("regions", regions), ("keys", keys)):
            ask("SELECT set_config(%s, %s, true)", f"app.{name}", str(value))
        yield ask
        transaction.set_rollback(True)


def ids(ask: Callable[..., list[tuple[Any, ...]]], table: str) -> set[Any]:
    return {
        uuid.UUID(row[0]) if "-" in row[0] else int(row[0]) for row in ask(f"SELECT {TABLES[table]}::text FROM {table}")
    }


# -- which tables ------------------------------------------------------------------------------------------------------


def lacking(table: str) -> list[str]:
    """What a table under row-level security lacks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity,"
            " ARRAY(SELECT cmd FROM pg_policies WHERE tablename = %s ORDER BY cmd) FROM pg_class WHERE oid = %s::regclass",
            [table, table],
        )
        enabled, forced, commands = cursor.fetchone()
    lacks = [word for word, fine in (("enabled", enabled), ("forced", forced)) if not fine]
    return lacks + sorted({"SELECT", "INSERT", "UPDATE", "DELETE"} - set(commands))


def test_the_tables_are_these_and_none_is_open(db: None) -> None:
    assert scope.tables() == sorted(TABLES)
    assert {table: lacking(table) for table in TABLES} == {table: [] for table in TABLES}


def test_whatever_points_at_a_person_or_a_family_is_under_policies_or_on_the_list(db: None) -> None:
    pointing = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model in (Person, Household)
    }
    new = pointing - set(TABLES) - WITHOUT_POLICY
    assert not new, f"{new}: row_level = True and policies (docs/adr/0027-row-level-security.md), or a reason not to"
    assert pointing - set(TABLES) == WITHOUT_POLICY


def test_logins_stand_under_no_policy(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY 1")
        assert [name for (name,) in cursor.fetchall()] == sorted(TABLES)


# -- what is seen ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_no_scope_no_rows(world: SimpleNamespace, table: str) -> None:
    with raw() as ask:
        assert ask(f"SELECT count(*) FROM {table}") == [(0,)]
        assert ask(f"DELETE FROM {table} WHERE false") == [(0,)] if table != "accounts_consent" else True


@pytest.mark.parametrize("city", [GUANGZHOU, ZHONGSHAN])
@pytest.mark.parametrize("table", OF_AN_AREA)
def test_the_scope_of_a_city_is_its_rows(world: SimpleNamespace, table: str, city: str) -> None:
    other = ZHONGSHAN if city == GUANGZHOU else GUANGZHOU
    with raw(regions=REGIONS[city]) as ask:
        seen = ids(ask, table)
    assert world.rows[table][city] <= seen
    assert not world.rows[table][other] & seen


def test_a_message_is_read_and_written_by_nobody_but_its_reader(world: SimpleNamespace) -> None:
    alice, officer = person_of(world.cast.alice), person_of(world.cast.city_officer)
    add = (
        "INSERT INTO accounts_notification (person, kind, key, title_zh, title_en, body_zh, body_en, url, created_at)"
        " VALUES (%s, 'method', 'forged', 'x', 'x', 'x', 'x', '/', now())"
    )
    for settings in ({"regions": REGIONS[GUANGZHOU]}, {"person": officer.pk, "regions": REGIONS[GUANGZHOU]}):
        with raw(**settings) as ask:
            assert ids(ask, "behaviors_photoday") == set()
            assert ids(ask, "accounts_notification") == set()
            assert ask("UPDATE accounts_notification SET read_at = now()") == [(0,)]
            assert ask("DELETE FROM accounts_notification") == [(0,)]
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                ask(add, str(alice.pk))
    with raw(person=alice.pk) as ask:
        assert ask("UPDATE accounts_notification SET read_at = now()") == [(1,)]
        with pytest.raises(psycopg2.Error, match="Cannot update"):
            ask("UPDATE accounts_notification SET title_zh = 'x'")


@pytest.mark.parametrize("table", TABLES)
def test_a_person_sees_their_own(world: SimpleNamespace, table: str) -> None:
    alice, bob, carol = (person_of(user) for user in (world.cast.alice, world.cast.bob, world.cast.carol))
    with raw(person=carol.pk) as ask:
        assert ids(ask, table) == world.rows[table][ZHONGSHAN]
    with raw(person=alice.pk) as ask:
        family = {bob.pk} if table == "accounts_person" else set()
        assert ids(ask, table) == world.rows[table][GUANGZHOU] | family


def test_a_member_sees_the_family_and_its_meter_but_no_consent_or_picture_of_another(world: SimpleNamespace) -> None:
    with raw(person=person_of(world.cast.bob).pk) as ask:
        seen = {table: ids(ask, table) for table in TABLES}
    of_guangzhou = {table: rows[GUANGZHOU] for table, rows in world.rows.items()}
    assert seen["accounts_household"] == of_guangzhou["accounts_household"]
    assert seen["accounts_meter"] == of_guangzhou["accounts_meter"]
    assert seen["accounts_consent"] == seen["behaviors_evidence"] == set()


def test_who_left_the_family_sees_it_no_more(world: SimpleNamespace) -> None:
    alice, bob = person_of(world.cast.alice), person_of(world.cast.bob)
    services.end_household_membership(household=world.cast.household, person=bob, actor=bob, at=AT)
    with raw(person=bob.pk) as ask:
        assert ids(ask, "accounts_household") == ids(ask, "accounts_meter") == set()
        assert ids(ask, "accounts_person") == {bob.pk}
    with raw(person=alice.pk) as ask:  # whose name stands on what they did together
        assert ids(ask, "accounts_person") == {alice.pk, bob.pk}


def test_an_invitation_shows_the_family_until_it_is_answered(world: SimpleNamespace) -> None:
    alice, owner = person_of(world.cast.alice), person_of(world.cast.sme_owner)
    sent = services.invite(actor=alice, household=world.cast.household, phone=world.cast.sme_owner.phone, at=AT)
    with raw(person=owner.pk) as ask:
        assert ids(ask, "accounts_household") == {world.cast.household.pk}
        assert ids(ask, "accounts_person") == {owner.pk, alice.pk}
        assert ids(ask, "accounts_meter") == set()
    services.answer_invitation(invitation=sent, person=owner, accept=False, at=AT)
    with raw(person=owner.pk) as ask:
        assert ids(ask, "accounts_household") == set()
        assert ids(ask, "accounts_person") == {owner.pk}


def test_a_firm_shows_its_meter_and_staff_to_its_staff(world: SimpleNamespace) -> None:
    cast, firm = world.cast, world.cast.sme.organisation
    meter = services.bind_meter(organisation=firm, kind="gas", number="SME0001", region=GUANGZHOU, at=AT)
    clerk, owner, cashier = (person_of(user) for user in (cast.carol, cast.sme_owner, cast.cashier))
    services.grant_role(person=clerk, role="sme_clerk", organisation=firm, at=AT)
    with raw(person=clerk.pk) as ask:
        assert meter.pk in ids(ask, "accounts_meter")
        assert ids(ask, "accounts_person") == {clerk.pk, owner.pk}
    with raw(person=cashier.pk) as ask:
        assert ids(ask, "accounts_meter") == set()
        assert ids(ask, "accounts_person") == {cashier.pk, person_of(cast.merchant_owner).pk}


def test_a_key_admits_one_row_and_no_change_of_a_meter(world: SimpleNamespace) -> None:
    carol = person_of(world.cast.carol)
    with raw(person=carol.pk, keys=f"electricity:{ALICE_METER}") as ask:
        assert (
            ids(ask, "accounts_meter")
            == world.rows["accounts_meter"][GUANGZHOU] | world.rows["accounts_meter"][ZHONGSHAN]
        )
        assert ask(
            "UPDATE accounts_meter SET household_id = %s WHERE number = %s", str(world.family.pk), ALICE_METER
        ) == [(0,)]
    with raw(keys=f"gas:{ALICE_METER}") as ask:
        assert ids(ask, "accounts_meter") == set()


# -- what is written ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", sorted(set(OF_AN_AREA) - {"accounts_consent"}))
def test_an_officer_moves_no_row_to_another_city(world: SimpleNamespace, table: str) -> None:
    with raw(regions=REGIONS[GUANGZHOU]) as ask:
        (row,) = world.rows[table][GUANGZHOU]
        assert ask(f"UPDATE {table} SET region = '440103' WHERE {TABLES[table]} = %s", str(row)) == [(1,)]
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            ask(f"UPDATE {table} SET region = %s WHERE {TABLES[table]} = %s", ZHONGSHAN, str(row))


@pytest.mark.parametrize("table", sorted(set(OF_AN_AREA) - {"accounts_consent"}))
def test_rows_of_another_city_are_neither_changed_nor_removed(world: SimpleNamespace, table: str) -> None:
    with raw(regions=REGIONS[GUANGZHOU]) as ask:
        (row,) = world.rows[table][ZHONGSHAN]
        assert ask(f"UPDATE {table} SET region = %s WHERE {TABLES[table]} = %s", GUANGZHOU, str(row)) == [(0,)]
        assert ask(f"DELETE FROM {table} WHERE {TABLES[table]} = %s", str(row)) == [(0,)]


def test_nobody_adds_a_row_elsewhere_or_for_another(world: SimpleNamespace) -> None:
    alice, carol = person_of(world.cast.alice), person_of(world.cast.carol)
    person = "INSERT INTO accounts_person (uuid, name, region, created_at) VALUES (%s, 'x', %s, now())"
    consent = "INSERT INTO accounts_consent (person_id, scene, granted, text_version, at) VALUES (%s, 'gas', true, '1', now())"
    for statement, values, settings in (
        (person, (str(uuid.uuid4()), ZHONGSHAN), {"regions": REGIONS[GUANGZHOU]}),
        (person, (str(uuid.uuid4()), GUANGZHOU), {"person": alice.pk}),
        (person, (str(uuid.uuid4()), GUANGZHOU), {}),
        (consent, (str(carol.pk),), {"person": alice.pk}),
        (consent, (str(carol.pk),), {"regions": REGIONS[GUANGZHOU]}),
    ):
        with raw(**settings) as ask, pytest.raises(InsufficientPrivilege, match="row-level security"):
            ask(statement, *values)


def test_a_member_does_not_rewrite_another_member(world: SimpleNamespace) -> None:
    with raw(person=person_of(world.cast.bob).pk) as ask:
        changed = ask("UPDATE accounts_person SET name = 'x' WHERE uuid = %s", str(person_of(world.cast.alice).pk))
    assert changed == [(0,)]


# -- connections and roles ---------------------------------------------------------------------------------------------


def test_after_commit_the_scope_is_gone(own_database: str, as_role: Callable[[str], Any]) -> None:
    world = build()
    web = as_role(paths.WEB)
    with web.cursor() as cursor:
        cursor.execute("SELECT set_config('app.person', %s, true)", [str(person_of(world.cast.carol).pk)])
        cursor.execute("SELECT count(*) FROM accounts_person")
        assert cursor.fetchone() == (1,)
        web.commit()
        cursor.execute("SELECT count(*) FROM accounts_person")
        assert cursor.fetchone() == (0,)

    # Django's own connection, without a transaction around: the scope is that of the statement alone.
    with scope.scoped(world.cast.carol):
        assert Person.objects.get() == person_of(world.cast.carol)
    with connection.connection.cursor() as cursor:
        cursor.execute("SELECT count(*), current_setting('app.person', true) FROM accounts_person")
        assert cursor.fetchone() == (0, "")

    for role, seen in ((paths.OWNER, 0), (paths.WORKER, Person.objects.count())):
        other = as_role(role)
        with other.cursor() as cursor:  # the owner is bound too; the worker loads by COPY and is not
            cursor.execute("SELECT count(*) FROM accounts_person")
            assert cursor.fetchone() == (seen,), role
    with as_role(paths.WEB).cursor() as cursor, pytest.raises(psycopg2.Error):
        cursor.execute("ALTER TABLE accounts_person DISABLE ROW LEVEL SECURITY")


# -- kernel.scope ------------------------------------------------------------------------------------------------------


def test_scoped_is_the_login_s_and_ends_with_its_block(world: SimpleNamespace) -> None:
    cast = world.cast
    everybody = Person.objects.count()
    with scope.scoped(cast.carol):
        assert [person.pk for person in Person.objects.all()] == [person_of(cast.carol).pk]
        with scope.scoped(cast.city_officer):
            seen = set(Person.objects.values_list("region", flat=True))
            assert GUANGZHOU in seen
            assert {region[:4] for region in seen} == {"4401"}
        with scope.scoped(AnonymousUser()):
            assert not Person.objects.exists()
        with scope.scoped(None):
            assert not Consent.objects.exists()
        with suppress(ZeroDivisionError), scope.scoped(cast.province_officer), transaction.atomic():
            assert Person.objects.count() == everybody
            raise ZeroDivisionError
        assert Person.objects.count() == 1
    assert Person.objects.count() == everybody


def test_a_role_in_a_county_is_that_county(world: SimpleNamespace) -> None:
    officer = services.register_staff(username="tianhe", password=None, name="区经办", region="440106", at=AT)
    services.grant_role(person=person_of(officer), role="city_officer", region="440106", at=AT)
    Household.objects.filter(pk=world.cast.household.pk).update(region="440106")
    with scope.scoped(officer):
        assert [row.pk for row in Household.objects.all()] == [world.cast.household.pk]
        assert not Meter.objects.exists()  # bound in the city at large


def test_an_inactive_login_sees_nothing(world: SimpleNamespace) -> None:
    world.cast.carol.is_active = False
    with scope.scoped(world.cast.carol):
        assert not Person.objects.exists()


def test_keys_add_to_what_is_in_scope(world: SimpleNamespace) -> None:
    with scope.scoped(world.cast.carol), scope.admitting(world.cast.household.pk):
        assert set(Household.objects.values_list("pk", flat=True)) == {world.family.pk, world.cast.household.pk}
        with pytest.raises(ValueError, match="not a key"), scope.admitting("x', 'y"):
            pass


def test_a_server_side_cursor_needs_a_transaction(own_database: str) -> None:
    build()
    with pytest.raises(RuntimeError, match="transaction"):
        list(Person.objects.iterator())
    with transaction.atomic():
        assert list(Person.objects.iterator())


def test_the_same_connection_serves_one_after_the_other(world: SimpleNamespace) -> None:
    """Pages and API, whoever comes: a foreign picture is missing, the own one is there."""
    (of_alice,) = world.rows["behaviors_evidence"][GUANGZHOU]
    (of_carol,) = world.rows["behaviors_evidence"][ZHONGSHAN]
    for user, own, foreign in ((world.cast.alice, of_alice, of_carol), (world.cast.carol, of_carol, of_alice)):
        client = browser(user)
        assert client.get(f"/evidence/{own}").status_code == 200
        assert client.get(f"/evidence/{foreign}").status_code == 404
        assert app_of(user).get("/api/v1/me/account").status_code == 200
    assert browser(None).get("/me/").status_code == 302


def test_a_selector_without_its_filter_shows_nothing_foreign(world: SimpleNamespace) -> None:
    """What the policies are for: this asks for everybody's consents, and gets one's own."""
    with scope.scoped(world.cast.carol):
        assert {row.person_id for row in Consent.objects.all()} == {person_of(world.cast.carol).pk}
        assert selectors.consents_of(person_of(world.cast.alice))["travel"] is None
