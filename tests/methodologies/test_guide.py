"""The verification guide (P2.1-a): versions by date, plain words, old ones reachable, no silent edit, no HTML of a file."""

import datetime as dt
import shutil
from pathlib import Path

import pytest
import yaml
from django.test import Client

from carbon_portal.kernel import clock
from methodologies import guides
from methodologies.services import sync_library


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """The shipped version and a later one."""
    folder = tmp_path / "guide"
    shutil.copytree(guides.FOLDER, folder)
    shutil.copytree(folder / "v1", folder / "v2")
    (folder / "v2" / "sme.md").write_text("# 新的\n\n<script>alert(1)</script>\n\n- 一\n- 二\n", encoding="utf-8")
    listed = yaml.safe_load((folder / "guides.yaml").read_text(encoding="utf-8"))
    later = listed[0] | {"version": "2", "folder": "v2", "in_force_from": dt.date(2027, 1, 1)}
    later["sha256"] = guides.sha256_of(folder / "v2")
    (folder / "guides.yaml").write_text(yaml.safe_dump([later, *listed], allow_unicode=True), encoding="utf-8")
    return folder


def test_the_order_of_dates_says_what_replaces_what(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = guides.guides(two)
    assert [(one.version, one.replaced_by) for one in found] == [("1", "2"), ("2", "")]
    monkeypatch.setattr(guides, "guides", lambda: found)
    days = [dt.date(2026, 10, 31), dt.date(2026, 11, 1), dt.date(2026, 12, 31), dt.date(2027, 1, 1)]
    assert [one.version if (one := guides.guide_on(day)) else None for day in days] == [None, "1", "1", "2"]
    assert found[1].texts["sme"] == (
        guides.Block("heading", ("新的",)),
        guides.Block("paragraph", ("<script>alert(1)</script>",)),
        guides.Block("bullets", ("一", "二")),
    )
    page = Client().get("/guide/2/sme/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    old = Client().get("/guide/1/").content.decode()
    assert 'href="/guide/2/"' in old, "the old one stays and leads on"


def test_an_edited_folder_is_refused(two: Path) -> None:
    with (two / "v1" / "full.md").open("a", encoding="utf-8") as stream:
        stream.write("\n改一个字\n")
    with pytest.raises(guides.GuideChanged, match="v1"):
        guides.guides(two)


def test_the_pages_say_that_the_shipped_text_is_a_sample() -> None:
    for path in ("/guide/1/", "/guide/1/sme/", "/guide/1/residents/"):
        assert "不是官方文件" in Client().get(path).content.decode()
    assert "现行" in Client().get("/guide/").content.decode()
    for path in ("/guide/9/", "/guide/1/nobody/"):
        assert Client().get(path).status_code == 404


def test_a_methodology_names_the_guide_it_meets(db: None) -> None:
    sync_library(at=clock.now())
    page = Client().get("/methodologies/GD-METRO-TRIP/1.0/").content.decode()
    assert "符合的核查指南" in page
    assert 'href="/guide/1/"' in page
