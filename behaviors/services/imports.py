"""Files of records, set by set: staged by COPY, counted once by the keys, stored in chunks that commit one by one."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from django.db import OperationalError, connection, transaction

from accounts.models import Provider
from behaviors import activities
from behaviors.constants import DAY_GATE, WAKE_QUANTIFICATION, Channel
from behaviors.errors import UnreadableFile
from behaviors.intake.chunks import ChunkReader
from behaviors.intake.rows import RowError, RowReader
from behaviors.intake.staged import Chunk
from behaviors.intake.tables import Row, Table, open_table
from behaviors.models import IntakeBatch, IntakeError
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.faults import crash_point

from . import staging

CHUNK_ROWS = 10_000
KEPT_ERRORS = 10_000
_BATCH_LOCK = 0x6265_6861_7602


@dataclass
class Receipt:
    """What became of a file. `rejected` rows stand in `errors`; `duplicates` were already there or overlap."""

    batch: IntakeBatch | None
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    replayed: bool = False
    notes: list[tuple[str, str]] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


def import_file(
    *, path: Path, provider: Provider | None, activity: str, at: dt.datetime, dry_run: bool = False
) -> Receipt:
    """Import a CSV or XLSX file. The same file from the same provider finds its first receipt and changes nothing.

    Every chunk commits by itself; a run that was cut off is finished by running it again. Errors: UnreadableFile, in
    which case nothing was written.
    """
    sha256 = _sha256(path, activity)
    done = _batch(provider, sha256)
    if done is not None and done.status == IntakeBatch.Status.DONE:
        return _stored_receipt(done)
    with open_table(path) as table:
        reader = RowReader(table.columns, provider=provider, activity=activity, at=at)
        first = next(table.rows, None)
        if first is None:
            raise UnreadableFile("文件只有表头，没有数据行。", "The file has a header and no rows.")
        rows = _chain(first, table)
        if dry_run:
            return _dry_run(reader, rows, table.notes, at)
        with _alone(sha256):
            batch = done or _open_batch(path, provider, sha256, at)
            return import_rows(batch=batch, reader=reader, rows=rows, notes=table.notes, at=at)


def import_rows(
    *,
    batch: IntakeBatch | None,
    reader: RowReader,
    rows: Iterator[Row],
    at: dt.datetime,
    notes: Sequence[tuple[str, str]] = (),
) -> Receipt:
    """Store rows chunk by chunk and close the batch with its receipt."""
    receipt = Receipt(batch, notes=list(notes))
    if batch is not None:
        batch.errors.all().delete()  # of a run that was cut off
    for chunk in _read_ahead(ChunkReader(reader), rows):
        outcome = _store_chunk(batch, chunk, at)
        crash_point("import:chunk")
        errors = sorted(chunk.errors + outcome.errors, key=lambda error: error.row)
        receipt.received += chunk.received
        receipt.accepted += outcome.accepted
        receipt.duplicates += outcome.duplicates
        receipt.rejected += len({error.row for error in errors}) + outcome.refused
        receipt.errors += errors
    if batch is not None:
        _close(batch, receipt, at)
    return receipt


def _read_ahead(reader: ChunkReader, rows: Iterator[Row]) -> Iterator[Chunk]:
    """Chunk after chunk, each read on another thread while the one before is being stored.

    The database is asked on this thread alone, so that all of it happens on the caller's connection.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake") as thread:
        waiting: Future[Chunk] | None = None
        while taken := list(islice(rows, CHUNK_ROWS)):
            reader.prepare(taken)
            following = thread.submit(reader.read, taken)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()


def _store_chunk(batch: IntakeBatch | None, chunk: Chunk, at: dt.datetime) -> staging.Outcome:
    """One transaction; tried again when another import went the other way round the same keys."""
    for attempt in range(4):
        try:
            with transaction.atomic():
                if chunk.self_declared:
                    _take_gate()
                outcome = staging.store(batch.pk if batch else None, chunk, at, _caps())
                if outcome.accepted:
                    enqueue_on_commit(WAKE_QUANTIFICATION)
                return outcome
        except OperationalError as error:
            deadlock = getattr(error.__cause__, "pgcode", "") == "40P01"
            if not deadlock or attempt == 3 or connection.in_atomic_block:
                raise
    raise AssertionError("unreachable: the last attempt raises or returns")


def _take_gate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DAY_GATE])


def _caps() -> dict[str, int]:
    return {kind.code: kind.self_declared_per_day for kind in activities.activities().values()}


# -- batches -----------------------------------------------------------------------------------------------------------


def _sha256(path: Path, activity: str) -> str:
    """Of the bytes; with --activity also of it, since the same bytes then mean other deeds."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise UnreadableFile(
            f"文件 {path.name} 打不开，请核对路径和权限。", f"The file {path.name} can't be opened: {error.strerror}."
        ) from error
    if activity:
        digest.update(b"\0activity=" + activity.encode())
    return digest.hexdigest()


def _batch(provider: Provider | None, sha256: str) -> IntakeBatch | None:
    return IntakeBatch.objects.filter(provider=provider, sha256=sha256).first()


def _open_batch(path: Path, provider: Provider | None, sha256: str, at: dt.datetime) -> IntakeBatch:
    return IntakeBatch.objects.create(
        provider=provider,
        channel=Channel.FILE,
        name=path.name[:200],
        sha256=sha256,
        status=IntakeBatch.Status.PROCESSING,
        created_at=at,
    )


class _alone:
    """No second run of the same file beside this one; the lock goes with the session."""

    def __init__(self, sha256: str) -> None:
        self.key = int.from_bytes(bytes.fromhex(sha256[:16]), "big", signed=True) ^ _BATCH_LOCK

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self.key])
            if not cursor.fetchone()[0]:
                raise UnreadableFile(
                    "同一个文件正在导入，请等它完成。", "The same file is being imported. Wait until it is done."
                )

    def __exit__(self, *_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [self.key])


@transaction.atomic
def _close(batch: IntakeBatch, receipt: Receipt, at: dt.datetime) -> None:
    IntakeError.objects.bulk_create(
        [
            IntakeError(
                batch=batch,
                row=error.row,
                column=error.column[:60],
                code=error.code[:60],
                message=error.message,
                message_en=error.message_en,
            )
            for error in receipt.errors[:KEPT_ERRORS]
        ],
        batch_size=2_000,
    )
    batch.status = IntakeBatch.Status.DONE
    batch.received, batch.accepted = receipt.received, receipt.accepted
    batch.rejected, batch.duplicates, batch.finished_at = receipt.rejected, receipt.duplicates, at
    batch.save(update_fields=["status", "received", "accepted", "rejected", "duplicates", "finished_at"])


def _stored_receipt(batch: IntakeBatch) -> Receipt:
    errors = [
        RowError(error.row, error.column, error.code, error.message, error.message_en)
        for error in batch.errors.order_by("row", "id")
    ]
    return Receipt(
        batch, batch.received, batch.accepted, batch.rejected, batch.duplicates, replayed=True, errors=errors
    )


def _chain(first: Row, table: Table) -> Iterator[Row]:
    yield first
    yield from table.rows


def _dry_run(reader: RowReader, rows: Iterator[Row], notes: Sequence[tuple[str, str]], at: dt.datetime) -> Receipt:
    """The whole import in one transaction that is taken back."""
    with transaction.atomic():
        receipt = import_rows(batch=None, reader=reader, rows=rows, notes=notes, at=at)
        transaction.set_rollback(True)
    return receipt
