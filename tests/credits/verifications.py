"""A verification on its way: a frame of metro trips, a draw, a verifier, answers."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID, uuid4

from accounts.constants import Role
from accounts.models import User
from carbon_portal.kernel import clock
from credits import services
from credits.models import Verification, VerificationDraw, VerificationReport
from credits.selectors import verifications as selectors
from credits.services.verifications import digest_of
from credits.verification import drawing
from methodologies import guides
from methodologies.models import MethodologyVersion
from tests.people import adviser, person_of, staff

from .cases import AT, ON, prepare, records, resident

FROZEN, DRAWN = AT + dt.timedelta(days=1), AT + dt.timedelta(days=4)
LOTTERY_DAY = (AT + dt.timedelta(days=3)).date()
SEED, SOURCE = "02 08 11 19 27 30 + 05", "示例福利彩票第 2026139 期，公告第 1 页"


@dataclass
class Desk:
    officer: User
    verifier: User
    ids: list[int]
    version: MethodologyVersion

    def by(self, user: User) -> UUID:
        return person_of(user).pk


def desk(count: int = 40, *, region: str = "440605") -> Desk:
    """`count` final trips, an officer of the province and a verifier."""
    prepare()
    people = [resident() for _ in range(8)]
    ids = records(
        *[
            {"participant": people[n % 8], "region": region, "evidence": "feed", "on": ON - dt.timedelta(days=n // 8)}
            for n in range(count)
        ]
    )
    services.quantify_pending(at=AT)
    services.close_windows(at=AT)
    return Desk(
        staff("gd-desk", Role.PROVINCE_OFFICER, name="郑经办", region="440000"),
        adviser(Role.VERIFIER),
        ids,
        MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP", version="1.0"),
    )


def opened(desk: Desk, **changes) -> Verification:
    chosen = {
        "version": desk.version, "region": "440000", "first": ON - dt.timedelta(days=60), "last": ON,
        "guide": guides.guides()[0], "announced": "示例福利彩票第 2026139 期", "by": desk.by(desk.officer),
        "at": FROZEN, **changes,
    }  # fmt: skip
    return services.open_verification(**chosen)


def drawn(desk: Desk, found: Verification, **changes) -> VerificationDraw:
    chosen = {
        "seed": SEED, "source": SOURCE, "published_on": LOTTERY_DAY, "by": desk.by(desk.officer), "at": DRAWN, **changes
    }  # fmt: skip
    return services.draw_sample(verification=found, **chosen)


def taken(desk: Desk, **changes) -> Verification:
    """Drawn, and the verifier has declared no conflict."""
    found = opened(desk, **changes)
    drawn(desk, found)
    services.declare_as_verifier(verification=found, person=desk.by(desk.verifier), conflicted=False, at=DRAWN)
    return found


def answer(desk: Desk, found: Verification, place: int, question: str, result: str = "yes", **changes):
    chosen = {"note": "", "evidence": "", "seen": 0, "person": desk.by(desk.verifier), "at": DRAWN, **changes}
    return services.save_answer(
        sampled=selectors.sampled(found, place), question=question, result=result, **chosen
    )  # fmt: skip


def answer_all(desk: Desk, found: Verification) -> None:
    """One record does not conform, one can't be confirmed, the rest is fine."""
    for one in found.sample.order_by("place"):
        for question in found.questions:
            result = {(1, "source"): "no", (2, "evidence"): "unclear", (3, "once"): "n_a"}.get(
                (one.place, question), "yes"
            )
            note = "里程与来源不符" if result in ("no", "unclear") else ""
            answer(desk, found, one.place, question, result, note=note, evidence="运营单位日志第 12 行")


def signed(desk: Desk, found: Verification) -> VerificationReport:
    shown = digest_of(selectors.newest_answers(found))
    return services.sign_report(
        verification=found, person=desk.by(desk.verifier), shown=shown, remark="抽查完成", at=DRAWN
    )


def planted(ids: list[int], *, region: str, at: dt.datetime, drawn: bool = True) -> Verification:
    """A frame of just these records, frozen three days ago by nobody in particular, drawn by yesterday's number."""
    guide, frame = guides.guides()[0], drawing.frame_text(ids)
    made = Verification.objects.create(
        version=MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP", version="1.0"), region=region,
        first=clock.local_date(at) - dt.timedelta(days=60), last=clock.local_date(at), guide_version=guide.version,
        guide_sha256=guide.sha256, questions=[one.code for one in guide.checklist], percent=5, minimum=30,
        announced="双色球第 2026139 期", frame=frame, frame_sha256=drawing.sha256(frame), frame_count=len(ids),
        sample_size=min(30, len(ids)), opened_by=uuid4(), frozen_at=at - dt.timedelta(days=3),
    )  # fmt: skip
    if drawn:
        services.draw_sample(
            verification=made, seed=SEED, source=SOURCE, published_on=clock.local_date(at) - dt.timedelta(days=1),
            by=made.opened_by, at=at,
        )  # fmt: skip
    return made
