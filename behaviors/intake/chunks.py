"""A chunk of a file: the plain rows by the short way, the others one by one; the result is the same by either way."""

from collections.abc import Sequence

from . import staged
from .plain import PlainRows
from .rows import RowError, RowReader
from .staged import Chunk
from .tables import Row


class ChunkReader:
    """Reads chunks of the table that `reader` reads. The database is asked in `prepare` only."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self._plain = PlainRows(reader)

    def prepare(self, rows: Sequence[Row]) -> None:
        """Look up what these rows name."""
        self._reader.prepare(rows)

    def read(self, rows: Sequence[Row]) -> Chunk:
        """The rows as they will be staged, and the refused ones with their sentence."""
        chunk = Chunk(received=len(rows))
        for number, cells in rows:
            plain = self._plain.line(number, cells)
            if plain is not None:
                chunk.lines.append(plain[0])
                chunk.self_declared |= plain[1]
                continue
            one = self._reader.read(number, cells)
            if isinstance(one, RowError):
                chunk.errors.append(one)
            else:
                chunk.lines.append(staged.line(one, self._reader.at))
                chunk.self_declared |= one.deed.evidence == staged.SELF_DECLARED
        return chunk
