"""A verification as its pages show it, in the reader's language."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from behaviors.models import BehaviorRecord
from carbon_portal.kernel.language import is_english, region_name
from carbon_portal.kernel.templatetags.portal import count, grams, local_date, local_datetime
from credits.constants import SAMPLE_MINIMUM, SAMPLE_PERCENT
from credits.models import Reduction, SampledRecord, Verification, VerificationAnswer, VerificationReport
from credits.present import activity_title, evidence_label, state_label
from credits.selectors.verifications import Answers, Counts
from methodologies import guides

from .drawing import sha256

_RESULT_KINDS = {"yes": "ok", "no": "no", "unclear": "wait", "n_a": ""}
_PILLS = {"frozen": "wait", "drawn": "info", "signed": "ok", "withdrawn": "no"}


def results() -> dict[str, str]:
    """Results of a check by their names."""
    return {"yes": _("符合"), "no": _("不符合"), "unclear": _("不能确认"), "n_a": _("不适用")}


def title(one: Verification) -> str:
    """Method and area."""
    version = one.version
    named = version.title_en if is_english() and version.title_en else version.title_zh
    return f"{named} · {region_name(one.region, short=True)}"


def state(one: Verification) -> str:
    """frozen, drawn, signed or withdrawn: what rows there are."""
    if hasattr(one, "withdrawal"):
        return "withdrawn"
    if hasattr(one, "report"):
        return "signed"
    return "drawn" if hasattr(one, "draw") else "frozen"


def is_drawn(one: Verification) -> bool:
    """Whether there is a sample, also of one that was withdrawn afterwards."""
    return hasattr(one, "draw")


def pill(one: Verification) -> dict[str, str]:
    """The state as a coloured word."""
    label = {"frozen": _("等待随机数"), "drawn": _("核查中"), "signed": _("已出报告"), "withdrawn": _("已撤回")}[
        state(one)
    ]
    return {"label": label, "kind": _PILLS[state(one)]}


def days(one: Verification) -> str:
    """The days of the records."""
    return _("%(first)s 至 %(last)s") % {"first": local_date(one.first, "iso"), "last": local_date(one.last, "iso")}


def rule(one: Verification) -> str:
    """How large the sample has to be."""
    return _("名单的 %(percent)s%%，至少 %(minimum)s 条") % {"percent": one.percent, "minimum": one.minimum}


def sample_words(one: Verification) -> str:
    """The size of the sample with its rule."""
    return _("%(size)s 条（%(rule)s）") % {"size": count(one.sample_size), "rule": rule(one)}


def source_of_rule() -> str:
    """Where the numbers of the rule come from."""
    return _(
        "指南没有写样本数。平台规定抽名单的 %(percent)s%%、不少于 %(minimum)s 条，不足的全查；可以多抽，不能少抽。"
    ) % {"percent": SAMPLE_PERCENT, "minimum": SAMPLE_MINIMUM}


def facts(one: Verification) -> list[dict[str, str]]:
    """What is verified; the same for the public and for staff."""
    return [
        {"label": _("方法学"), "value": str(one.version)},
        {"label": _("地区"), "value": region_name(one.region)},
        {"label": _("发生日期"), "value": days(one)},
        {"label": _("核查指南"), "value": _("第 %(version)s 版") % {"version": one.guide_version}},
        {"label": _("名单"), "value": _("%(count)s 条终算记录") % {"count": count(one.frame_count)}},
        {
            "label": _("样本"),
            "value": sample_words(one),
        },
        {"label": _("名单冻结"), "value": local_datetime(one.frozen_at)},
    ]


def steps(one: Verification) -> list[dict[str, Any]]:
    """Frame, number, checklist, report: a timeline."""
    now = state(one)
    number = ""
    if is_drawn(one):
        number = _("%(day)s 公布；%(source)s") % {
            "day": local_date(one.draw.published_on, "iso"),
            "source": one.draw.source,
        }
    begun = [
        {"title": _("名单冻结并公布"), "state": "done", "time": local_datetime(one.frozen_at)},
        {
            "title": _("随机数公布，抽出样本"),
            "state": "done" if is_drawn(one) else "now" if now == "frozen" else "todo",
            "time": local_datetime(one.draw.drawn_at) if is_drawn(one) else "",
            "text": number or one.announced,
        },
    ]
    if now == "withdrawn":
        taken_back = {"state": "no", "time": local_datetime(one.withdrawal.at), "text": one.withdrawal.reason}
        return [*begun, {"title": _("撤回，不再核查"), **taken_back}]
    return [
        *begun,
        {"title": _("逐条核查"), "state": {"frozen": "todo", "drawn": "now", "signed": "done"}[now]},
        {
            "title": _("报告签署存档"),
            "state": "done" if now == "signed" else "todo",
            "time": local_datetime(one.report.signed_at) if now == "signed" else "",
        },
    ]


def share(part: int, whole: int) -> str:
    """A share in per cent with one decimal, rounded up: an error is never shown smaller than it is."""
    tenths = -(-part * 1000 // whole)
    return f"{tenths // 10}.{tenths % 10}%"


def report_numbers(one: Verification, report: VerificationReport) -> list[dict[str, str]]:
    """The summary that everybody may read."""
    wrong = _("%(wrong)s 条，占样本 %(share)s") % {
        "wrong": count(report.records_wrong),
        "share": share(report.records_wrong, one.sample_size),
    }
    return [
        {"label": _("核查的记录"), "value": _("%(size)s 条") % {"size": count(one.sample_size)}},
        {"label": _("有不符合的记录"), "value": wrong},
        {"label": _("不能确认的记录"), "value": _("%(size)s 条") % {"size": count(report.records_unclear)}},
        {"label": _("逐项结果"), "value": _by_result(report.yes, report.no, report.unclear, report.not_applicable)},
        {"label": _("签署"), "value": local_datetime(report.signed_at)},
    ]


def _by_result(yes: int, no: int, unclear: int, not_applicable: int) -> str:
    return _("符合 %(yes)s，不符合 %(no)s，不能确认 %(unclear)s，不适用 %(n_a)s") % {
        "yes": count(yes),
        "no": count(no),
        "unclear": count(unclear),
        "n_a": count(not_applicable),
    }


def progress(found: Counts) -> dict[str, Any]:
    """How far the checklist is."""
    return {
        "done": found.answered,
        "of": found.checks,
        "missing": found.missing,
        "words": _("已填 %(answered)s / %(checks)s 项") % {"answered": found.answered, "checks": found.checks},
        "results": _by_result(found.yes, found.no, found.unclear, found.not_applicable),
        "wrong": found.records_wrong,
    }


# -- lists -------------------------------------------------------------------------------------------------------------


def list_columns() -> list[dict[str, Any]]:
    """Headings of the desk's list."""
    return [
        {"label": _("方法学")}, {"label": _("发生日期")}, {"label": _("名单"), "num": True},
        {"label": _("样本"), "num": True}, {"label": _("冻结")}, {"label": _("状态")},
    ]  # fmt: skip


