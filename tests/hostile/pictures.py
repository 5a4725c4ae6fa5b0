"""Hostile photos, made by code so that none lies in the repository: name to bytes, and what may become of each."""

import io
import random
import struct
import zlib
from collections.abc import Callable

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = b"SECRET-OF-THE-SENDER"
SCRIPT = b"<script>alert(1)</script><?php system($_GET[0]); ?>"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS" + rb"-TEST-FILE!$H+H*"


def picture(kind: str = "JPEG", mode: str = "RGB", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    out = io.BytesIO()
    color = {"RGB": "green", "RGBA": (10, 20, 30, 100), "CMYK": (1, 2, 3, 4), "L": 7, "P": 3, "1": 1}.get(mode, 5)
    Image.new(mode, size, color).save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"\0" * 100, *extra: bytes, depth: int = 8, color: int = 2) -> bytes:
    """A PNG that claims a size and holds these compressed bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + body + chunk(b"IEND", b"")


def flooded_png(side: int) -> bytes:
    """A true picture of side² pixels in a few kilobytes: each row is empty and packs well."""
    pack = zlib.compressobj(9)
    row = b"\0" * (1 + side // 8 + 1)
    packed = b"".join(pack.compress(row) for _ in range(side)) + pack.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG whose frame header was given another size."""
    data = bytearray(picture())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def jpeg_with(*segments: bytes) -> bytes:
    data = picture()
    return data[:2] + b"".join(segments) + data[2:]


def gps() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (23.0, 7.0, 30.0), 3: "E", 4: (113.0, 15.0, 0.0)})
    return exif


def animated(kind: str, frames: int) -> bytes:
    out = io.BytesIO()
    first, *rest = (Image.new("RGB", (32, 32), (number % 256, 0, 0)) for number in range(frames))
    first.save(out, kind, save_all=True, append_images=rest)
    return out.getvalue()


def mpo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(
        out, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48), "blue")]
    )
    return out.getvalue()


def text_png() -> bytes:
    info = PngInfo()
    info.add_text("Location", SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    info.add_text("bomb", "x" * 3_000_000, zip=True)
    return picture("PNG", "RGBA", pnginfo=info)


#: Files that are no photo of ours: refused, nothing kept.
REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\xff",
    "nul": lambda: b"\0" * 5000,
    "text": lambda: b"hello",
    "html": lambda: b"<!DOCTYPE html>" + SCRIPT,
    "html after white space": lambda: b"\r\n\t <html>" + SCRIPT,
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "svg with entity": lambda: (
        b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'
    ),
    "xml": lambda: b'<?xml version="1.0"?><a/>',
    "pdf": lambda: b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript>>>>",
    "postscript": lambda: b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file",
    "eps as jpeg": lambda: b"%!PS\xff\xd8\xff",
    "gif": lambda: b"GIF89a" + b"\0" * 100,
    "gif with script": lambda: b"GIF89a=1;/*" + SCRIPT + b"*/",
    "bmp": lambda: picture("BMP"),
    "tiff": lambda: picture("TIFF"),
    "tiff bomb": lambda: b"II*\0" + struct.pack("<I", 8) + b"\xff" * 200,
    "ico": lambda: b"\0\0\1\0" + b"\0" * 100,
    "cursor": lambda: b"\0\0\2\0" + b"\0" * 100,
    "psd": lambda: b"8BPS\0\1" + b"\0" * 100,
    "jpeg 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 100,
    "avif": lambda: b"\0\0\0\x20ftypavif" + b"\0" * 60,
    "heic": lambda: b"\0\0\0\x20ftypheic" + b"\0" * 60,
    "mp4": lambda: b"\0\0\0\x20ftypisom" + b"\0" * 60,
    "zip": lambda: b"PK\x03\x04" + b"\0" * 100,
    "gzip": lambda: b"\x1f\x8b\x08" + b"\0" * 100,
    "rar": lambda: b"Rar!\x1a\x07\x01\0" + b"\0" * 100,
    "elf": lambda: b"\x7fELF" + b"\0" * 100,
    "exe": lambda: b"MZ" + b"\0" * 100,
    "script": lambda: b"#!/bin/sh\nid\n",
    "php": lambda: b"<?php system($_GET[0]); ?>",
    "eicar": lambda: EICAR,
    "pickle": lambda: b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    "wav in riff": lambda: b"RIFF\x24\0\0\0WAVEfmt ",
    "jpeg magic alone": lambda: b"\xff\xd8\xff\xe0",
    "jpeg magic and html": lambda: b"\xff\xd8\xff\xe0" + SCRIPT,
    "jpeg cut in half": lambda: picture()[: len(picture()) // 2],
    "jpeg without its end": lambda: picture(size=(640, 480))[:700],
    "jpeg of nothing but segments": lambda: b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + b"\xff" * 60_000) * 40,
    "jpeg 65 535²": lambda: jpeg_claiming(65_535, 65_535),
    "jpeg 9 000²": lambda: jpeg_claiming(9_000, 9_000),
    "png magic alone": lambda: b"\x89PNG\r\n\x1a\n",
    "png cut": lambda: picture("PNG")[:40],
    "png of no size": lambda: png(0, 0),
    "png lying size": lambda: png(200, 200),
    "png 9 000²": lambda: flooded_png(9_000),
    "png 13 000²": lambda: flooded_png(13_000),
    "png 20 000²": lambda: flooded_png(20_000),
    "png 2^31": lambda: png(2**31 - 1, 2**31 - 1),
    "png one line of 2^30": lambda: png(2**30, 1),
    "png of wrong sums": lambda: picture("PNG").replace(b"IDAT", b"IDAX"),
    "png of impossible colours": lambda: png(8, 8, depth=16, color=3),
    "png whose chunk never ends": lambda: b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR" + b"\0" * 50,
    "webp magic alone": lambda: b"RIFF\x10\0\0\0WEBPVP8 ",
    "webp liar": lambda: b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 60,
    "webp 16 383²": lambda: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xfe\x3f\0\xfe\x3f\0",
    "webp cut": lambda: picture("WEBP")[:40],
}

