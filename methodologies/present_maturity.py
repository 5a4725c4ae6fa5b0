"""The maturity list in words: levels, and each test passed, missing, or not there yet."""

from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carbon_portal.kernel.language import region_name

from . import present
from .selectors.maturity import LEVELS, Maturity, MaturityTest

LEVEL_LABELS: dict[str, str | Promise] = {
    "": gettext_lazy("未达到任何级别"),
    "points": gettext_lazy("仅积分"),
    "poolable": gettext_lazy("可归集"),
    "certifiable": gettext_lazy("可核证"),
    "tradable": gettext_lazy("可交易"),
    "offsettable": gettext_lazy("可抵消"),
}
_OUTCOME = {
    "passed": (gettext_lazy("已通过"), "ok"),
    "missing": (gettext_lazy("没有通过"), "no"),
    "absent": (gettext_lazy("检验尚未建立"), "wait"),
}


def row(found: Maturity) -> dict[str, Any]:
    """One method with its level and all its tests, level by level."""
    version = found.version
    return {
        "title": present.title(version),
        "href": reverse("methodologies:version", args=[version.methodology_id, version.version]),
        "sub": f"{version.methodology_id} · {_('第 %(version)s 版') % {'version': version.version}} · "
        f"{region_name(version.methodology.region)}",
        "level": str(LEVEL_LABELS[found.level]),
        "level_kind": "ok" if found.level not in ("", "points") else "info" if found.level else "no",
        "next": next_sentence(found),
        "levels": [
            {
                "code": level,
                "label": str(LEVEL_LABELS[level]),
                "reached": bool(found.level) and LEVELS.index(level) <= LEVELS.index(found.level),
                "tests": [_test(test) for test in found.of_level(level)],
            }
            for level in LEVELS
        ],
    }


def ladder(rows: list[Maturity]) -> list[dict[str, Any]]:
    """How many methods stand at each level."""
    counts = dict.fromkeys(("", *LEVELS), 0)
    for one in rows:
        counts[one.level] += 1
    return [
        {"label": str(LEVEL_LABELS[level]), "count": counts[level]} for level in ("", *LEVELS) if level or counts[""]
    ]


def next_sentence(found: Maturity) -> str:
    """What keeps a method from the next level, in one line."""
    following = LEVELS[LEVELS.index(found.level) + 1 :] if found.level else LEVELS
    if not following:
        return ""
    lacking = [test for test in found.of_level(following[0]) if test.outcome != "passed"]
    return _("距“%(level)s”还差 %(n)s 项检验") % {"level": LEVEL_LABELS[following[0]], "n": len(lacking)}


def _test(test: MaturityTest) -> dict[str, str]:
    label, kind = _OUTCOME[test.outcome]
    title, missing = _SENTENCES[test.code]
    why = "" if test.outcome == "passed" else str(missing) % _words(test.data)
    return {"title": str(title), "outcome": str(label), "kind": kind, "why": why}


def _words(data: dict[str, Any]) -> dict[str, Any]:
    return {key: ", ".join(value) if isinstance(value, tuple) else value for key, value in data.items()}


#: Of each test: what it asks, and what is said where it is not passed.
_SENTENCES: dict[str, tuple[str | Promise, str | Promise]] = {
    "in_force": (gettext_lazy("版本已公布并已生效"), gettext_lazy("本版本还没有生效。")),
    "examples": (
        gettext_lazy("全部算例由现在运行的程序重算一致"),
        gettext_lazy("%(count)s 个算例中有 %(wrong)s 个重算不一致。"),
    ),
    "approval": (gettext_lazy("有绑定本文件指纹的批准记录"), gettext_lazy("没有找到绑定本文件指纹的批准记录。")),
    "chapters": (gettext_lazy("各章齐全，算例不少于三个且含一个拒绝的例子"), gettext_lazy("还有 %(count)s 处缺项。")),
    "two_people": (
        gettext_lazy("经两人审批，审定人不是起草人"),
        gettext_lazy("随系统发布，没有经过两人审批程序。"),
    ),
    "checked_values": (
        gettext_lazy("没有示例值和待核对的数值"),
        gettext_lazy("这些参数含示例值或待核对的数值：%(names)s。"),
    ),
    "best_before": (gettext_lazy("在用的数值都没有过复核期"), gettext_lazy("这些参数已过复核期：%(names)s。")),
    "simulation": (
        gettext_lazy("用真实记录试算过，报告存档"),
        gettext_lazy("本版本没有存档的试算报告。"),
    ),
    "certifiable": (gettext_lazy("文件声明可以核证"), gettext_lazy("文件声明不能核证（certifiable: false）。")),
    "official_values": (
        gettext_lazy("全部参数出自官方文件"),
        gettext_lazy("这些参数不是直接引自官方文件：%(names)s。"),
    ),
    "experts": (
        gettext_lazy("同一内容走过专家论证、会签、公示和审定"),
        gettext_lazy("没有找到本内容走过专家论证、会签、公示和审定的完整记录。"),
    ),
    "verification_guide": (
        gettext_lazy("有核查指南和抽样核查记录"),
        gettext_lazy("核查记录的检验还没有建立，因此不能算通过。"),
    ),
    "registry": (
        gettext_lazy("核证减排量有编号、登记和流转记录"),
        gettext_lazy("登记簿还没有建成，这项检验不存在，任何方法学都不能算通过。"),
    ),
    "offset_rules": (
        gettext_lazy("抵消比例、年份和总量规则已生效并经过检验"),
        gettext_lazy("抵消规则还没有建成，这项检验不存在，任何方法学都不能算通过。"),
    ),
}
