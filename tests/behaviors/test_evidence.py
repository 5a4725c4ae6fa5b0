"""Photos: recognised by content, measured before decoding, made anew, kept once (T46, Q7)."""

import datetime as dt
import io
import os
import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from PIL import Image

from behaviors import evidence
from behaviors.constants import PHOTO_BYTES_PER_DAY, PHOTOS_PER_DAY
from behaviors.errors import BadPicture, PictureUsed, TooManyPhotos
from behaviors.models import BehaviorRecord, DeedKey, Evidence, PhotoDay
from behaviors.services import cancel_record
from carbon_portal.kernel import scope
from carbon_portal.kernel.errors import ServiceUnavailable
from tests.behaviors.cast import NOON, library, picture, resident, ride

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def uploads(db, settings, tmp_path):
    library("metro_trip")
    settings.MEDIA_ROOT = tmp_path / "uploads"
    return settings.MEDIA_ROOT


@pytest.fixture
def alice(db):
    return resident("Alice")


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def upload(stream, name="photo.jpg"):
    return SimpleUploadedFile(name, stream.read() if hasattr(stream, "read") else stream)


def png_header(width, height):
    """A PNG that claims a size and holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def gps_exif():
    exif = Image.Exif()
    exif[0x010E] = "SECRET-DESCRIPTION"
    exif[0x0112] = 6  # rotated by 90 degrees
    exif.get_ifd(0x8825).update({1: "N", 2: (23.0, 7.0, 30.0), 3: "E", 4: (113.0, 15.0, 0.0)})
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_stored_once_under_a_random_name_by_month(alice, uploads, kind):
    record = ride(alice, photo=upload(picture(kind), "../../我的.php"))
    (path,) = files(uploads)
    row = Evidence.objects.get()
    assert (row.record_id, row.record_on, row.region) == (record.id, record.occurred_on, "440106")
    assert path.relative_to(uploads).as_posix() == row.path
    assert row.path.startswith("2026-11/")
    assert len(path.stem) == 32
    assert path.suffix == ".jpg"
    assert path.stat().st_mode & 0o777 == 0o600
    assert row.bytes == path.stat().st_size
    import hashlib

    assert hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256
    with Image.open(path) as stored:
        assert stored.format == "JPEG"
        assert stored.size == (64, 48)


def test_no_metadata_survives_and_the_picture_stays_upright(alice, uploads):
    stream = picture("JPEG", exif=gps_exif(), comment=b"SECRET-COMMENT", icc_profile=b"SECRET-ICC" * 20)
    assert b"SECRET-COMMENT" in stream.getvalue()
    ride(alice, photo=upload(stream))
    (path,) = files(uploads)
    content = path.read_bytes()
    assert b"SECRET" not in content
    assert b"Exif" not in content
    with Image.open(path) as stored:
        assert not stored.getexif()
        assert stored.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert stored.size == (48, 64)


def test_text_chunks_and_transparency_of_a_png_are_gone(alice, uploads):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Location", "SECRET-PLACE")
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (10, 20, 30, 100)).save(out, "PNG", pnginfo=info)
    ride(alice, photo=upload(out.getvalue()))
    (path,) = files(uploads)
    assert b"SECRET" not in path.read_bytes()


JPEG = picture("JPEG").getvalue()
PNG = picture("PNG").getvalue()
HOSTILE = {
    "empty": b"",
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "xml": b'<?xml version="1.0"?><svg/>',
    "pdf": b"%PDF-1.7\n1 0 obj",
    "gif": b"GIF89a" + b"\0" * 100,
    "bmp": b"BM" + b"\0" * 100,
    "tiff": b"II*\0" + b"\0" * 100,
    "ico": b"\0\0\1\0" + b"\0" * 100,
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "eicar-like": rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$TEST-FILE!$H+H*",
    "php": b"<?php system($_GET[0]); ?>",
    "elf": b"\x7fELF" + b"\0" * 100,
    "text": b"hello",
    "nul": b"\0" * 100,
    "jpeg magic alone": b"\xff\xd8\xff\xe0",
    "jpeg cut": JPEG[: len(JPEG) // 2],
    "jpeg head with html": b"\xff\xd8\xff\xe0<script>alert(1)</script>",
    "png magic alone": b"\x89PNG\r\n\x1a\n",
    "png cut": PNG[:40],
    "png flood 9000": png_header(9_000, 9_000),
    "png flood 20000": png_header(20_000, 20_000),
    "png flood 2^31": png_header(2**31 - 1, 2**31 - 1),
    "png of no size": png_header(0, 0),
    "png lying size": png_header(200, 200),
    "webp magic alone": b"RIFF\x10\0\0\0WEBPVP8 ",
    "webp liar": b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 60,
    "avif": b"\0\0\0\x20ftypavif" + b"\0" * 60,
    "heic": b"\0\0\0\x20ftypheic" + b"\0" * 60,
    "postscript": b"%!PS-Adobe-3.0\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_nothing_is_kept(alice, uploads, name):
    with pytest.raises(BadPicture) as refused:
        ride(alice, photo=upload(HOSTILE[name], "photo.jpg") if HOSTILE[name] else io.BytesIO())
    assert refused.value.data["field"] == "photo"
    assert refused.value.detail.endswith("。")
    assert not files(uploads)
    assert not BehaviorRecord.objects.exists()
    assert not DeedKey.objects.exists()


@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\x03\x04" + b"x" * 50, b"<?php system(1) ?>"])
def test_a_polyglot_loses_its_other_half(alice, uploads, tail):
    ride(alice, photo=upload(picture("JPEG", comment=tail).getvalue() + tail))
    (path,) = files(uploads)
    assert tail not in path.read_bytes()
    assert b"script" not in path.read_bytes()


def test_more_than_ten_megabytes_are_refused(alice, settings):
    settings.EVIDENCE_MAX_BYTES = 1000
    with pytest.raises(BadPicture, match="larger than"):
        ride(alice, photo=upload(JPEG + b"\0" * 1000))


def test_a_flood_of_pixels_is_refused_before_it_is_decoded():
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadPicture, match="too many pixels"):
        evidence.read(io.BytesIO(png_header(9_000, 9_000)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB; decoded it would be 243 MB


def test_a_picture_counts_once_in_the_province(alice, uploads):
    content = picture().getvalue()
    ride(alice, photo=upload(content))
    with pytest.raises(PictureUsed) as refused:
        ride(resident("Bob", "442000"), photo=upload(content), region="442000")
    assert "2026-11-21" in refused.value.detail
    assert BehaviorRecord.objects.count() == 1
    assert len(files(uploads)) == 1


def test_a_double_press_with_a_photo_keeps_one_file(alice, uploads):
    content = picture().getvalue()
    first, again = ride(alice, key="k", photo=upload(content)), ride(alice, key="k", photo=upload(content))
    assert first.id == again.id
    assert len(files(uploads)) == Evidence.objects.count() == 1


def test_the_picture_of_a_cancelled_record_may_serve_its_owner_again(alice):
    content = picture().getvalue()
    mistaken = ride(alice, photo=upload(content))
    cancel_record(record=mistaken, person=alice.person, at=NOON)
    with pytest.raises(PictureUsed):
        ride(resident("Bob"), photo=upload(content))
    record = ride(alice, photo=upload(content))
    assert Evidence.objects.get().record_id == record.id


def test_a_duplicate_keeps_no_picture(alice, uploads):
    ride(alice, start=8)
    ride(alice, start=8, photo=upload(picture()))
    assert not files(uploads)
    assert not Evidence.objects.exists()


def test_a_full_disk_leaves_neither_row_nor_half_file(alice, uploads, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(ServiceUnavailable):
        ride(alice, photo=upload(picture()))
    monkeypatch.undo()
    assert not files(uploads)
    assert not BehaviorRecord.objects.exists()


def test_a_path_never_leads_out_of_the_uploads():
    with pytest.raises(FileNotFoundError):
        evidence.path_of(Evidence(path="../../etc/passwd"))


# -- a day's photos of one person --------------------------------------------------------------------------------------


def another(participant, hour, **changes):
    """A trip of its own with a picture of its own."""
    return ride(participant, start=hour, photo=upload(picture("PNG")), **changes)


def counted(participant):
    """(files, bytes) of each day of this account's person."""
    with scope.admitting(participant.person_id):
        return list(PhotoDay.objects.order_by("day").values_list("files", "bytes"))


