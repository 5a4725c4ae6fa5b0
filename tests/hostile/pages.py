"""Pages as a browser reads them: their forms, with what stands in each field, and their errors."""

import html.parser
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

from tests.people import make_credit_code

#: What is typed into a field by its name where nothing stands in it, so that the other fields are looked at too.
GOOD = {
    "phone": "13611117777",
    "number": "0388000000009",
    "credit_code": make_credit_code(77),
    "start": "08:30",
    "minutes": "30",
    "login": "nobody-here",
    "period_start": "2026-10-01",
    "period_end": "2026-10-31",
}


@dataclass
class Field:
    """One field as the page shows it: what stands in it, and what may be chosen."""

    name: str
    kind: str  # text, textarea, choice, check, hidden, file, password, button
    value: str = ""
    options: list[str] = field(default_factory=list)

    def good(self) -> str:
        """What a person might send."""
        if self.value:
            return self.value
        return next((one for one in self.options if one), "") or GOOD.get(self.name, "5")


@dataclass
class Form:
    """A form as a page shows it to somebody: where it goes, and its fields."""

    actor: str
    action: str
    fields: dict[str, Field] = field(default_factory=dict)
    multipart: bool = False
    name: str = ""  #: of the HTML element
    swapped: bool = False  #: sent by a script beside the form, which stays as it is
    good: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The name of the pattern that it is sent to; empty for another site's."""
        try:
            return resolve(urlsplit(self.action).path).view_name
        except Resolver404:
            return ""

    def typed(self) -> dict[str, str]:
        """Everything filled in as a person might."""
        return {name: self.good.get(name, one.good()) for name, one in self.fields.items() if one.kind != "file"}


class Reader(html.parser.HTMLParser):
    """The forms of a page that are sent, its errors, and the links to the page itself with another query."""

    def __init__(self, url: str, actor: str, text: str) -> None:
        super().__init__()
        self.url, self.actor = url, actor
        self.forms: list[Form] = []
        self.errors: list[str] = []
        self.variants: list[str] = []
        self.words: list[str] = []
        self._open: Form | None = None
        self._choice: Field | None = None
        self._text: Field | None = None
        self._swaps: list[tuple[str, str]] = []
        self._error = 0
        self.feed(text)
        self._adopt()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if self._error and tag not in ("input", "br", "img", "use"):
            self._error += 1
        if {"error-summary", "err", "verdict"} & set(told.get("class", "").split()) or told.get("role") == "alert":
            self._error, self.errors = max(self._error, 1), [*self.errors, ""]
        if tag == "a" and "?" in told.get("href", "") and self._leads_here(told["href"]):
            self.variants.append(urljoin(self.url, told["href"]))
        if tag == "form":
            self._open = None
            if told.get("method", "").lower() == "post":
                action = urljoin(self.url, told.get("action") or self.url)
                multipart = told.get("enctype", "").startswith("multipart/")
                self._open = Form(self.actor, action, multipart=multipart, name=told.get("id", ""))
                self.forms.append(self._open)
        elif told.get("hx-post"):
            self._swaps.append((urljoin(self.url, told["hx-post"]), told.get("hx-include", "").lstrip("#")))
        if self._open is not None:
            self._field(self._open, tag, told)

    def _leads_here(self, href: str) -> bool:
        return urlsplit(urljoin(self.url, href)).path == urlsplit(self.url).path

    def _field(self, form: Form, tag: str, told: dict[str, str]) -> None:
        if tag == "option" and self._choice is not None:
            self._choice.options.append(told.get("value", ""))
            if "selected" in told:
                self._choice.value = told.get("value", "")
        name = told.get("name", "")
        if not name or tag not in ("input", "select", "textarea", "button"):
            return
        kind = told.get("type", "text") if tag in ("input", "button") else tag
        kind = {
            "select": "choice", "radio": "choice", "checkbox": "check", "submit": "button", "hidden": "hidden",
            "textarea": "textarea", "file": "file", "password": "password", "button": "button",
        }.get(kind, "text")  # fmt: skip
        if tag == "button":
            kind = "button"
        one = form.fields.setdefault(name, Field(name, kind))
        if tag in ("select", "textarea"):
            self._choice, self._text = (one, None) if tag == "select" else (None, one)
        elif kind in ("check", "button") or told.get("type") == "radio":
            one.options.append(told.get("value", "on"))
            if "checked" in told:
                one.value = told.get("value", "on")
        else:
            one.value = told.get("value", "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._text is not None:
            self._text.value += data
        if self._error:
            self.errors[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if self._error and tag not in ("input", "br", "img", "use"):
            self._error -= 1
        if tag == "form":
            self._open = None
        if tag in ("select", "textarea"):
            self._choice = self._text = None

    def _adopt(self) -> None:
        """What a script sends in a form's place has the fields of the form that it includes."""
        for action, included in self._swaps:
            source = next((one for one in self.forms if one.name and one.name == included), None)
            self.forms.append(Form(self.actor, action, dict(source.fields) if source else {}, swapped=True))
        for form in self.forms:
            form.fields.pop("csrfmiddlewaretoken", None)
