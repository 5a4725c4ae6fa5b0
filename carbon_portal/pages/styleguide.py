"""The gallery of components, for whoever writes a page. Sample figures, so it exists in the demo alone."""

from typing import Any

import segno
from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from carbon_portal.kernel import regions


class SampleForm(forms.Form):
    """One field of every kind that form_field.html draws."""

    mode = forms.ChoiceField(
        label="出行方式", choices=[("walk", "步行"), ("bus", "公交"), ("metro", "地铁")], widget=forms.RadioSelect
    )
    distance = forms.CharField(label="里程", help_text="按地图上的路程填写，最多两位小数。")
    day = forms.DateField(label="日期", widget=forms.DateInput(attrs={"type": "date"}))
    photo = forms.FileField(label="照片", required=False)
    note = forms.CharField(label="备注", widget=forms.Textarea, required=False)
    scenes = forms.MultipleChoiceField(
        label="授权场景", choices=[("m", "地铁乘车记录"), ("e", "家庭用电量")], widget=forms.CheckboxSelectMultiple
    )
    agree = forms.BooleanField(label="我已阅读并同意服务条款")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mode"].icons = {"walk": "footprints", "bus": "bus", "metro": "train-front"}  # type: ignore[attr-defined]
        self.fields["distance"].unit = "公里"  # type: ignore[attr-defined]
        self.fields["distance"].widget.attrs["inputmode"] = "decimal"


def _figures() -> dict[str, Any]:
    """Sample values by city and month, marked as samples on the page."""
    cities = [
        {"code": city.code, "name": city.name, "value": 9_000 // place, "href": "#"}
        for place, city in enumerate(regions.cities(), start=1)
    ]
    months = [f"{month}月" for month in range(1, 12)]
    series = [{"name": name, "data": [base + month * 20 for month in range(11)]} for name, base in _SECTORS]
    columns = [{"label": "月份"}, *({"label": name, "num": True} for name, _ in _SECTORS)]
    rows = [[month, *(part["data"][place] for part in series)] for place, month in enumerate(months)]
    city_rows = [[{"text": city["name"], "href": "#"}, city["value"]] for city in cities]
    return {
        "map_data": {"items": cities, "bounds": [500, 1000, 2000, 4000], "unit": "吨"},
        "city_columns": [{"label": "城市"}, {"label": "减碳量（吨）", "num": True}],
        "city_rows": city_rows,
        "top_data": {"items": cities[:6], "unit": "吨"},
        "top_rows": city_rows[:6],
        "trend_data": {"categories": months, "series": series, "unit": "吨"},
        "trend_columns": columns,
        "trend_rows": rows,
        "tiles": [
            {**city, "number": city["value"], "band": band}
            for city, band in zip(cities, [5, 4, 4, 3, 3, 2, 2, 2, *[1] * 13], strict=True)
        ],
    }


_SECTORS = (("公共交通", 1_420), ("步行骑行", 620), ("节水节电", 380), ("旧物回收", 240))


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component once; `?errors=1` shows the form refused."""
    if not settings.DEMO:
        raise Http404
    context: dict[str, Any] = {
        "form": SampleForm({"mode": "metro", "distance": "abc"}) if "errors" in request.GET else SampleForm(),
        "stats": [
            {"label": "累计减排", "number": "128.6", "unit": "千克 CO₂e"},
            {"label": "本月减排", "number": "14.2", "unit": "千克"},
            {"label": "本月出行", "number": "21", "unit": "次"},
        ],
        "steps": [
            {"title": "已收到", "state": "done", "time": "11月21日 08:12"},
            {"title": "暂算", "state": "now", "text": "2.42 千克，更正期到 11月24日。"},
            {"title": "终算", "state": "todo"},
        ],
        "stages": ["填写", "核对", "完成"],
        "ranges": [{"label": "本月", "href": "#"}, {"label": "本年", "href": "#", "active": True}],
        "facts": [
            {"label": "方法学", "value": "地铁出行 第 1 版", "href": "#"},
            {"label": "里程", "value": "12.4 公里"},
        ],
        # Our own fixed text: nothing a person wrote reaches this SVG.
        "svg": mark_safe(segno.make("48217730").svg_inline(border=0, omitsize=True)),  # noqa: S308
        **_figures(),
    }
    return render(request, "pages/styleguide.html", context)