def list_row(one: Verification) -> list[Any]:
    """One row of the desk's list."""
    shown = pill(one)
    return [
        {"text": title(one), "href": reverse("credits:verification-work", args=[one.pk])},
        days(one),
        count(one.frame_count),
        count(one.sample_size),
        local_date(one.frozen_at, "iso"),
        {"text": shown["label"], "pill": shown["kind"]},
    ]


def public_row(one: Verification) -> dict[str, str]:
    """One row of the public list."""
    shown = pill(one)
    words = _("%(days)s · 名单 %(count)s 条，样本 %(size)s 条") % {
        "days": days(one),
        "count": count(one.frame_count),
        "size": count(one.sample_size),
    }
    return {
        "title": title(one),
        "href": reverse("credits:verification", args=[one.pk]),
        "sub": words,
        "pill": shown["label"],
        "kind": shown["kind"],
    }


def sample_columns() -> list[dict[str, Any]]:
    """Headings of the sample on the desk."""
    return [
        {"label": _("样本")},
        {"label": _("记录号"), "num": True},
        {"label": _("已填"), "num": True},
        {"label": _("结果")},
    ]


def sample_rows(one: Verification, sample: list[SampledRecord], answers: Answers) -> list[list[Any]]:
    """Each sampled record with how far it is and the worst that was found."""
    return [_sample_row(one, record, answers) for record in sample]


