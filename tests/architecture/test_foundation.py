"""The ground the tests stand on is the one they claim."""

import threading

import psycopg2
import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.backends.postgresql import psycopg_any


def test_psycopg2_is_the_driver():
    """Django prefers psycopg 3 wherever a plugin pulls it in, and would change driver without a word."""
    assert psycopg_any.is_psycopg3 is False


@pytest.mark.django_db
def test_tests_speak_as_the_web_role():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('statement_timeout'), current_setting('TimeZone')")
        assert cursor.fetchone() == ("portal_web", "15s", "UTC")


@pytest.mark.django_db
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_rolled_back_test_leaves_nothing(attempt):
    assert not ContentType.objects.filter(app_label="left-behind").exists()
    ContentType.objects.create(app_label="left-behind", model=f"attempt{attempt}")


@pytest.mark.parametrize("attempt", [1, 2])
def test_an_own_database_takes_commits_of_all_threads_and_starts_empty(own_database, as_role, attempt):
    assert not ContentType.objects.filter(app_label="committed").exists()

    def commit(number):
        ContentType.objects.create(app_label="committed", model=f"thread{number}")
        connection.close()

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with as_role("portal_worker").cursor() as cursor:
        cursor.execute("SELECT current_database(), count(*) FROM django_content_type WHERE app_label = 'committed'")
        assert cursor.fetchone() == (own_database, 4)


def test_roles_may_what_they_should(own_database, as_role):
    for role, forbidden in [
        ("portal_web", "CREATE TABLE mine (id int)"),
        ("portal_worker", "DROP TABLE django_content_type"),
        ("portal_web", "TRUNCATE django_content_type CASCADE"),
        ("portal_owner", "CREATE ROLE another"),
    ]:
        with as_role(role) as raw, raw.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(forbidden)
    with as_role("superuser").cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname LIKE 'portal\\_%' ORDER BY 1"
        )
        assert cursor.fetchall() == [
            ("portal_owner", False, True),
            ("portal_super", True, True),
            ("portal_web", False, False),
            ("portal_worker", True, False),
        ]
