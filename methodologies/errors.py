"""Refusals of the methodology library."""

from django.utils import translation

from carbon_portal.kernel.errors import DomainError

from .constants import StageState


class LibraryError(DomainError):
    """Base of what a sync refuses; nothing of that file was written."""

    http_status = 409
    title = "方法学未同步"
    title_en = "Methodology not synced"


class PublishedVersionChanged(LibraryError):
    """A published version never changes (Q3). Data: code, version."""

    code = "published_version_changed"
    zh = (
        "{code} 第 {version} 版已发布，内容不能再改。请恢复原文，并把修改写成新版本（新的 version 和 effective_from）。"
    )
    en = (
        "{code} version {version} is published and never changes. Restore its text and write the change as a new "
        "version (a new version and effective_from)."
    )


class ScopeChanged(LibraryError):
    """Activity, issuing region, level and sector belong to the code. Data: code, key."""

    code = "scope_changed"
    zh = "{code} 的 {key} 与已登记的不同。一个代码的行为、地区、级别和领域不能改；请换一个新代码。"
    en = "{code}: {key} differs from what is registered. A code keeps its activity, region, level and sector."


class AnotherCodeInForce(LibraryError):
    """Per activity and issuing region at most one code is in force at a time. Data: code, activity, region."""

    code = "another_code_in_force"
    zh = "{code} 不能发布：{region} 的“{activity}”在同一时间已有另一个方法学生效。请先给它设停用日期。"
    en = "{code} can't be published: another code is in force for {activity} in {region}. Give that one a sunset date."


class FactorChanged(LibraryError):
    """A factor value that has been in force never changes or vanishes. Data: factor, start."""

    code = "factor_changed"
    zh = "因子 {factor} 自 {start} 起的数值已经同步过，不能改动或删除。请恢复原值，用新的开始日期写新值。"
    en = (
        "The value of factor {factor} from {start} has been synced; it can't be changed or removed. "
        "Restore it and write the new value under a new start date."
    )


class FactorsMissing(LibraryError):
    """Nothing was ever synced."""

    code = "factors_missing"
    zh = "数据库里还没有因子库。请先运行 manage.py methodology sync。"
    en = "The database has no factor library yet. Run manage.py methodology sync first."


class ReviewError(DomainError):
    """Base of what the way to publication refuses; nothing was changed."""

    http_status = 409
    title = "没有办理"
    title_en = "Not done"


class WrongStage(ReviewError):
    """A step out of order, most often because somebody else was faster. Data: version, now, wanted (StageState)."""

    code = "wrong_stage"
    zh = "{version} 现在处于“{now_zh}”，不能进入“{wanted_zh}”。可能有同事刚刚办理过，请刷新页面再看。"
    en = (
        "{version} stands at “{now_en}” and can't go on to “{wanted_en}”. A colleague may just have dealt with it: "
        "reload the page."
    )

    def __init__(self, *, version: str, now: StageState, wanted: StageState) -> None:
        names = {}
        for key, state in (("now", now), ("wanted", wanted)):
            for language in ("zh", "en"):
                with translation.override("zh-hans" if language == "zh" else "en"):
                    names[f"{key}_{language}"] = str(state.label)
        super().__init__(version=version, **names)


class NotThisContent(ReviewError):
    """What was looked at is not what stands there now. Data: version."""

    code = "not_this_content"
    zh = "{version} 的内容已改动，与您看到的不同，没有办理。请打开最新内容，看过后再办。"
    en = "The content of {version} has changed since you saw it; nothing was done. Open it again, read it, then decide."
