"""Display of value, time and icons in templates. Exact integer arithmetic throughout: nothing here makes a float.

Figures shortened for display are cut towards zero, never rounded up, so a page does not show more than was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django import template
from django.forms import BoundField
from django.template.base import Parser, Token
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from carbon_portal.kernel.clock import LOCAL_ZONE

register = template.Library()

MINUS = "\N{MINUS SIGN}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Figure(NamedTuple):
    """A number ready for display and the unit that belongs to it."""

    number: str
    unit: str

    def __str__(self) -> str:
        return f"{self.number} {self.unit}" if self.unit else self.number


def _whole(value: object) -> int:
    """Accepts what may hold value: an int, or the digits of one. A float or a bool is a programming error."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"a quantity must be a whole number, not {type(value).__name__}")
    return int(value)


def _scaled(value: int, exponent: int, places: int | None) -> str:
    """`value` divided by ten to the `exponent`, thousands separated, exact or cut to `places`; no trailing zeros."""
    whole, rest = divmod(abs(value), 10**exponent)
    digits = str(rest).zfill(exponent) if exponent else ""
    if places is not None:
        digits = digits[:places]
    digits = digits.rstrip("0")
    shown_is_zero = whole == 0 and not digits
    sign = MINUS if value < 0 and not shown_is_zero else ""
    return f"{sign}{whole:,}" + (f".{digits}" if digits else "")


def _english() -> bool:
    return (get_language() or "").startswith("en")


def mass(value_g: object, places: int | None = None) -> Figure:
    """Grams as 克 under 1 000, 千克 under 1 000 000, else 吨; exact unless `places` cuts the decimals."""
    grams_g = _whole(value_g)
    if abs(grams_g) < 1_000:
        return Figure(_scaled(grams_g, 0, None), _("克"))
    if abs(grams_g) < 1_000_000:
        return Figure(_scaled(grams_g, 3, places), _("千克"))
    return Figure(_scaled(grams_g, 6, places), _("吨"))


def _places(argument: object) -> int | None:
    return None if argument in (None, "") else int(str(argument))


@register.filter
def grams(value_g: object, places: object = None) -> str:
    """`{{ record.reduction_g|grams }}` → 2.42 千克, exact; `|grams:1` cuts to one decimal. None shows a dash."""
    return "–" if value_g is None else str(mass(value_g, _places(places)))


@register.simple_tag
def grams_parts(value_g: object, places: int | None = None) -> Figure:
    """`{% grams_parts total_g 1 as total %}{{ total.number }} {{ total.unit }}`, for kpi and hero."""
    return mass(value_g or 0, places)


@register.filter
def points(value_points: object, sign: str = "") -> str:
    """Whole points with thousands separators; `|points:"+"` writes the sign of a gain as well."""
    if value_points is None:
        return "–"
    number = _whole(value_points)
    return ("+" if sign and number > 0 else "") + _scaled(number, 0, None)


@register.filter
def count(value: object) -> str:
    """A whole number with thousands separators."""
    return "–" if value is None else _scaled(_whole(value), 0, None)


@register.simple_tag
def count_parts(value: object, places: int = 2) -> Figure:
    """Large counts for dashboards: 万 and 亿 in Chinese, thousand separators alone under 10 000 and in English."""
    number = _whole(value or 0)
    if _english() or abs(number) < 10_000:
        return Figure(_scaled(number, 0, None), "")
    if abs(number) < 100_000_000:
        return Figure(_scaled(number, 4, places), "万")
    return Figure(_scaled(number, 8, places), "亿")


@register.filter
def fen(value_fen: object) -> str:
    """Fen as yuan with two decimals: 1234 → ¥12.34."""
    if value_fen is None:
        return "–"
    number = _whole(value_fen)
    yuan, cents = divmod(abs(number), 100)
    return f"{MINUS if number < 0 else ''}¥{yuan:,}.{cents:02d}"


