"""How a sample is drawn: arithmetic that anybody can repeat. Django-free.

Each record of the frame gets a ticket, SHA-256 over frame hash, random number and record number, a line each; the
smallest tickets are the sample. Nobody who fixes the frame before the number is known can know the sample.
"""

import hashlib
from collections.abc import Iterable

LINES = """\
import hashlib
frame = open("frame.txt", "rb").read()
size, seed = {size}, {seed!r}
frame_hash = hashlib.sha256(frame).hexdigest()
def ticket(number):
    return hashlib.sha256(f"{{frame_hash}}\\n{{seed}}\\n{{number}}".encode()).hexdigest()
print(frame_hash)
print(*sorted(frame.decode().split(), key=ticket)[:size])
"""


def frame_text(numbers: Iterable[int]) -> str:
    """Record numbers in rising order, each ended by a line feed: the bytes that are hashed and published."""
    return "".join(f"{number}\n" for number in sorted(numbers))


def sha256(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def sample_size(count: int, *, percent: int, minimum: int) -> int:
    """`percent` of the frame, rounded up, at least `minimum`, at most all of it."""
    return min(count, max(-(-count * percent // 100), minimum))


def draw(frame: str, *, seed: str, size: int) -> list[tuple[str, int]]:
    """The sample as (ticket, record number), the smallest ticket first."""
    frame_hash = sha256(frame)
    tickets = ((sha256(f"{frame_hash}\n{seed}\n{number}"), int(number)) for number in frame.split())
    return sorted(tickets)[:size]


def lines_to_redraw(*, seed: str, size: int) -> str:
    """A few lines of Python that do it again beside the downloaded frame.txt."""
    return LINES.format(size=size, seed=seed)
