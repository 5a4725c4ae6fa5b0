"""各市数值: a method for the whole province tells each city what it has to supply, and a city says what it goes by."""

import datetime as dt
import uuid

from django.db import transaction

from accounts import services as accounts
from accounts.constants import NoticeKind, Role
from accounts.services import Notice
from carbon_portal.kernel import audit, clock, regions
from methodologies.errors import NothingToConfirm, NotThisContent
from methodologies.models import LocalConfirmation, MethodologyVersion
from methodologies.selectors import local_values as selectors

from ._seats import seat
from .acceptance import locked_version


def tell_cities(*, at: dt.datetime) -> int:
    """Tell the officers of each city which values a method of the whole province asks of it. How many were told now."""
    told = 0
    today = clock.local_date(at)
    for version in selectors.published_for_all():
        key = f"local-values:{version}"
        if accounts.is_told(key):
            continue
        needs = selectors.needs_of(version, today=today)
        for city in regions.cities() if needs.by_region else ():
            owed = selectors.owed_by(needs, city.code)
            if owed.missing or owed.shared:
                told += accounts.notify_staff(
                    roles=(Role.CITY_OFFICER,), region=city.code, notice=_notice(version, key, city, owed), at=at
                )
        accounts.all_told(key, at=at)
    return told


def _notice(version: MethodologyVersion, key: str, city: regions.Region, owed: selectors.Owed) -> Notice:
    day, named = version.effective_from, f"{version.methodology_id} 第 {version.version} 版"
    parts = [
        (owed.missing, "全省还没有数值、须由本市提供：", "Without any value, to be supplied by your city: "),
        (owed.shared, "现在沿用省级数值：", "Going by the province's value so far: "),
    ]
    list_zh = "；".join(words + "、".join(names) for names, words, _english in parts if names)
    list_en = "; ".join(words + ", ".join(names) for names, _chinese, words in parts if names)
    title_en = version.title_en or version.title_zh
    return Notice(
        kind=NoticeKind.LOCAL_VALUES,
        key=key,
        title_zh=f"{version.title_zh}：请核对{city.name}的数值",
        title_en=f"{title_en}: check the values of {city.name_en}",
        body_zh=(
            f"{named}从 {day.year} 年 {day.month} 月 {day.day} 日起适用于全省。"
            f"{list_zh}。本市有自己的数值的，请连同来源报省级经办人；没有的，请在页面上确认沿用省级数值。"
        ),
        body_en=(
            f"{version.methodology_id}, version {version.version}, applies to the whole province from {day.isoformat()}"
            f". {list_en}. If your city has values of its own, send them with their source to the province; if not, "
            "confirm on the page that it goes by the province's."
        ),
        url=selectors.local_url(version, city.code),
    )


@transaction.atomic
def use_province_values(
    *, version: MethodologyVersion, region: str, person: uuid.UUID, shown_sha256: str, at: dt.datetime
) -> LocalConfirmation:
    """A city's officer says that the city goes by the province's values; said again it stays as it was.

    Errors: Forbidden, NotThisContent, NothingToConfirm.
    """
    role = seat(person, (Role.CITY_OFFICER,), region=region, at=at)
    locked = locked_version(version)
    if shown_sha256 != locked.sha256:
        raise NotThisContent(version=str(locked))
    known = LocalConfirmation.objects.filter(version=locked, region=region).first()
    if known is not None:
        return known
    area = regions.region(region)
    needs = selectors.needs_of(locked, today=clock.local_date(at))
    owed = selectors.owed_by(needs, region)
    if not selectors.is_for_all(locked) or owed.missing or not owed.shared:
        raise NothingToConfirm(version=str(locked), region=area.name, region_en=area.name_en)
    made = LocalConfirmation.objects.create(
        version=locked, region=region, content_sha256=locked.sha256, person=person, at=at
    )
    audit.record_event(
        verb="methodology.province_values_used", target=f"methodology:{locked}", actor=person, region=region,
        data={"sha256": locked.sha256, "role": role, "parameters": list(owed.shared)},
    )  # fmt: skip
    return made
