"""What is vendored is what vendor.json says, with a licence beside it and no address of a package registry in it."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
LIBRARIES = json.loads((STATIC / "vendor" / "vendor.json").read_text(encoding="utf-8"))["libraries"]
LICENCE_WORDS = {
    "0BSD": "Zero-Clause BSD",
    "Apache-2.0": "Apache License",
    "OFL-1.1": "SIL Open Font License",
    "ISC": "ISC License",
}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library["folder"])
def test_files_match_their_recorded_hash(library):
    recorded = library["files"]
    present = {path.relative_to(STATIC).as_posix() for path in (STATIC / "vendor" / library["folder"]).rglob("*")}
    assert present <= recorded.keys(), "a file that vendor.json does not know"
    for name, expected in recorded.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == expected, name


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library["folder"])
def test_licence_stands_beside_the_files(library):
    text = (STATIC / "vendor" / library["folder"] / "LICENSE").read_text(encoding="utf-8")
    assert LICENCE_WORDS[library["license"]] in text
    assert re.fullmatch(r"\d+\.\d+\.\d+", library["version"])


def test_no_folder_is_unrecorded():
    folders = {path.name for path in (STATIC / "vendor").iterdir() if path.is_dir()}
    assert folders == {library["folder"] for library in LIBRARIES}


def test_map_is_the_labelled_schematic_of_twenty_one_cities():
    folder = STATIC / "vendor" / "map-guangdong"
    features = json.loads((folder / "guangdong.json").read_text(encoding="utf-8"))["features"]
    codes = {feature["properties"]["adcode"] for feature in features}
    assert len(features) == len(codes) == 21
    assert "不作划界依据" in (folder / "NOTICE").read_text(encoding="utf-8")


def test_no_registry_host_is_recorded():
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_templates_use_only_icons_of_the_sprite():
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "img" / "icons.svg").read_text(encoding="utf-8")))
    used = {}
    for path in (ROOT / "templates").rglob("*.html"):
        for name in re.findall(r'{% icon "([^"]+)"|\bicon="([^"]+)"', path.read_text(encoding="utf-8")):
            used[name[0] or name[1]] = path.name
    assert used, "the templates use icons"
    assert {name: file for name, file in used.items() if name not in sprite} == {}
