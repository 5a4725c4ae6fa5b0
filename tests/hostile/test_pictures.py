"""Photos by people who mean harm (B25, T46): refused in words, or made anew; the decoder within its memory."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from behaviors import evidence, picture_child
from behaviors.errors import BadPicture
from behaviors.models import BehaviorRecord, Evidence
from carbon_portal.kernel import clock
from tests.hostile.pictures import CLEANED, EICAR, REFUSED, SCRIPT, SECRET, mutated, picture
from tests.security.world import browser, build_world

SEED = int(os.environ.get("API_SEED") or 20261122)
ROUNDS = int(os.environ.get("HOSTILE_FILES") or 24)
LIMIT_KB = 300 * 1024
CHILD = Path(picture_child.__file__)


def test_there_are_enough_of_them() -> None:
    assert len(REFUSED) + len(CLEANED) >= 80


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_is_refused_in_words(name: str) -> None:
    with pytest.raises(BadPicture) as refused:
        evidence.read(io.BytesIO(REFUSED[name]()))
    assert refused.value.detail.endswith("。")
    assert refused.value.detail_en.isascii() or "×" in refused.value.detail_en


def clean(content: bytes) -> None:
    """A plain JPEG without a tag, a word or a byte of what else was in the file."""
    with Image.open(io.BytesIO(content)) as kept:
        assert kept.format == "JPEG"
        assert kept.mode == "RGB"
        assert not kept.getexif()
        assert kept.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for left in (SECRET, SCRIPT, EICAR, b"Exif", b"ICC_PROFILE", b"http", b"PK\x03\x04", b"<script", b"<?php"):
        assert left not in content
    assert content.endswith(b"\xff\xd9")


@pytest.mark.parametrize("name", CLEANED)
def test_what_is_kept_is_the_picture_alone(name: str) -> None:
    try:
        clean(evidence.read(io.BytesIO(CLEANED[name]())).content)
    except BadPicture:  # refusing a broken or bloated one is as good, but not an honest photo
        assert name in {
            "colour profile bomb",
            "broken exif",
            "exif that points at itself",
            "png with 2 000 chunks",
            "png texts",
        }


@pytest.mark.parametrize(
    "name", ["gps", "comments", "xmp", "iptc", "jpeg and html", "jpeg and zip", "jpeg and eicar", "webp with exif"]
)
def test_what_is_left_in_a_photo_is_seen(name: str) -> None:
    """The look at a kept photo can fail: it does at each of these as it was sent."""
    with pytest.raises(AssertionError):
        clean(CLEANED[name]())


def test_damaged_photos_are_refused_or_clean() -> None:
    outcomes = {"kept": 0, "refused": 0}
    for data in mutated(SEED, ROUNDS):
        try:
            clean(evidence.read(io.BytesIO(data)).content)
            outcomes["kept"] += 1
        except BadPicture:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 0, (SEED, outcomes)


PEAK = """
import runpy, sys
sys.argv[0] = {child!r}
try:
    runpy.run_path({child!r}, run_name="__main__")
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    sys.stderr.write("\\n" + peak.split()[1])
"""


def peak_kb(data: bytes, kind: str) -> int:
    """The most memory that the decoder held, by the system's own count."""
    code = PEAK.format(child=str(CHILD))
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, kind, "24000000"], input=data, capture_output=True, timeout=300
    )
    return int(done.stderr.decode().rsplit("\n", 1)[-1])


HEAVY = {
    "largest png": (lambda: picture("PNG", "RGBA", (6000, 4000), compress_level=1), "PNG"),
    "largest progressive jpeg, turned": (lambda: picture(size=(6000, 4000), progressive=True, subsampling=0, exif=_turned()), "JPEG"),
    "largest webp": (lambda: picture("WEBP", "RGBA", (4000, 4000), quality=5, method=0), "WEBP"),
    "png flood": (REFUSED["png 20 000²"], "PNG"),
    "webp above its limit": (lambda: picture("WEBP", "RGB", (6000, 4000), quality=5, method=0), "WEBP"),
}  # fmt: skip


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("name", HEAVY)
def test_no_photo_takes_more_than_300_mb(name: str) -> None:
    make, kind = HEAVY[name]
    assert peak_kb(make(), kind) <= LIMIT_KB


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.d/x.jpg", "x.jpg.php", "x.php\x00.jpg", "..\\..\\x.jpg", "/etc/passwd", "CON.jpg", "x" * 300 + ".jpg",
     "<script>.jpg", "a\r\nX-Injected: 1.jpg", ".htaccess"],
)  # fmt: skip
@pytest.mark.django_db
def test_no_name_leads_anywhere(name: str, tmp_path: Path) -> None:
    world = build_world()
    before = set(tmp_path.rglob("*"))
    form = {"activity": "metro_trip", "participant": str(world.cast.carol_account.pk), "region": "442000"}
    form |= {"day": clock.today().isoformat(), "start": "00:00", "minutes": "1", "input_distance": "0.5"}
    upload = SimpleUploadedFile(name, picture(comment=SCRIPT), "text/html")
    answer = browser(world.cast.carol).post("/records/new", form | {"photo": upload})
    assert answer.status_code in (302, 400, 422)
    new = [path for path in tmp_path.rglob("*") if path.is_file() and path not in before]
    for path in new:
        assert path.suffix == ".jpg"
        assert len(path.stem) == 32
        assert path.stat().st_mode & 0o111 == 0
        clean(path.read_bytes())


@pytest.mark.django_db
def test_a_photo_is_sent_as_a_file_that_runs_nowhere() -> None:
    world = build_world()
    answer = browser(world.cast.alice).get(f"/evidence/{world.evidence.pk}")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.django_db
def test_a_refused_photo_leaves_no_record() -> None:
    world = build_world()
    form = {"activity": "metro_trip", "participant": str(world.cast.carol_account.pk), "region": "442000"}
    form |= {"day": clock.today().isoformat(), "start": "00:00", "minutes": "1", "input_distance": "0.5"}
    page = browser(world.cast.carol)
    for name in ("html", "svg", "eicar", "png lying size", "jpeg 9 000²"):
        upload = SimpleUploadedFile("photo.jpg", REFUSED[name](), "image/jpeg")
        answer = page.post("/records/new", form | {"photo": upload})
        assert answer.status_code == 422, name
    assert not BehaviorRecord.objects.filter(participant=world.cast.carol_account).exists()
    assert Evidence.objects.count() == 1
