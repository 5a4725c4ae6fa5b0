"""Two verifications by the demo's verifier: a signed one in Guangzhou, and one of the province that is under way."""

import datetime as dt
import uuid

from django.db.models import Count

from accounts.models import User
from carbon_portal.kernel import clock
from credits import services
from credits.models import Reduction, Verification
from credits.selectors import verifications as selectors
from credits.services.verifications import digest_of
from credits.simulation.sides import prefix_of
from credits.verification.errors import NothingToVerify
from methodologies import guides
from methodologies.models import MethodologyVersion

from .people import GUANGZHOU, PROVINCE

#: What the verifier of the demo finds amiss: place in the sample, question, result, words.
FOUND = {
    (2, "source"): ("no", "运营单位日志的里程比记录少 1.2 公里，已通知办理地区更正。"),
    (5, "evidence"): ("unclear", "凭证照片看不清日期，已请办理地区补充。"),
}
_BEGUN = 3


def seed_verifications(*, now: dt.datetime) -> int:
    """Make both where there are none; returns how many were made."""
    if Verification.objects.exists():
        return 0
    made = 0
    for region, officer, age, whole in ((GUANGZHOU, "gz-officer", 40, True), (PROVINCE, "gd-officer", 8, False)):
        version = _most_used(region)
        if version is None:
            continue
        try:
            found = _opened(version, region, _uuid(officer), now - dt.timedelta(days=age))
        except NothingToVerify:  # a demo of few people: nobody did so in these days
            continue
        _check(found, _uuid("verifier"), whole=whole)
        made += 1
    return made


def _uuid(username: str) -> uuid.UUID:
    person = User.objects.get(username=username).person_id
    assert person is not None
    return person


def _most_used(region: str) -> MethodologyVersion | None:
    """The version that most results of an area were computed by."""
    used = (
        Reduction.objects.filter(region__startswith=prefix_of(region), methodology_version__isnull=False)
        .values_list("methodology_version")
        .annotate(results=Count("pk"))
        .order_by("-results", "methodology_version")
        .first()
    )
    return MethodologyVersion.objects.get(pk=used[0]) if used else None


def _opened(version: MethodologyVersion, region: str, officer: uuid.UUID, at: dt.datetime) -> Verification:
    """Frozen, and drawn three days later by the number of the second day."""
    day = clock.local_date(at)
    found = services.open_verification(
        version=version, region=region, first=day - dt.timedelta(days=75), last=day - dt.timedelta(days=5),
        guide=guides.guides()[0], announced=f"示例彩票 {day + dt.timedelta(days=2)} 开奖号码（演示用，不是真实号码）",
        by=officer, at=at,
    )  # fmt: skip
    services.draw_sample(
        verification=found, seed="02 08 11 19 27 30 + 05", source="示例彩票开奖公告（演示用，不是真实号码）",
        published_on=day + dt.timedelta(days=2), by=officer, at=at + dt.timedelta(days=3),
    )  # fmt: skip
    return found


def _check(found: Verification, verifier: uuid.UUID, *, whole: bool) -> None:
    """The checklist, of a few records or of all with the signature."""
    at = found.frozen_at + dt.timedelta(days=4)
    services.declare_as_verifier(verification=found, person=verifier, conflicted=False, at=at)
    for one in found.sample.order_by("place")[: None if whole else _BEGUN]:
        for question in found.questions:
            result, note = FOUND.get((one.place, question), ("yes", ""))
            services.save_answer(
                sampled=one, question=question, result=result, note=note, evidence=f"运营单位日志第 {one.place} 行",
                seen=0, person=verifier, at=at,
            )  # fmt: skip
    if whole:
        shown = digest_of(selectors.newest_answers(found))
        services.sign_report(
            verification=found, person=verifier, shown=shown, remark="不符合的记录已通知办理地区。",
            at=at + dt.timedelta(days=1),
        )  # fmt: skip