#: Photos with something else in them: kept, but what is kept is the picture alone.
CLEANED: dict[str, Callable[[], bytes]] = {
    "gps": lambda: picture(exif=gps(), comment=SECRET),
    "colour profile": lambda: picture(icc_profile=SECRET * 20),
    "colour profile bomb": lambda: picture(icc_profile=b"\0" * 4_000_000),
    "comments": lambda: jpeg_with(*[segment(0xFE, SCRIPT + SECRET)] * 50),
    "broken exif": lambda: jpeg_with(segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff" + SECRET)),
    "exif that points at itself": lambda: jpeg_with(
        segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0")
    ),
    "xmp": lambda: jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET + SCRIPT)),
    "iptc": lambda: jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x20" + SECRET)),
    "jpeg and html": lambda: picture(comment=SCRIPT) + SCRIPT,
    "jpeg and zip": lambda: picture() + b"PK\x03\x04../../../../etc/cron.d/x" + SECRET + b"PK\x05\x06" + b"\0" * 18,
    "jpeg and jar": lambda: picture() + b"PK\x03\x04META-INF/MANIFEST.MF" + SECRET,
    "jpeg and eicar": lambda: picture(comment=EICAR) + EICAR,
    "jpeg and pdf": lambda: jpeg_with(segment(0xFE, b"%PDF-1.4 " + SECRET)) + b"%%EOF",
    "jpeg and another jpeg": lambda: picture() + picture(comment=SECRET),
    "cmyk": lambda: picture(mode="CMYK", comment=SECRET),
    "grey": lambda: picture(mode="L", comment=SECRET),
    "progressive": lambda: picture(progressive=True, comment=SECRET),
    "two pictures in one": mpo,
    "png texts": text_png,
    "png tail": lambda: picture("PNG") + SCRIPT + SECRET,
    "png with 2 000 chunks": lambda: png(8, 8, b"\0" * 25 * 8, *[chunk(b"tEXt", b"k\0" + SECRET)] * 2000),
    "palette with transparency": lambda: picture("PNG", "P", transparency=3),
    "one bit": lambda: picture("PNG", "1"),
    "sixteen bits": lambda: picture("PNG", "I;16"),
    "animated webp": lambda: animated("WEBP", 50),
    "animated png": lambda: animated("PNG", 50),
    "webp with exif": lambda: picture("WEBP", exif=gps(), xmp=SECRET),
    "one pixel": lambda: picture(size=(1, 1), comment=SECRET),
    "one line": lambda: picture(size=(60_000, 1), comment=SECRET),
}


def mutated(seed: int, count: int) -> list[bytes]:
    """Good photos with bytes changed, cut out and put in."""
    dice = random.Random(seed)
    good = [picture(kind, size=(160, 120)) for kind in ("JPEG", "PNG", "WEBP")]
    found = []
    for number in range(count):
        data = bytearray(good[number % 3])
        for _ in range(dice.randint(1, 12)):
            place = dice.randrange(12, len(data))
            match dice.randrange(3):
                case 0:
                    data[place] = dice.randrange(256)
                case 1:
                    del data[place : place + dice.randint(1, 30)]
                case _:
                    data[place:place] = dice.randbytes(dice.randint(1, 30))
            if len(data) < 40:
                break
        found.append(bytes(data))
    return found
