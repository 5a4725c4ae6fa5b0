"""A method that Guangzhou is writing in the demo: begun from the template, half done, so that the check has work."""

import datetime as dt
from typing import Any

from accounts.constants import Role
from carbon_portal.kernel import clock
from methodologies.drafting.text import change, plain_data
from methodologies.models import Draft
from methodologies.services import drafts

from .people import GUANGZHOU, Cast

CODE = "GZ-BIKE-TO-METRO"
TITLE = "骑行接驳地铁（示例草案）"
CHAPTERS = {
    "scope": "适用于在广州市内骑共享单车到地铁站，再乘坐地铁的出行。\n",
    "basis": "演示用的草案。数值都是示例，没有出处，不能发布用于真实核算。\n",
    "definitions": "接驳：骑行结束后 30 分钟内，在 300 米以内的车站进站。\n",
    "applicability": "骑行里程 0.3 到 10 公里。\n不适用：电动自行车；骑行后没有乘坐地铁的。\n",
    "baseline": "没有接驳便利时，同样的路程改乘网约车或摩托车的平均排放。\n",
}


def seed_drafts(cast: Cast, *, now: dt.datetime) -> int:
    """One draft in progress of the city's officer; once. How many were begun."""
    officer = cast.users[Role.CITY_OFFICER].person
    assert officer is not None
    if Draft.objects.filter(region=GUANGZHOU, code=CODE).exists():
        return 0
    draft = drafts.start_draft(person=officer.pk, region=GUANGZHOU, title=TITLE, at=now - dt.timedelta(days=3))
    text = change(draft.source, _more(plain_data(draft.source), now))
    drafts.save_draft(
        draft=draft, person=officer.pk, source=text, revision=draft.revision, at=now - dt.timedelta(days=1)
    )
    return 1


def _more(data: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """What the officer has written so far: some chapters, a sample value, two examples, one of them wrong."""
    start = drafts.day_to_come(now)
    on = start + dt.timedelta(days=14)
    until = clock.local_date(now) + dt.timedelta(days=400)
    value = {"value": "38", "source": "示例值，没有出处", "confidence": "sample", "best_before": until}
    given = {"on": on, "region": "440106"}
    return {
        **data,
        "code": CODE,
        "activity": "shared_bike_trip",
        "effective_from": start,
        "source": {"issuer": "演示", "document": TITLE, "number": "", "published": start},
        "chapters": {**data["chapters"], **CHAPTERS},
        "inputs": {
            "distance": {
                **data["inputs"]["distance"],
                "min": "0.3",
                "max": "10",
                "label": {"zh": "骑行里程", "en": "Ride"},
            }
        },
        "parameters": {"saving_per_km": {"unit": "g_co2e/km", "values": {start.isoformat(): value}}},
        "examples": [
            {**given, "given": {"distance": "2.5"}, "expect": 95, "source": "2.5 × 38 = 95"},
            {**given, "given": {"distance": "4"}, "expect": 150, "source": "4 × 38，待核对"},
        ],
    }
