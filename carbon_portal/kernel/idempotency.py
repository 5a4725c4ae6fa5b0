"""Same key, same body: the first answer. Same key, another body: a conflict (L6)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from . import clock
from .errors import DomainError
from .faults import switched_off
from .models import IdempotencyKey


class IdempotencyKeyMissing(DomainError):
    code = "idempotency_key_required"
    http_status = 400
    zh = "缺少请求头 Idempotency-Key。每次写入都要带一个由您生成的唯一键，重试时用同一个键，就不会重复入账。"
    en = "The header Idempotency-Key is missing. Send a unique key with every write and reuse it when you retry."


class IdempotencyConflict(DomainError):
    code = "idempotency_conflict"
    http_status = 409
    zh = "这个幂等键已用于另一份内容，本次没有写入。如是新的请求，请换一个键；如是重试，请发送原来的内容。"
    en = (
        "This idempotency key was used with another body; nothing was written. Use a new key, or resend the first body."
    )


class IdempotencyInProgress(DomainError):
    code = "idempotency_in_progress"
    http_status = 409
    zh = "同一个请求正在处理中，请 1 秒后用同一个键再试。"
    en = "The same request is still being processed. Retry with the same key in a second."


@dataclass(frozen=True)
class Answer:
    """What was sent: HTTP status, the exact body, and whether this is the stored first answer."""

    status: int
    body: str
    replayed: bool


def once(*, client: str, key: str, body: bytes, deed: Callable[[], tuple[int, str]]) -> Answer:
    """Run `deed` at most once per (client, key) and remember its answer in the same transaction.

    A deed that raises leaves no trace, so a refused request may be sent again under its key.
    """
    digest = hashlib.sha256(body).hexdigest()
    try:
        with transaction.atomic():
            if not _claim(client, key, digest) and not switched_off("idempotency:key"):
                return _first_answer(client, key, digest)
            status, text = deed()
            IdempotencyKey.objects.filter(client=client, key=key).update(status=status, answer=text)
            return Answer(status, text, replayed=False)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) == "55P03":  # lock_not_available: the twin is still at work
            raise IdempotencyInProgress from error
        raise


def _claim(client: str, key: str, digest: str) -> bool:
    """Insert the row; waits for a twin in flight, then says whether this call is the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_idempotencykey (client, key, body_sha256, answer, created_at)"
            " VALUES (%s, %s, %s, '', %s) ON CONFLICT DO NOTHING",
            [client, key, digest, clock.now()],
        )
        return bool(cursor.rowcount == 1)


def _first_answer(client: str, key: str, digest: str) -> Answer:
    row = IdempotencyKey.objects.get(client=client, key=key)
    if row.body_sha256 != digest:
        raise IdempotencyConflict
    return Answer(row.status or 200, row.answer, replayed=True)
