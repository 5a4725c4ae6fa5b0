"""A method of the whole province with a second version: published, its notice running, each city told what it owes.

What changes is words and a limit, and the limit is a sample. Nothing is measured by it before its first day comes.
"""

import datetime as dt
from typing import Any

from django.db import transaction

from carbon_portal.kernel import clock
from credits import services as credits
from methodologies import services
from methodologies.drafting.errors import DraftIncomplete
from methodologies.drafting.text import plain_data
from methodologies.errors import ValuesExpired
from methodologies.models import MethodologyVersion
from methodologies.services import drafts

from . import walk
from .people import PROVINCE, Cast

CODE, NEW = "GD-HOUSEHOLD-POWER", "1.1"
#: Days before now.
BEGUN, FORWARDED, SAID, ANSWERED, SIMULATED, ASKED, DECIDED, PUBLISHED = 120, 105, 66, 60, 38, 36, 28, 15
NOTE = "写明空置房怎样认定；每日减碳量上限由 3500 克改为 3000 克（示例值）；公式和参数没有改动。"
OLD_LIMIT, NEW_LIMIT = "每日减碳量不超过 3500 克", "每日减碳量不超过 3000 克（示例值，只用于演示）"
SAMPLE = "本版是演示用的修订：改动的上限是示例值，不是官方参数。\n"
VACANT = "空置的认定：当日用电量不足 0.5 千瓦时的，当日不计；其余日子照常计入。\n"
QUESTION = "外出旅游半个月，用电很少，这半个月算不算空置？"
ANSWER = "当日不足 0.5 千瓦时的按空置不计，其余日子照常计入；已写进“适用条件”。"


def seed_revision(cast: Cast, *, now: dt.datetime) -> int:
    """Make it where it is missing; how many were made.

    None where the library's own values are past their best-before: then nobody can publish by them.
    """
    if MethodologyVersion.objects.filter(methodology_id=CODE, version=NEW).exists():
        return 0
    try:
        with transaction.atomic():
            _publish(cast, now)
    except (DraftIncomplete, ValuesExpired):
        return 0
    services.tell_cities(at=now - dt.timedelta(days=PUBLISHED))
    return 1


def _publish(cast: Cast, now: dt.datetime) -> None:
    def ago(days: int) -> dt.datetime:
        return now - dt.timedelta(days=days)

    officer, approver = walk.uuid_of("gd-officer"), walk.uuid_of("gd-approver")
    draft = drafts.start_draft(
        person=walk.uuid_of("institute"), region=PROVINCE, at=ago(BEGUN),
        based_on=MethodologyVersion.objects.get(methodology_id=CODE, version="1.0"),
    )  # fmt: skip
    draft = walk.save(draft, _revised(plain_data(draft.source), now), by="institute", at=ago(BEGUN - 1), note=NOTE)
    version = walk.forward(draft, author="institute", decider="gd-officer", at=ago(FORWARDED), note=NOTE)
    walk.walk_to_comments(version, forwarded=ago(FORWARDED))
    resident = cast.residents[0].person
    assert resident is not None
    said = services.make_comment(version=version, person=resident, text=QUESTION, at=ago(SAID))
    services.reply_to_comment(comment=said, person=officer, outcome="explained", text=ANSWER, at=ago(ANSWERED))
    _simulate(version, ago(SIMULATED))
    request = services.request_approval(version=version, person=officer, shown_sha256=version.sha256, at=ago(ASKED))
    services.decide_version(
        request=request, version=version, person=approver, shown_sha256=version.sha256, approved=True, at=ago(DECIDED)
    )
    services.publish_version(version=version, person=officer, shown_sha256=version.sha256, at=ago(PUBLISHED))


def _revised(data: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """The text of 1.0 with the words, the limit and the days of the new version."""
    # Thirty days and more after it is published, on the first of a month.
    start = (clock.local_date(now).replace(day=1) + dt.timedelta(days=62)).replace(day=1)
    chapters, on = data["chapters"], {"on": start + dt.timedelta(days=14), "region": "440106"}
    records, grams = data["limits"]
    given, second, at_baseline, refused = data["examples"]
    return {
        **data,
        "title": {
            "zh": "广东省居民节约用电减碳量核算方法（示例修订）",
            "en": "Guangdong: household electricity below the local mean or one's own trend (sample revision)",
        },
        "effective_from": start,
        "source": {**data["source"], "document": "居民节约用电减碳量核算方法（演示用的修订）"},
        "chapters": {
            **chapters,
            "basis": chapters["basis"] + SAMPLE,
            "applicability": chapters["applicability"] + VACANT,
            "monitoring": chapters["monitoring"].replace(OLD_LIMIT, NEW_LIMIT),
        },
        "limits": [records, {**grams, "max": "3000"}],
        "examples": [
            {**given, **on},
            {**second, **on, "given": {"daily_use": "5"}, "expect": 1325, "source": "（8 − 5）× 0.4419 = 1.3257 千克"},
            {**at_baseline, **on},
            {**refused, **on},
        ],
    }


def _simulate(version: MethodologyVersion, at: dt.datetime) -> None:
    """Over the records of a year up to the day before, by the province's officer, who puts the report on file."""
    officer, last = walk.uuid_of("gd-officer"), clock.local_date(at) - dt.timedelta(days=1)
    made = credits.start_simulation(
        source=version.source, version=version, region=PROVINCE, first=last - dt.timedelta(days=365), last=last,
        by=officer, at=at, against=MethodologyVersion.objects.get(methodology_id=CODE, version="1.0"), announce=False,
    )  # fmt: skip
    credits.run_simulation(pk=made.pk, at=at)
    made.refresh_from_db()
    credits.put_on_file(simulation=made, by=officer, at=at)
