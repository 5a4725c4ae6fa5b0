"""Rules and outcomes in plain words, for officers and for the people affected."""

import datetime as dt
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Participant
from behaviors.models import BehaviorRecord
from carbon_portal.kernel.templatetags.portal import grams, local_date
from credits import selectors
from credits.constants import RecomputationRule, RecomputationState, StandsBecause
from credits.models import Recomputation, RecomputationLine, RecomputationPart
from methodologies.engine import sentence
from methodologies.engine.reasons import SENTENCES


def rule_title(rule: str) -> str:
    """The name of a rule."""
    return {
        RecomputationRule.KEEP.value: _("保留原量"),
        RecomputationRule.TOP_UP.value: _("只增不减"),
        RecomputationRule.CLAW_BACK.value: _("据实调整未核证部分"),
    }[str(rule)]


def rule_sentence(rule: str) -> str:
    """What a rule means for people."""
    return {
        RecomputationRule.KEEP.value: _("已计入的减碳量和碳币都不变，新结果只作对照。"),
        RecomputationRule.TOP_UP.value: _("按新版本算得多的，补足差额并补发碳币；算得少的，保留原量。"),
        RecomputationRule.CLAW_BACK.value: _(
            "算得多的补足差额并补发碳币；算得少的按新结果计。已归集、签发或捐赠的记录不调减，已发的碳币不收回。"
        ),
    }[str(rule)]


def state_label(state: str) -> str:
    """The name of a state."""
    return {
        RecomputationState.PREPARING.value: _("正在清点"),
        RecomputationState.PREVIEWING.value: _("正在试算"),
        RecomputationState.PREVIEWED.value: _("试算完成"),
        RecomputationState.WAITING.value: _("待审定"),
        RecomputationState.RUNNING.value: _("正在重算"),
        RecomputationState.DONE.value: _("已完成"),
        RecomputationState.DECLINED.value: _("已退回"),
        RecomputationState.DISCARDED.value: _("已放弃"),
    }[str(state)]


STATE_KIND = {
    "preparing": "wait", "previewing": "wait", "previewed": "info", "waiting": "wait", "running": "wait",
    "done": "ok", "declined": "no", "discarded": "no",
}  # fmt: skip


def because_label(because: str, new_reason: str = "") -> str:
    """Why an earlier result goes on counting; empty where it does not."""
    known = {
        "": "",
        StandsBecause.RULE.value: _("按规则保留"),
        StandsBecause.CLAIMED.value: _("已用于归集、签发或捐赠"),
        StandsBecause.SAME.value: _("结果没有变化"),
        "changed": _("试算后账目有变，未写入"),
    }
    if because in known:
        return known[because]
    return _("新版本算不出：%(why)s") % {"why": reason_sentence(new_reason)}


def reason_sentence(code: str) -> str:
    """An engine's reason in words."""
    if code not in SENTENCES:
        return _("计算出错，已转人工处理。")
    return sentence(code, get_language() or "zh")


def reason_of(job: Recomputation) -> str:
    """Why, in the page's language where it was given in it."""
    english = (get_language() or "").startswith("en")
    return job.reason_en if english and job.reason_en else job.reason


# -- to the people affected --------------------------------------------------------------------------------------------


def notices_of_record(record: BehaviorRecord) -> list[dict[str, str]]:
    """What recomputations did to this record, one notice each, the newest first."""
    return [found for line in selectors.lines_of(record) if (found := _of_line(line))]


def _of_line(line: RecomputationLine) -> dict[str, str] | None:
    job = line.recomputation
    if line.because == StandsBecause.SAME:
        return None
    words = {
        "version": str(job.version), "before": grams(line.before_g), "new": grams(line.new_g),
        "why": because_label(line.because, line.new_reason), "reason": reason_of(job),
    }  # fmt: skip
    if line.because == StandsBecause.REFUSED:
        text = _("新版本 %(version)s 不能计算这条记录，仍按原结果 %(before)s 计。原因：%(reason)s。") % words
    elif line.stands:
        text = _("按 %(version)s 重新计算为 %(new)s；%(why)s，仍按 %(before)s 计。原因：%(reason)s。") % words
    elif line.new_g == line.before_g:
        text = _("已按 %(version)s 重新计算，减碳量不变。原因：%(reason)s。") % words
    elif line.new_g > line.before_g:
        text = _("已按 %(version)s 重新计算：由 %(before)s 调整为 %(new)s，差额的碳币补发。原因：%(reason)s。") % words
    else:
        text = (
            _("已按 %(version)s 重新计算：由 %(before)s 调整为 %(new)s，已发的碳币不收回。原因：%(reason)s。") % words
        )
    return {"title": _("方法学修订后的重算"), "text": f"{text}{_rule_in_words(job)}"}


def _rule_in_words(job: Recomputation) -> str:
    return _("处理规则“%(title)s”：%(text)s") % {"title": rule_title(job.rule), "text": rule_sentence(job.rule)}


def notices_of_account(participant: Participant, *, at: dt.datetime) -> list[dict[str, str]]:
    """What recomputations did to an account lately."""
    return [_of_part(part) for part in selectors.parts_of(participant, at=at)]


def _of_part(part: RecomputationPart) -> dict[str, str]:
    job = part.recomputation
    words: dict[str, Any] = {
        "day": local_date(part.done_at), "version": str(job.version), "records": part.records,
        "change": grams(abs(part.change_g)), "reason": reason_of(job),
    }  # fmt: skip
    begin = _("%(day)s按 %(version)s 重新计算了 %(records)s 条记录，") % words
    if part.change_g > 0:
        end = _("合计增加 %(change)s。原因：%(reason)s。") % words
    elif part.change_g < 0:
        end = _("合计减少 %(change)s，碳币余额不变。原因：%(reason)s。") % words
    else:
        end = _("减碳量和碳币都没有变化。原因：%(reason)s。") % words
    return {"title": _("方法学修订后的重算"), "text": f"{begin}{end}{_rule_in_words(job)}"}
