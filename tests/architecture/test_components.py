"""Layouts and components keep their promises: strict CSP, labels that reach their fields, errors without context."""

import re
from pathlib import Path

import pytest
from django import forms
from django.template import loader
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
DECLARATIONS = re.compile(r"(--[a-z0-9-]+)\s*:")


class TripForm(forms.Form):
    mode = forms.ChoiceField(label="出行方式", choices=[("bus", "公交"), ("metro", "地铁")], widget=forms.RadioSelect)
    distance = forms.CharField(label="里程", help_text="按路程填写")
    note = forms.CharField(label="备注", required=False, widget=forms.Textarea)
    photo = forms.FileField(label="照片", required=False)
    scenes = forms.MultipleChoiceField(
        label="场景", choices=[("m", "地铁"), ("e", "用电")], widget=forms.CheckboxSelectMultiple
    )
    agree = forms.BooleanField(label="同意条款")
    token = forms.CharField(widget=forms.HiddenInput, required=False)


TripForm.base_fields["mode"].icons = {"bus": "bus", "metro": "train-front"}  # type: ignore[attr-defined]
TripForm.base_fields["distance"].unit = "公里"  # type: ignore[attr-defined]


def rendered(name: str, **context: object) -> str:
    return loader.render_to_string(f"_partials/{name}.html", context)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_templates_hold_nothing_the_content_security_policy_refuses(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<[^>]*\sstyle=", text), "inline style"
    assert not re.search(r"<[^>]*\son[a-z]+=|hx-on|javascript:", text), "inline handler"
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)[^>]*>", text), "inline sheet or script"
    assert not re.search(r"""(?:src|href)=["']https?://""", text), "another host"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_templates_compile(path):
    assert loader.get_template(path.relative_to(ROOT / "templates").as_posix())


def test_every_token_that_is_used_is_declared():
    sheets = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "static" / "css").glob("*.css"))
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "static" / "js").glob("*.js"))
    declared = set(DECLARATIONS.findall(sheets))
    used = set(re.findall(r"var\((--[a-z0-9-]+)", sheets)) | set(re.findall(r'css\("(--[a-z0-9-]+)"\)', scripts))
    assert used
    assert used - declared == set()


def test_every_field_of_a_form_is_labelled_and_its_error_is_linked():
    form = TripForm({"distance": ""})
    html = rendered("form", form=form)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), "an id stands twice"
    targets = re.findall(r'<label for="([^"]+)"', html)
    controls = re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]*\sid="([^"]+)"', html)
    assert sorted(controls) == sorted(targets)
    for described in re.findall(r'aria-describedby="([^"]+)"', html):
        assert set(described.split()) <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', html)) == {"id_mode_0", "id_distance", "id_scenes_0", "id_agree"}
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert html.count("（选填）") == 2
    assert '<span class="unit">公里</span>' in html
    assert "#train-front" in html


def test_what_people_write_is_escaped_in_every_component():
    hostile = "<img src=x>"
    html = (
        rendered("list_row", title=hostile, sub=hostile, amount=hostile, pill=hostile)
        + rendered("notice", title=hostile, text=hostile)
        + rendered("table", columns=[{"label": hostile}], rows=[[hostile]], caption=hostile)
        + rendered("toast", text=hostile)
        + rendered("verdict", title=hostile, text=hostile)
        + rendered("chart_card", id="c", title=hostile, kind="bar", data={"a": hostile}, columns=[], rows=[])
    )
    assert "<img" not in html


def test_a_table_with_a_missing_cell_is_refused():
    with pytest.raises(ValueError, match="zip"):
        rendered("table", columns=[{"label": "a"}, {"label": "b"}], rows=[["1"]])


@pytest.mark.parametrize("name", ["500", "503"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_last_error_pages_need_no_context(name, language):
    with translation.override(language):
        html = loader.get_template(f"errors/{name}.html").render({})
    assert "请" in html
    assert "Try again" in html
    assert "Traceback" not in html


@pytest.mark.parametrize("name", ["400", "403", "404", "413", "429", "csrf"])
def test_error_pages_say_what_to_do_in_both_languages(name, rf, settings):
    html = loader.get_template(f"errors/{name}.html").render({})
    assert 'lang="en"' in html
    assert re.search("请|联系", html)
