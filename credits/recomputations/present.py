"""What the pages of a recomputation show."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import region_name
from carbon_portal.kernel.templatetags.portal import count, grams, local_date, local_datetime, points
from credits import selectors
from credits.models import Recomputation
from credits.selectors import Line

from .words import STATE_KIND, because_label, reason_of, reason_sentence, rule_sentence, rule_title, state_label


def version_title(job: Recomputation) -> str:
    """The version's title in the page's language, with its name."""
    english = (get_language() or "").startswith("en")
    title = job.version.title_en if english and job.version.title_en else job.version.title_zh
    return f"{title} · {job.version}"


def areas(job: Recomputation) -> str:
    """The areas that were chosen."""
    return _("、").join(region_name(code) for code in job.regions)


def span(job: Recomputation) -> str:
    """The days that were chosen."""
    return f"{local_date(job.first)} – {local_date(job.last)}"


def pill(job: Recomputation) -> dict[str, str]:
    """The state as a pill."""
    return {"label": state_label(job.state), "kind": STATE_KIND[job.state]}


def table(jobs: Sequence[Recomputation]) -> dict[str, Any]:
    """The list of recomputations."""
    columns = [
        {"label": _("版本")}, {"label": _("日期和地区")}, {"label": _("规则")}, {"label": _("差额"), "num": True},
        {"label": _("状态")},
    ]  # fmt: skip
    rows = [
        [
            {"text": str(job.version), "href": reverse("credits:recomputation", args=[job.uuid])},
            f"{span(job)} · {areas(job)}",
            rule_title(job.rule),
            signed(job.numbers["change_g"]) if job.numbers else "—",
            {"text": state_label(job.state), "pill": STATE_KIND[job.state]},
        ]
        for job in jobs
    ]
    return {"columns": columns, "rows": rows}


def signed(value_g: int) -> str:
    """Grams with their sign."""
    return ("+" if value_g > 0 else "−" if value_g < 0 else "") + grams(abs(value_g))


def facts(job: Recomputation, names: dict[Any, str]) -> list[dict[str, str]]:
    """What was chosen, by whom."""
    found = [
        {
            "label": _("版本"), "value": version_title(job),
            "href": reverse("methodologies:version", args=[job.code, job.version.version]),
        },
        {"label": _("因子库"), "value": f"SHA-256 {job.library.sha256[:16]}…"},
        {"label": _("日期"), "value": span(job)},
        {"label": _("地区"), "value": areas(job)},
        {"label": _("处理规则"), "value": rule_title(job.rule)},
        {"label": _("原因"), "value": reason_of(job)},
        {"label": _("提交"), "value": f"{names.get(job.initiator, '—')} · {local_datetime(job.created_at)}"},
    ]  # fmt: skip
    if job.approver and job.decided_at:
        found.append(
            {"label": _("审定"), "value": f"{names.get(job.approver, '—')} · {local_datetime(job.decided_at)}"}
        )
    return found


def numbers(job: Recomputation) -> list[dict[str, str]]:
    """The preview's sums, in the order of reading."""
    data = job.numbers
    people = _("%(n)s 条，%(people)s 个账户") % {"n": count(data["records"]), "people": count(data["participants"])}
    rows = [
        (_("记录"), people),
        (_("原来合计"), grams(data["before_g"])),
        (_("按新版本算得"), grams(data["under_g"])),
        (_("按规则计入后合计"), grams(data["after_g"])),
        (_("差额"), signed(data["change_g"])),
        (_("增加"), _("%(n)s 条，%(g)s") % {"n": count(data["rising"]), "g": grams(data["rising_g"])}),
        (_("减少"), _("%(n)s 条，%(g)s") % {"n": count(data["falling"]), "g": grams(data["falling_g"])}),
    ]
    rows += [
        (label, _("%(n)s 条记录") % {"n": count(number)})
        for label, number in (
            (_("按规则保留"), data["kept_by_rule"]),
            (_("因已用于核证等不调减"), data["claimed"]),
            (_("没有变化"), data["same"] + data["level"]),
            (_("新版本算不出"), data["refused"]),
        )
    ]
    found = [{"label": label, "value": value} for label, value in rows]
    if data["points"] is not None:
        found.append({"label": _("需补发碳币"), "value": points(data["points"])})
    return found


def refusals(job: Recomputation) -> list[str]:
    """Why the version gives no result, each reason with its number."""
    return [
        _("%(n)s 条：%(why)s") % {"n": count(number), "why": reason_sentence(code)}
        for code, number in job.numbers["refusals"].items()
    ]


def cities(job: Recomputation) -> dict[str, Any]:
    """The report by city; its last line is the total."""
    rows = selectors.sums_by_city(job)
    columns = [{"label": _("城市")}, {"label": _("记录"), "num": True}, {"label": _("原来"), "num": True},
               {"label": _("计入后"), "num": True}, {"label": _("差额"), "num": True}]  # fmt: skip
    cells = [
        [region_name(row["city"]), count(row["records"]), grams(row["before_g"]), grams(row["after_g"]),
         signed(row["change_g"])]
        for row in rows
    ]  # fmt: skip
    sums = {name: sum(row[name] for row in rows) for name in ("records", "before_g", "after_g", "change_g")}
    cells.append(
        [_("合计"), count(sums["records"]), grams(sums["before_g"]), grams(sums["after_g"]), signed(sums["change_g"])]
    )
    return {"columns": columns, "rows": cells, "change_g": sums["change_g"]}


def changes(lines: Sequence[Line]) -> dict[str, Any]:
    """The records that differ most; numbers of records, no people."""
    columns = [{"label": _("记录号")}, {"label": _("日期和城市")}, {"label": _("原来"), "num": True},
               {"label": _("新结果"), "num": True}, {"label": _("差额"), "num": True},
               {"label": _("说明")}]  # fmt: skip
    rows = [
        [str(line.record_id), f"{local_date(line.record_on)} · {region_name(line.city)}", grams(line.before_g),
         grams(line.new_g), signed(line.change_g), because_label(line.because, line.new_reason) or _("计入新结果")]
        for line in lines
    ]  # fmt: skip
    return {"columns": columns, "rows": rows}


def rule(job: Recomputation) -> dict[str, str]:
    """The rule in words."""
    return {"title": rule_title(job.rule), "text": rule_sentence(job.rule)}