def test_a_person_stores_so_many_photos_a_day_and_no_more(alice, uploads, monkeypatch):
    monkeypatch.setattr(evidence, "PHOTOS_PER_DAY", 2)
    another(alice, 1)
    another(alice, 2)
    with pytest.raises(TooManyPhotos) as refused:
        another(alice, 3)
    assert (refused.value.http_status, refused.value.data["field"]) == (429, "photo")
    assert "每人每天最多存 2 张照片、共 150 MB" in refused.value.detail
    assert "Submit without a photo, or attach it tomorrow." in refused.value.detail_en
    assert len(files(uploads)) == Evidence.objects.count() == BehaviorRecord.objects.count() == 2
    ride(alice, start=3)  # without one
    another(bob := resident("Bob"), 3)  # another person's day
    another(alice, 4, at=NOON + dt.timedelta(days=1))
    assert [[files for files, _size in counted(one)] for one in (alice, bob)] == [[2, 1], [1]]


def test_what_a_person_enters_for_the_family_counts_as_theirs(alice, monkeypatch):
    monkeypatch.setattr(evidence, "PHOTOS_PER_DAY", 1)
    another(alice, 1)
    with pytest.raises(TooManyPhotos):
        another(resident("Bob"), 2, person=alice.person)


def test_the_bytes_of_a_day_are_limited_too_and_a_photo_that_is_not_kept_counts_nothing(alice, monkeypatch):
    content = picture("PNG").getvalue()
    another(alice, 1)
    ride(alice, start=1, photo=upload(content))  # the same trip again: no picture is kept
    (size,) = Evidence.objects.values_list("bytes", flat=True)
    assert counted(alice) == [(1, size)]
    monkeypatch.setattr(evidence, "PHOTO_BYTES_PER_DAY", 2 * size - 1)
    with pytest.raises(TooManyPhotos):
        ride(alice, start=2, photo=upload(content))
    monkeypatch.setattr(evidence, "PHOTO_BYTES_PER_DAY", 10 * size)
    ride(alice, start=2, photo=upload(content))


def test_a_photo_of_a_record_that_was_taken_back_still_lies_there_and_counts(alice):
    content = picture().getvalue()
    cancel_record(record=ride(alice, photo=upload(content)), person=alice.person, at=NOON)
    ride(alice, photo=upload(content))  # the same file serves again
    assert [files for files, _size in counted(alice)] == [1]


def test_the_database_holds_the_limit_by_itself(alice):
    another(alice, 1)
    with scope.admitting(alice.person_id):
        for field, most in (("files", PHOTOS_PER_DAY), ("bytes", PHOTO_BYTES_PER_DAY)):
            assert PhotoDay.objects.update(**{field: most}) == 1
            with pytest.raises(IntegrityError, match="photo_day_limited"), transaction.atomic():
                PhotoDay.objects.update(**{field: most + 1})
