"""The few who get a large share: what they have in common, never who they are."""

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from carbon_portal.kernel.language import pick
from carbon_portal.kernel.templatetags.portal import count, grams
from credits.present import evidence_label

from .figures import OTHERS, UNKNOWN, share
from .words import TOP, Report, city, input_label, percent


def top(found: Report) -> dict[str, Any] | None:
    """What they have in common; None where nobody stands out, and for reports made before this was kept."""
    one = found.get("top")
    if not one:
        return None
    mine, every = _("这部分人"), _("全部参与者")
    means = [
        [_("每人记录数"), *one["records_per_person"]],
        [_("每条平均减碳量"), *("–" if value is None else grams(value) for value in one["grams_per_record"])],
        [_("被上限截住的记录"), *map(percent, one["cut_off_share"])],
    ]
    if one["own"]:
        days = _("以自身 %(days)s 日均值为基准的减碳量") % {"days": one["own"]["window_days"]}
        means.append([days, *map(percent, one["own"]["share"])])
    people_columns = [{"label": mine, "num": True}, {"label": _("占比"), "num": True}]
    return {
        "id": TOP,
        "text": _("%(people)s 人（%(share)s%%）得到 %(grams)s（%(part)s%%）。只列合计，不列个人。")
        % {
            "people": count(one["people"]), "share": one["people_share"], "grams": grams(one["grams"]),
            "part": one["grams_share"],
        },
        "means": {
            "title": _("与全部参与者相比"),
            "columns": [{"label": _("项目")}, {"label": mine, "num": True}, {"label": every, "num": True}],
            "rows": means,
        },
        "people": [
            {"title": title, "columns": [{"label": title}, *people_columns], "rows": _people_rows(one, rows, name)}
            for title, rows, name in ((_("地区"), one["cities"], city), (_("参与者类型"), one["kinds"], _kind))
        ],
        "records": [
            {
                "title": title,
                "columns": [{"label": title}, {"label": mine, "num": True}, {"label": every, "num": True}],
                "rows": [[name(row), percent(row["share"]), percent(row["all_share"])] for row in rows],
            }
            for title, rows, name in _top_records(found, one)
            if rows
        ],
    }  # fmt: skip


def _top_records(found: Report, one: Report) -> list[tuple[str, Sequence[Report], Callable[[Report], str]]]:
    """Tables of shares of records: by evidence, then by each choice of the document."""

    def option(name: str) -> Callable[[Report], str]:
        texts = found["options"][name]
        return lambda row: _("其他") if row["key"] == OTHERS else pick(texts.get(row["key"])) or row["key"]

    return [
        (_("证据等级"), one["evidence"], lambda row: _("其他") if row["key"] == OTHERS else evidence_label(row["key"])),
        *((input_label(found, choice), choice["rows"], option(choice["input"])) for choice in one["choices"]),
    ]


def _people_rows(one: Report, rows: Sequence[Report], name: Any) -> list[list[str]]:
    return [[name(row, False), count(row["people"]), percent(share(row["people"], one["people"]))] for row in rows]


def _kind(row: Report, _short: bool) -> str:
    if row["key"] in (OTHERS, UNKNOWN):
        return _("其他")
    return {"resident": _("居民"), "household": _("家庭"), "sme": _("小微企业"), "group": _("社会团体")}[row["key"]]
