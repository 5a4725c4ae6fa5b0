"""A method for the whole province asks each city for its values: a message, a work item, and a word that ends it."""

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from accounts.constants import Role
from accounts.models import Notification, User
from accounts.selectors import actor_of
from carbon_portal.kernel.errors import Forbidden
from carbon_portal.kernel.models import AuditEvent
from carbon_portal.kernel.services import paths
from methodologies import errors, services, tasks
from methodologies.models import LocalConfirmation, MethodologyVersion
from methodologies.selectors import local_values
from tests import database
from tests.methodologies import review_world as world
from tests.methodologies.review_world import Desk, day, uid
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, person_of, staff
from tests.security.world import browser

#: The metro's factor as a table by region: the province's value, and one of Guangzhou's own where it is asked for.
WHOLE = '        "440000": {value: "46.7", source: 示例值, confidence: sample, best_before: 2028-12-31}'
OWN = '        "440100": {value: "40", source: 广州示例值, confidence: sample, best_before: 2028-12-31}'


def published(desk: Desk, *, rows: tuple[str, ...] = (WHOLE,), code: str = "GD-LOCAL") -> MethodologyVersion:
    """The metro method for the province, its factor by region, published."""
    lines = world.METRO.read_text(encoding="utf-8").splitlines()
    row = next(number for number, line in enumerate(lines) if 'value: "46.7"' in line)
    old = "\n".join(lines[row - 1 : row + 1])
    new = "\n".join(("    by: region", "    values:", "      2025-01-01:", *rows))
    version = world.draft_version(code=code, region=PROVINCE, edits=((old, new), *world.FAR))
    version = world.walk_to("approved", desk, version=version)
    world.publish(version, desk)
    version.refresh_from_db()
    return version


@pytest.fixture
def desk(db: None) -> Desk:
    services.sync_library(at=world.AT)
    return world.build_desk()


def items(user: User) -> list[Any]:
    return list(local_values.work_items(actor_of(user, at=day(42)), day(42)))


def confirm(version: MethodologyVersion, user: User, region: str = GUANGZHOU, **changes: Any) -> LocalConfirmation:
    said = {"shown_sha256": version.sha256, "at": day(43), **changes}
    return services.use_province_values(version=version, region=region, person=uid(user), **said)


def test_a_city_s_officer_has_it_to_do_until_the_city_has_said_what_it_goes_by(desk: Desk) -> None:
    version = published(desk)
    (item,) = items(desk.city_officer)
    assert item.url == f"/methodologies/GD-LOCAL/1.0/cities/?city={GUANGZHOU}"
    assert (item.due_on, item.region) == (dt.date(2027, 6, 1), GUANGZHOU)
    for other in (desk.officer, desk.approver, desk.experts[0], desk.resident):
        assert items(other) == []
    made = confirm(version, desk.city_officer)
    assert items(desk.city_officer) == []
    assert confirm(version, desk.city_officer, at=day(44)) == made
    event = AuditEvent.objects.get(verb="methodology.province_values_used")
    assert (event.region, event.actor) == (GUANGZHOU, uid(desk.city_officer))
    neighbour = staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN)
    assert [one.region for one in items(neighbour)] == [ZHONGSHAN]


def test_a_city_with_its_own_value_has_nothing_to_do_or_confirm(desk: Desk) -> None:
    version = published(desk, rows=(WHOLE, OWN))
    assert items(desk.city_officer) == []
    with pytest.raises(errors.NothingToConfirm):
        confirm(version, desk.city_officer)


def test_where_the_province_has_no_value_either_the_city_has_to_supply_one(desk: Desk) -> None:
    version = published(desk, rows=(OWN,))
    neighbour = staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN)
    assert len(items(neighbour)) == 1
    with pytest.raises(errors.NothingToConfirm):
        confirm(version, neighbour, ZHONGSHAN)
    assert len(items(neighbour)) == 1


def test_only_an_officer_of_the_city_confirms_and_only_what_was_shown(desk: Desk) -> None:
    version = published(desk)
    approver = staff("gz-two", Role.CITY_APPROVER, name="吴审定", region=GUANGZHOU)
    for user, region in ((approver, GUANGZHOU), (desk.officer, GUANGZHOU), (desk.city_officer, ZHONGSHAN)):
        with pytest.raises(Forbidden):
            confirm(version, user, region)
    with pytest.raises(errors.NotThisContent):
        confirm(version, desk.city_officer, shown_sha256="0" * 64)
    library = MethodologyVersion.objects.get(methodology_id="GD-HOUSEHOLD-POWER")
    with pytest.raises(errors.NothingToConfirm):  # came with the installation, nobody published it
        confirm(library, desk.city_officer)
    confirm(version, desk.city_officer)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        LocalConfirmation.objects.all().delete()


def test_the_page_shows_one_city_and_takes_the_word_of_its_officer(desk: Desk) -> None:
    version = published(desk)
    url = local_values.local_url(version, GUANGZHOU)
    client = browser(desk.city_officer)
    page = client.get(url).content.decode()
    assert "本市沿用省级数值" in page
    assert page.count('<th scope="row">') == 1
    for other in (None, desk.officer):
        assert "本市沿用省级数值" not in browser(other).get(url).content.decode()
    assert "本市沿用省级数值" not in client.get(local_values.local_url(version, ZHONGSHAN)).content.decode()
    deed = reverse("methodologies:local-confirm", args=["GD-LOCAL", "1.0"])
    assert client.post(deed, {"city": ZHONGSHAN, "shown": version.sha256}).status_code == 403
    assert client.post(deed, {"city": "x", "shown": version.sha256}).status_code == 400
    assert client.post(deed, {"city": GUANGZHOU, "shown": "stale"}).status_code == 409
    assert client.post(deed, {"city": GUANGZHOU, "shown": version.sha256}).headers["Location"] == url
    assert "广州市已确认沿用省级数值" in browser(None).get(url).content.decode()
    assert browser(desk.resident).post(deed, {"city": GUANGZHOU, "shown": version.sha256}).status_code == 403


def test_publishing_wakes_the_messages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr("methodologies.services.decisions.enqueue_on_commit", woken.append)
    published(desk)
    assert woken == ["methodologies.tell_cities"]


def test_the_officers_of_cities_that_owe_values_are_told_which_ones_once(own_database: str) -> None:
    services.sync_library(at=world.AT)
    desk = world.build_desk()
    neighbour = staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN)
    staff("zs-two", Role.CITY_APPROVER, name="外市审定", region=ZHONGSHAN)
    version = published(desk, rows=(WHOLE, OWN))
    database.point_django_at(own_database, paths.WORKER)
    tasks.tell_cities()
    one = Notification.objects.get()
    assert one.person == person_of(neighbour).pk
    assert "中山市" in one.title_zh
    assert "沿用省级数值" in one.body_zh
    assert one.url == local_values.local_url(version, ZHONGSHAN)
    staff_later = services.tell_cities(at=day(60))
    assert staff_later == 0
