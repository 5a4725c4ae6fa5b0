"""A draft that lacks nothing, and the people of a city who write and forward it."""

import datetime as dt

from accounts.constants import Role
from accounts.models import User
from carbon_portal.kernel import clock
from methodologies import services as library
from methodologies.models import Draft
from methodologies.services import drafts
from tests.people import GUANGZHOU, person_of, staff


def ready_text(*, code: str = "GZ-RIDE", version: str = "1.0", region: str = GUANGZHOU) -> str:
    """A whole document of the shipped library under another code, to begin on a day to come."""
    text = (library.LIBRARY / "gz-metro-trip.yaml").read_text(encoding="utf-8")
    start = drafts.day_to_come(clock.now())
    for old, new in (
        ("code: GZ-METRO-RIDE", f"code: {code}"),
        ('version: "1.0"', f'version: "{version}"'),
        ('region: "440100"\n', f'region: "{region}"\n'),
        ("level: city", "level: provincial" if region.endswith("0000") else "level: city"),
        ("effective_from: 2025-01-01", f"effective_from: {start.isoformat()}  # the first day"),
        ("2026-03-01", (start + dt.timedelta(days=3)).isoformat()),
    ):
        assert old in text
        text = text.replace(old, new)
    if region.endswith("0000"):
        text = text.replace('"440605"', '"110101"')
    return text


def sync() -> None:
    library.sync_library(at=clock.now())


def officer(name: str = "gz-officer", *, region: str = GUANGZHOU) -> User:
    return staff(name, Role.CITY_OFFICER, name="周经办", region=region)


def approver(name: str = "gz-approver", *, region: str = GUANGZHOU) -> User:
    return staff(name, Role.CITY_APPROVER, name="吴审定", region=region)


def begun(user: User, *, region: str = GUANGZHOU, source: str = "") -> Draft:
    """A draft of this person's; with a text of its own."""
    draft = drafts.start_draft(person=person_of(user).pk, region=region, at=clock.now())
    return saved(draft, user, source) if source else draft


def saved(draft: Draft, user: User, source: str) -> Draft:
    return drafts.save_draft(
        draft=draft, person=person_of(user).pk, source=source, revision=draft.revision, at=clock.now()
    )
