"""A version gives way to a published version of its own code alone, and a code's days are those of its versions."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest

from carbon_portal.kernel.services import paths
from methodologies import services
from methodologies.models import Methodology, MethodologyVersion
from tests.methodologies import review_world as world
from tests.withdrawing import withdraw

ROLES = (paths.WEB, paths.WORKER)
OLD, NEW = "GD-METRO-TRIP", "2.0"


@pytest.fixture
def versions(own_database: str) -> tuple[MethodologyVersion, MethodologyVersion]:
    """One in force and one that was approved to follow it."""
    services.sync_library(at=world.AT)
    desk = world.build_desk()
    changes = {"code": OLD, "activity": "metro_trip", "region": "440000"}
    new = world.walk_to("approved", desk, version=world.draft_version(version=NEW, edits=world.FAR, **changes))
    return MethodologyVersion.objects.get(methodology_id=OLD, version="1.0"), new


@pytest.fixture(params=ROLES)
def attack(request: Any, as_role: Callable) -> Iterator[Callable[[str], str]]:
    """A statement of an application's role, undone afterwards: what it was refused with, empty where it was not."""
    with as_role(request.param) as raw, raw.cursor() as cursor:

        def run(statement: str) -> str:
            cursor.execute("SAVEPOINT before")
            try:
                cursor.execute(statement)
                assert cursor.rowcount
            except psycopg2.Error as error:
                return str(error)
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT before")
            return ""

        yield run


def _set(version: MethodologyVersion, what: str) -> str:
    return f"UPDATE methodologies_methodologyversion SET {what} WHERE id = {version.pk}"


REFUSED = "no published successor of its code"


def test_nothing_is_superseded_without_a_published_successor_of_its_code(versions, attack) -> None:
    old, new = versions
    other = MethodologyVersion.objects.get(methodology_id="GZ-METRO-RIDE")
    for successor in ("NULL", str(old.pk), str(other.pk), str(new.pk)):  # the last is approved and not published
        assert REFUSED in attack(_set(old, f"state = 'superseded', successor_id = {successor}"))
    for named in (other, new):  # nor is one named on the page of a version that stays in force
        assert REFUSED in attack(_set(old, f"successor_id = {named.pk}"))
    assert REFUSED in attack(_set(new, f"successor_id = {other.pk}"))


def test_what_is_superseded_keeps_its_successor_and_never_comes_back(versions, attack) -> None:
    old, new = versions
    world.publish(new, _desk())
    old.refresh_from_db()
    assert (old.state, old.successor) == ("superseded", new)  # the service is not in its own way
    other = MethodologyVersion.objects.get(methodology_id="GZ-METRO-RIDE")
    for what in ("successor_id = NULL", f"successor_id = {other.pk}", f"successor_id = {old.pk}"):
        assert REFUSED in attack(_set(old, what))
    assert "does not go from superseded to published" in attack(_set(old, "state = 'published'"))
    # The newer one does not give way to the older.
    assert REFUSED in attack(_set(new, f"state = 'superseded', successor_id = {old.pk}"))


def test_the_installation_supersedes_by_a_version_that_it_brings_along(own_database, tmp_path) -> None:
    text = (services.LIBRARY / "gd-metro-trip.yaml").read_text(encoding="utf-8")
    later = text.replace('version: "1.0"', 'version: "1.1"').replace("effective_from: 2025-01-01", _LATER)
    later = later.replace("on: 2026-03-01", "on: 2026-08-01")
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(later, encoding="utf-8")
    report = services.sync_library(at=world.AT, folder=tmp_path)
    assert report.published == [f"{OLD}@1.0", f"{OLD}@1.1"]
    first, second = MethodologyVersion.objects.order_by("version")
    assert (first.state, first.successor) == ("superseded", second)


_LATER = "effective_from: 2026-07-01"


def test_the_days_of_a_code_are_those_of_its_versions(versions, attack) -> None:
    old, _new = versions
    code = "UPDATE methodologies_methodology SET in_force = {} WHERE code = 'GD-METRO-TRIP'"
    for span in ("NULL", "'empty'", "'[2020-01-01,)'", "'[2025-01-01,2026-01-01)'", "'[2026-01-01,)'"):
        assert "is in force on the days of its versions" in attack(code.format(span))
    assert attack(code.format("'[2025-01-01,)'")) == ""
    made = (
        "INSERT INTO methodologies_methodology SELECT 'AA-NEW', activity, '440900', level, sector, in_force"
        " FROM methodologies_methodology WHERE code = 'GD-METRO-TRIP'"
    )
    assert "AA-NEW is in force on the days of its versions" in attack(made)
    withdraw(old, sunset_on=dt.date(2027, 3, 31))
    span = Methodology.objects.get(pk=OLD).in_force
    assert (span.lower, span.upper) == (dt.date(2025, 1, 1), dt.date(2027, 4, 1))
    assert "is in force on the days of its versions" in attack(code.format("'[2025-01-01,)'"))


def _desk() -> world.Desk:
    from accounts.models import User

    officer = User.objects.get(username="rv-officer")
    return world.Desk(officer, officer, officer, [], {}, officer)
