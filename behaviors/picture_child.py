"""Makes one photo anew: the file on stdin, a JPEG of its pixels alone on stdout. Run as a process of its own.

    python -I picture_child.py JPEG|PNG|WEBP PIXELS < photo > clean.jpg

A decoder meets whatever people send; what it does with memory, time or worse ends here and not in a web worker. The
size is read from the header before anything is decoded, and the picture is copied in strips, so that the process
stays below 300 MB. Exit status: 0 done, 3 damaged, 4 more pixels than allowed (their number on stderr).
"""

import io
import resource
import struct
import sys
import zlib

from PIL import Image

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 20
QUALITY = 88
STRIP = 256
DAMAGED, TOO_MANY = 3, 4
#: The WebP decoder holds the picture four times over, the others twice.
WEBP_PIXELS = 16_000_000
# What Pillow raises on broken files of these three formats; UnidentifiedImageError is an OSError.
_DAMAGE = (
    OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, AttributeError, EOFError, MemoryError,
    RuntimeError, struct.error, zlib.error,
)  # fmt: skip
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


class TooManyPixels(Exception):
    """The header promises more than is decoded here."""


def remake(original: bytes, kind: str, pixels: int) -> Image.Image:
    """A fresh image of the pixels alone, upright: EXIF, GPS, XMP, ICC, comments and thumbnails stay behind."""
    with Image.open(io.BytesIO(original), formats=[kind]) as image:
        width, height = image.size
        if width * height > (min(pixels, WEBP_PIXELS) if kind == "WEBP" else pixels):
            raise TooManyPixels(f"{width}×{height}")
        if getattr(image, "n_frames", 1) > 1:
            image.seek(0)
        image.load()
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
        clean = _in_strips(image)
    del image  # the decoded picture, before it is turned
    return clean.transpose(turn) if turn is not None else clean


def _in_strips(image: Image.Image) -> Image.Image:
    clean = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, STRIP):
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height)))
        if image.mode in ("RGBA", "LA", "PA", "P"):
            layered = strip.convert("RGBA")
            clean.paste(layered, (0, top), layered)
        else:
            clean.paste(strip.convert("RGB"), (0, top))
    return clean


def main(kind: str, pixels: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        clean = remake(sys.stdin.buffer.read(), kind, pixels)
        out = io.BytesIO()
        clean.save(out, "JPEG", quality=QUALITY, optimize=True)
    except (TooManyPixels, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        sys.stderr.write(str(error) if isinstance(error, TooManyPixels) else "")
        return TOO_MANY
    except _DAMAGE as error:
        sys.stderr.write(f"{type(error).__name__}: {error}"[:300])
        return DAMAGED
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], int(sys.argv[2])))