def _sample_row(one: Verification, record: SampledRecord, answers: Answers) -> list[Any]:
    mine = [answers[record.pk, code].result for code in one.questions if (record.pk, code) in answers]
    worst = next((result for result in ("no", "unclear", "yes", "n_a") if result in mine), "")
    told = worst in ("no", "unclear") or len(mine) == len(one.questions)
    result = {"text": results()[worst], "pill": _RESULT_KINDS[worst] or "info"} if told else None
    name = _("第 %(place)s 条") % {"place": record.place}
    return [
        {"text": name, "href": reverse("credits:verification-record", args=[one.pk, record.place])},
        str(record.record_id),
        f"{len(mine)} / {len(one.questions)}",
        result or (_("未填完") if mine else _("未开始")),
    ]


# -- one record --------------------------------------------------------------------------------------------------------


def question_text(one: Verification, code: str) -> str:
    """A question in the words of the guide that was chosen; its code where the guide is no longer there."""
    guide = guides.guide(one.guide_version)
    found = next((row for row in guide.checklist if row.code == code), None) if guide else None
    if found is None:
        return code
    return found.en if is_english() else found.zh


def _channel(code: str) -> str:
    return {"page": _("网页填报"), "api": _("接口报送"), "file": _("文件导入")}[code]


def pseudonym(one: Verification, record: BehaviorRecord) -> str:
    """A name of the account for this verification alone: it tells records of one account, and nothing else."""
    return sha256(f"{one.pk} {record.participant_id}")[:8]


def record_facts(one: Verification, record: BehaviorRecord, reduction: Reduction | None) -> list[dict[str, str]]:
    """What a verifier sees of a record: no name, no phone, no number of an account or meter, no note."""
    rows = [
        {"label": _("记录号"), "value": str(record.pk)},
        {"label": _("行为"), "value": activity_title(record.activity)},
        {"label": _("发生日期"), "value": local_date(record.occurred_on)},
        {"label": _("地区"), "value": region_name(record.region)},
        {"label": _("账户代号"), "value": pseudonym(one, record)},
        {"label": _("证据"), "value": evidence_label(record.evidence)},
        {"label": _("来源"), "value": record.provider.name if record.provider else _channel(record.channel)},
        {"label": _("来源编号"), "value": record.source_record_id},
        {"label": _("收到"), "value": local_datetime(record.received_at)},
        {"label": _("现在的状态"), "value": state_label(record.state)},
    ]
    if record.period_start and record.period_end:
        span = f"{local_date(record.period_start)} – {local_date(record.period_end)}"
        rows.append({"label": _("账期"), "value": span})
    if reduction is not None:
        rows.append({"label": _("减碳量"), "value": grams(reduction.reduction_g)})
    return rows


def saved(answer: VerificationAnswer | None) -> dict[str, str] | None:
    """What stands saved under a question."""
    if answer is None:
        return None
    words = _("已保存 · %(at)s") % {"at": local_datetime(answer.at)}
    return {"words": words, "label": results()[answer.result], "kind": _RESULT_KINDS[answer.result]}


def who(names: dict[UUID, str], person: UUID) -> str:
    """A person of the staff by name."""
    return names.get(person, "—")
