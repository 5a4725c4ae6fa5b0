"""Photos: recognised by content, measured before they are decoded, made anew without metadata, kept once (T46, Q7).

The stored file lies under MEDIA_ROOT by month with a random name; only an authorising view sends it.
"""

import datetime as dt
import hashlib
import os
import secrets
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from PIL import Image

from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.errors import ServiceUnavailable
from carbon_portal.kernel.faults import crash_point

from .constants import PHOTO_BYTES_PER_DAY, PHOTOS_PER_DAY, RecordState
from .errors import BadPicture, PictureUsed, TooManyPhotos
from .models import BehaviorRecord, Evidence
from .picture_child import TOO_MANY, WEBP_PIXELS

# What the bytes begin with, never what the name or the sender says.
_SIGNATURES = (
    ("JPEG", lambda head: head.startswith(b"\xff\xd8\xff")),
    ("PNG", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ("WEBP", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
)
_CHILD = Path(__file__).with_name("picture_child.py")
_SECONDS = 60  # its processor time is limited by itself; this is for a machine that gives it none
Image.MAX_IMAGE_PIXELS = settings.EVIDENCE_MAX_PIXELS  # a second line of defence for whoever opens an image


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo made anew: pixels only. `original_sha256` is of the bytes as they came."""

    original_sha256: str
    content: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read(stream: IO[bytes]) -> Picture:
    """The photo without metadata, as JPEG. Errors: BadPicture; nothing is written.

    A process of its own decodes it within limits of memory and time, and reads the size from the header first, so a
    small file that unpacks to gigapixels is refused before it is decoded.
    """
    original = _bytes(stream)
    kind = next((name for name, fits in _SIGNATURES if fits(original[:16])), None)
    if kind is None:
        raise BadPicture(
            "照片须为 JPEG、PNG 或 WebP 格式。请重新拍照，或把文件另存为 JPEG 后再上传。",
            "The photo must be JPEG, PNG or WebP. Take it again, or save it as JPEG and upload that.",
        )
    content = _remade(original, kind)
    return Picture(hashlib.sha256(original).hexdigest(), content, "image/jpeg")


def keep(picture: Picture, *, record: BehaviorRecord, at: dt.datetime) -> Evidence:
    """Write the file and its row; call inside the record's transaction.

    Errors: PictureUsed, TooManyPhotos, ServiceUnavailable.

    File first (temp, fsync, rename), row second: a crash in between leaves a file without a row, which the nightly
    comparison removes, never a row without a file. A picture of a record that its owner took back may serve again.
    """
    used = _of_picture(picture)
    if used is not None:
        return _reuse(used, record)
    if record.person_id is not None and not take_room(record.person_id, clock.local_date(at), len(picture.content)):
        raise TooManyPhotos(field="photo", limit=PHOTOS_PER_DAY, megabytes=PHOTO_BYTES_PER_DAY // 1024 // 1024)
    relative = f"{clock.local_date(at):%Y-%m}/{secrets.token_hex(16)}.jpg"
    path = Path(settings.MEDIA_ROOT) / relative
    try:
        _write(path, picture.content)
    except OSError as error:  # a full disk is a delay for the resident, not a lost record
        raise ServiceUnavailable from error
    crash_point("evidence:stored")
    try:
        with transaction.atomic():
            return Evidence.objects.create(
                record_id=record.pk,
                record_on=record.occurred_on,
                region=record.region,
                original_sha256=picture.original_sha256,
                sha256=picture.sha256,
                path=relative,
                media_type=picture.media_type,
                bytes=len(picture.content),
                created_at=at,
            )
    except IntegrityError as error:
        path.unlink(missing_ok=True)
        twin = _of_picture(picture)
        raise PictureUsed(received=clock.local_date(twin.created_at if twin else at).isoformat()) from error


_TAKE_ROOM = """
    INSERT INTO behaviors_photoday AS today (person_id, day, files, bytes) VALUES (%s, %s, 1, %s)
    ON CONFLICT (person_id, day) DO UPDATE SET files = today.files + 1, bytes = today.bytes + EXCLUDED.bytes
     WHERE today.files < %s AND today.bytes + EXCLUDED.bytes <= %s
"""


def take_room(person: uuid.UUID, day: dt.date, size: int) -> bool:
    """Count one more photo of this person's day, if there is room for it.

    Conditional and relative: uploads at once wait for one another at the row, and none passes the limit. What is
    refused later takes its count back with the transaction.
    """
    with scope.admitting(person), connection.cursor() as cursor:
        cursor.execute(_TAKE_ROOM, [person, day, size, PHOTOS_PER_DAY, PHOTO_BYTES_PER_DAY])
        return bool(cursor.rowcount)


def _of_picture(picture: Picture) -> Evidence | None:
    """The row of these very bytes, whoever sent them first: who asks holds the picture."""
    with scope.admitting(picture.original_sha256):
        return Evidence.objects.filter(original_sha256=picture.original_sha256).first()


def path_of(evidence: Evidence) -> Path:
    """Where the file lies; the row's path never leaves MEDIA_ROOT."""
    root = Path(settings.MEDIA_ROOT).resolve()
    path = (root / evidence.path).resolve()
    if not path.is_relative_to(root):
        raise FileNotFoundError(evidence.path)
    return path


def _reuse(found: Evidence, record: BehaviorRecord) -> Evidence:
    refusal = PictureUsed(received=clock.local_date(found.created_at).isoformat())
    used = Evidence.objects.select_for_update().filter(pk=found.pk).first()
    if used is None:  # another person's: seen by its content, not theirs to lock
        raise refusal
    before = BehaviorRecord.objects.filter(id=used.record_id, occurred_on=used.record_on).first()
    mistaken = before is not None and before.state == RecordState.REVERSED
    if before is None or not mistaken or before.participant_id != record.participant_id:
        raise refusal
    used.record_id, used.record_on, used.region = record.pk, record.occurred_on, record.region
    used.save(update_fields=["record_id", "record_on", "region"])
    return used


def _bytes(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    original = stream.read(settings.EVIDENCE_MAX_BYTES + 1)
    if not original:
        raise BadPicture("这个照片文件是空的（0 字节）。请重新选择。", "The photo file is empty. Choose it again.")
    if len(original) > settings.EVIDENCE_MAX_BYTES:
        limit = settings.EVIDENCE_MAX_BYTES // 1024 // 1024
        raise BadPicture(
            f"照片超过 {limit} MB。请压缩或重新拍一张后再上传。",
            f"The photo is larger than {limit} MB. Make it smaller or take it again.",
        )
    return original


def _remade(original: bytes, kind: str) -> bytes:
    command = [sys.executable, "-I", str(_CHILD), kind, str(settings.EVIDENCE_MAX_PIXELS)]
    try:
        done = subprocess.run(command, input=original, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise _damaged() from error
    if done.returncode == TOO_MANY:
        raise _too_many_pixels(done.stderr.decode(), kind)
    if done.returncode != 0 or not done.stdout:
        raise _damaged()
    return done.stdout


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _too_many_pixels(size: str, kind: str) -> BadPicture:
    most = min(settings.EVIDENCE_MAX_PIXELS, WEBP_PIXELS) if kind == "WEBP" else settings.EVIDENCE_MAX_PIXELS
    million = most // 1_000_000
    return BadPicture(
        f"照片像素太多{size and f'（{size}）'}，最多 {million} 百万像素。请在手机上缩小后再上传。",
        f"The photo has too many pixels{size and f' ({size})'}; at most {million} million."
        " Make it smaller and upload it again.",
    )


def _damaged() -> BadPicture:
    return BadPicture(
        "照片文件已损坏，无法打开。请重新拍照或换一张后再上传。",
        "The photo is damaged and can't be opened. Take it again or choose another.",
    )
