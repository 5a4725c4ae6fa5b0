"""A version on its way, and the people who see to it; built through the services."""

import datetime as dt
import re
import uuid

from accounts.models import User
from methodologies import services
from methodologies.engine import load_document
from methodologies.models import Methodology, MethodologyVersion
from tests.people import person_of

#: A Friday noon in Guangdong.
AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
METRO = services.LIBRARY / "gd-metro-trip.yaml"


def uid(user: User) -> uuid.UUID:
    return person_of(user).uuid


def draft_text(*, code: str, version: str, region: str, activity: str, edits: tuple[tuple[str, str], ...] = ()) -> str:
    """The metro method of the library under another name."""
    text = METRO.read_text(encoding="utf-8")
    level = "city" if not region.endswith("0000") else "provincial"
    for key, value in (("code", code), ("region", f'"{region}"'), ("level", level), ("activity", activity)):
        text, count = re.subn(rf"^{key}: .*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
        assert count == 1, key
    for old, new in (('version: "1.0"', f'version: "{version}"'), *edits):
        assert old in text, old
        text = text.replace(old, new)
    return text


def draft_version(
    *, code: str = "GZ-METRO-REVIEW", version: str = "1.0", region: str = "440100", activity: str = "metro_review",
    at: dt.datetime = AT, edits: tuple[tuple[str, str], ...] = (),
) -> MethodologyVersion:  # fmt: skip
    """A draft's row, as forwarding makes it."""
    source = draft_text(code=code, version=version, region=region, activity=activity, edits=edits)
    loaded = load_document(source, name="draft.yaml")
    scope = {name: getattr(loaded, name) for name in ("activity", "region", "level", "sector")}
    row, _ = Methodology.objects.get_or_create(code=code, defaults=scope)
    return MethodologyVersion.objects.create(
        methodology=row, version=version, state="draft", effective_from=loaded.effective_from, sha256=loaded.sha256,
        source=source, document=services.plain(loaded), title_zh=loaded.title["zh"],
        title_en=loaded.title.get("en", ""), certifiable=loaded.certifiable, created_at=at,
    )  # fmt: skip
