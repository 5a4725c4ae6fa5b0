"""Errors that a person can act on.

One small class per case, next to the code that raises it (`<app>/errors.py`). The page, the API and the import report
show the same sentence: what happened, why, what to do next; Chinese first, English second.
"""

from typing import Any


class DomainError(Exception):
    """A refusal by a rule of the portal. Subclasses set the class attributes; `data` fills the braces.

    `zh` and `en` are whole sentences. They are format strings over `data`, never translated late by a catalogue,
    because both languages leave together (problem+json carries `detail` and `detail_en`).
    """

    code = "refused"
    http_status = 400
    title = "请求未被接受"
    title_en = "The request was refused"
    zh = "请求未被接受。"
    en = "The request was refused."

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(self.detail_en)

    @property
    def detail(self) -> str:
        """The sentence in Chinese."""
        return self.zh.format(**self.data)

    @property
    def detail_en(self) -> str:
        """The sentence in English."""
        return self.en.format(**self.data)

    def sentence(self, language: str | None = None) -> str:
        """The sentence in the language asked for, Chinese unless it is English."""
        return self.detail_en if (language or "").startswith("en") else self.detail


class NotFound(DomainError):
    """Missing, or another area's: the same answer, so that nothing is learned by asking."""

    code = "not_found"
    http_status = 404
    title = "没有找到"
    title_en = "Not found"
    zh = "没有找到您要的内容。它可能已被移走，或不在您的权限范围内。请返回上一页，或从首页重新进入。"
    en = "We could not find this. It may have moved, or lies outside your area. Go back, or start from the home page."


class Forbidden(DomainError):
    """Known to the person, but not theirs to do."""

    code = "forbidden"
    http_status = 403
    title = "没有权限"
    title_en = "Not allowed"
    zh = "您的账户没有做这件事的权限。如需办理，请联系本单位的管理员。"
    en = "Your account may not do this. Ask the administrator of your organisation."


class MethodNotAllowed(DomainError):
    """An address that exists, asked in a way it does not answer to: most often an old form opened as a link."""

    code = "method_not_allowed"
    http_status = 405
    title = "不支持这种访问方式"
    title_en = "Not this way"
    zh = "这个地址不能这样打开，没有改动任何内容。请返回上一页，用页面上的按钮操作。"
    en = "This address can't be opened this way; nothing was changed. Go back and use the button on the page."


class InvalidInput(DomainError):
    """A field that can't be used. `data` names the field and the reason in both languages."""

    code = "invalid_input"
    http_status = 400
    title = "填写有误"
    title_en = "Invalid input"
    zh = "{reason}"
    en = "{reason_en}"


class UnknownCursor(DomainError):
    """A page cursor that we never gave."""

    code = "unknown_cursor"
    http_status = 400
    title = "翻页标记无效"
    title_en = "Unknown page cursor"
    zh = "翻页标记无效，没有列出内容。请从第一页重新打开。"
    en = "The page cursor is not valid, so nothing was listed. Start again from the first page."


class ServiceUnavailable(DomainError):
    """A part that is needed is away for a moment; nothing was written."""

    code = "unavailable"
    http_status = 503
    title = "服务暂时不可用"
    title_en = "Temporarily unavailable"
    zh = "系统正忙，这次没有写入任何内容。请稍后再试。"
    en = "The system is busy; nothing was written. Please try again in a moment."