@register.simple_tag
def share(part: object, whole: object) -> str:
    """`part` of `whole` in per cent with one decimal, cut; a dash where there is nothing to divide by."""
    total = _whole(whole or 0)
    return "–" if total == 0 else _scaled(_whole(part or 0) * 1000 // total, 1, 1) + "%"


@register.filter
def digits(code: object) -> str:
    """Eight digits in two groups, as they are read aloud: 48217730 → 4821 7730."""
    text = str(code or "")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _moment(value: object) -> date | None:
    if isinstance(value, str):
        return parse_datetime(value) or parse_date(value)
    return value if isinstance(value, date) else None


def _shanghai(value: object) -> date | None:
    """A time is moved to Shanghai; a date has no zone and stays what it is."""
    moment = _moment(value)
    if isinstance(moment, datetime):
        aware = moment if timezone.is_aware(moment) else moment.replace(tzinfo=LOCAL_ZONE)
        return aware.astimezone(LOCAL_ZONE)
    return moment


@register.filter
def local_date(value: object, style: str = "long") -> str:
    """2026年11月21日 or 21 Nov 2026; `|local_date:"short"` leaves the year out; `"iso"` is 2026-11-21."""
    day = _shanghai(value)
    if day is None:
        return "–"
    if style == "iso":
        return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"
    if _english():
        text = f"{day.day} {_MONTHS[day.month - 1]}"
        return text if style == "short" else f"{text} {day.year}"
    text = f"{day.month}月{day.day}日"
    return text if style == "short" else f"{day.year}年{text}"


@register.filter
def local_month(value: object) -> str:
    """2026年11月 or Nov 2026."""
    day = _shanghai(value)
    if day is None:
        return "–"
    return f"{_MONTHS[day.month - 1]} {day.year}" if _english() else f"{day.year}年{day.month}月"


@register.filter
def local_time(value: object, style: str = "minutes") -> str:
    """The hour and minute in Shanghai, 24 h; `|local_time:"seconds"` adds the seconds."""
    moment = _shanghai(value)
    if not isinstance(moment, datetime):
        return "–"
    text = f"{moment.hour:02d}:{moment.minute:02d}"
    return f"{text}:{moment.second:02d}" if style == "seconds" else text


@register.filter
def local_datetime(value: object, style: str = "long") -> str:
    """Date and time in Shanghai."""
    moment = _shanghai(value)
    return (
        f"{local_date(value, style)} {local_time(value)}" if isinstance(moment, datetime) else local_date(value, style)
    )


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """`{% icon "leaf" %}`: a symbol of static/img/icons.svg, hidden from readers unless it gets a `label`."""
    url = static("img/icons.svg")
    if label:
        return format_html('<svg class="i" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, url, name)
    return format_html('<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>', url, name)


class CaptureNode(template.Node):
    """Renders what stands between the tags into a variable, so that a layout can compare what a block says."""

    def __init__(self, nodelist: template.NodeList, name: str) -> None:
        self.nodelist = nodelist
        self.name = name

    def render(self, context: template.Context) -> str:
        context[self.name] = self.nodelist.render(context).strip()
        return ""


@register.tag
def capture(parser: Parser, token: Token) -> CaptureNode:
    """`{% capture tab %}{% block tab %}{% endblock %}{% endcapture %}`."""
    parts = token.split_contents()
    if len(parts) != 2:
        raise template.TemplateSyntaxError("capture takes one variable name")
    nodelist = parser.parse(("endcapture",))
    parser.delete_first_token()
    return CaptureNode(nodelist, parts[1])


@register.filter
def get_item(mapping: Mapping[Any, Any] | None, key: object) -> object:
    """A dictionary's entry by a variable key; empty when it is absent."""
    return "" if mapping is None else mapping.get(key, "")


@register.filter
def unit_of(field: BoundField) -> object:
    """The unit a form field declares: `field.unit`, or the widget's `data-unit`."""
    return getattr(field.field, "unit", "") or field.field.widget.attrs.get("data-unit", "")


@register.filter
def field_kind(field: BoundField) -> str:
    """How form_field.html draws a widget: hidden, tiles, choice, check, textarea, select, file or input."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    input_type = getattr(widget, "input_type", "")
    if input_type in ("radio", "checkbox"):
        if input_type == "radio" and getattr(field.field, "icons", None):
            return "tiles"
        return "choice" if widget.use_fieldset else "check"
    return input_type if input_type in ("select", "file") else "textarea" if not input_type else "input"


@register.filter
def pairs(
    rows: Iterable[Iterable[object]], columns: Iterable[Mapping[str, object]]
) -> list[list[tuple[object, object]]]:
    """Rows of cells joined with their columns, for _partials/table.html."""
    heads = list(columns)
    return [list(zip(heads, row, strict=True)) for row in rows]


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: object) -> str:
    """The present query string with some parameters changed (None removes one): `href="{% query page=2 %}"`."""
    request = context.get("request")
    params = request.GET.copy() if request is not None else {}
    for key, value in changes.items():
        if value is None:
            params.pop(key, None)
        else:
            params[key] = str(value)
    encoded = params.urlencode() if hasattr(params, "urlencode") else "&".join(f"{k}={v}" for k, v in params.items())
    return f"?{encoded}"


@register.filter
def list_comma(items: Iterable[object]) -> str:
    """Items joined as the language does: 甲、乙 or A, B."""
    return pgettext("list separator", "、").join(str(item) for item in items)
