"""While a notice runs the old version still applies, and the lists of what is in force name it and not the new one."""

import datetime as dt

import pytest

from methodologies import selectors, services
from methodologies.models import MethodologyVersion
from methodologies.selectors import maturity
from tests.methodologies import review_world as world
from tests.withdrawing import withdraw

pytestmark = pytest.mark.django_db
CODE, BEGINS = "GD-METRO-TRIP", dt.date(2027, 6, 1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def desk() -> world.Desk:
    services.sync_library(at=world.AT)
    return world.build_desk()


def listed(on: dt.date) -> list[tuple[str, str]]:
    """Versions and levels of the metro method on the maturity list."""
    found = maturity.maturity_list(on=on)
    return [(one.version.version, one.level) for one in found if one.version.methodology_id == CODE]


def due(on: dt.date) -> set[str]:
    """Versions of the metro method whose values the best-before report names."""
    late = selectors.best_before_report(selectors.factor_library(), on=on, within=10_000)
    return {one.code for one in late if one.code.startswith(CODE)}


def test_a_superseded_version_is_in_force_until_its_successor_begins(desk) -> None:
    draft = world.draft_version(code=CODE, version="2.0", region="440000", activity="metro_trip", edits=world.FAR)
    world.publish(world.walk_to("approved", desk, version=draft), desk)
    old = MethodologyVersion.objects.get(methodology_id=CODE, version="1.0")
    assert old.state == "superseded"
    assert listed(BEGINS - DAY) == [("1.0", "points")]
    assert due(BEGINS - DAY) == {f"{CODE}@1.0"}
    assert maturity.maturity_of(old, on=BEGINS).level == ""
    ((version, _level),) = listed(BEGINS)
    assert version == "2.0"
    assert due(BEGINS) == {f"{CODE}@2.0"}


def test_a_withdrawn_version_is_in_force_until_its_last_day(desk) -> None:
    version = MethodologyVersion.objects.get(methodology_id=CODE, version="1.0")
    withdraw(version, sunset_on=BEGINS)
    assert listed(BEGINS) == [("1.0", "points")]
    assert due(BEGINS) == {f"{CODE}@1.0"}
    assert (listed(BEGINS + DAY), due(BEGINS + DAY)) == ([], set())
