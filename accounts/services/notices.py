"""站内消息: told once for each fact, to one or to many.

Messages to many are set-based: each chunk of participants is one INSERT … SELECT, written together with how far it
came. Whoever runs it again, or after a worker died, goes on from there; the same fact is told to a person once.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts import selectors
from accounts.constants import FIRM_ROLES, MAILING_CHUNK, NoticeKind
from accounts.models import Mailing, Notification, Person
from carbon_portal.kernel import scope
from carbon_portal.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said. `{value}` in title and body stands for what `Audience.concerned` found for the person."""

    kind: NoticeKind
    key: str
    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    url: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Which participants a message concerns: a sub-select over one of them, `p`, in SQL with named parameters.

    It gives a row (tail, value) where the message concerns them: `tail` continues the key, `value` stands in the text.
    """

    concerned: str
    params: Mapping[str, Any]


def notify(*, people: Iterable[UUID], notice: Notice, at: dt.datetime) -> int:
    """Tell a few people by name; what somebody was told already is not told again. How many were told now."""
    known = set(people)
    with scope.admitting(*(selectors.inbox_key(person) for person in known)):
        return _write(_NAMED + _INSERT, notice, at, {"people": sorted(map(str, known))})


_INSERT = """
    INSERT INTO accounts_notification
           (person, kind, key, title_zh, title_en, body_zh, body_en, url, created_at)
    SELECT DISTINCT ON (who.person, who.tail) who.person, %(kind)s, %(key)s || who.tail,
           replace(%(title_zh)s, '{value}', who.value), replace(%(title_en)s, '{value}', who.value),
           replace(%(body_zh)s, '{value}', who.value), replace(%(body_en)s, '{value}', who.value), %(url)s, %(at)s
      FROM who ORDER BY who.person, who.tail
    ON CONFLICT (person, key) DO NOTHING
"""
_NAMED = """
    WITH who AS (SELECT person, '' AS tail, '' AS value FROM unnest(%(people)s::uuid[]) AS person)
"""
_STAFF = """
    WITH who AS (SELECT person_id AS person, '' AS tail, '' AS value FROM accounts_membership
                  WHERE is_active AND role = ANY (%(roles)s) AND region LIKE %(area)s)
"""
# Everybody who may act for an account is told of it: the resident, the family of today, owners and clerks of the firm.
_PEOPLE = """
    WITH p AS MATERIALIZED (
        SELECT uuid, person_id, household_id, organisation_id FROM accounts_participant
         WHERE is_active AND (%(after)s::uuid IS NULL OR uuid > %(after)s::uuid) ORDER BY uuid LIMIT %(chunk)s
    ), concerned AS (
        SELECT p.person_id, p.household_id, p.organisation_id, x.tail, x.value
          FROM p CROSS JOIN LATERAL ({concerned}) x
    ), who AS (
        SELECT person_id AS person, tail, value FROM concerned WHERE person_id IS NOT NULL
         UNION SELECT m.person_id, c.tail, c.value FROM concerned c
                 JOIN accounts_householdmember m ON m.household_id = c.household_id AND m.left_on IS NULL
         UNION SELECT m.person_id, c.tail, c.value FROM concerned c
                 JOIN accounts_membership m ON m.organisation_id = c.organisation_id AND m.is_active
                  AND m.role = ANY (%(firm)s)
    )
"""
_LAST_OF_CHUNK = """
    SELECT uuid FROM accounts_participant
     WHERE is_active AND (%(after)s::uuid IS NULL OR uuid > %(after)s::uuid) ORDER BY uuid OFFSET %(chunk)s - 1 LIMIT 1
"""


def notify_staff(*, roles: Iterable[str], region: str, notice: Notice, at: dt.datetime) -> int:
    """Tell whoever holds one of the roles in an area or inside it. How many were told now."""
    area = region.rstrip("0") if region.endswith("0000") else region[:4] if region.endswith("00") else region
    return _write(_STAFF + _INSERT, notice, at, {"roles": [str(role) for role in roles], "area": f"{area}%"})


def is_told(key: str) -> bool:
    """Whether a message to many has reached everybody."""
    return Mailing.objects.filter(key=key, finished_at__isnull=False).exists()


def all_told(key: str, *, at: dt.datetime) -> None:
    """Everybody whom a message concerns has it, so that no sweep looks at it again."""
    Mailing.objects.bulk_create([Mailing(key=key, started_at=at, finished_at=at)], ignore_conflicts=True)


def notify_many(*, audience: Audience, notice: Notice, at: dt.datetime, chunk: int = MAILING_CHUNK) -> int:
    """Tell all participants whom it concerns, chunk by chunk, from where the last run came to. How many were told now.

    For the worker, whose right it is to write to everybody. Two at once: the second leaves it to the first.
    """
    Mailing.objects.bulk_create([Mailing(key=notice.key, started_at=at)], ignore_conflicts=True)
    told = 0
    while (now := _next_chunk(audience, notice, at, chunk)) is not None:
        told += now
    return told


def _next_chunk(audience: Audience, notice: Notice, at: dt.datetime, chunk: int) -> int | None:
    with transaction.atomic():
        open_ = Mailing.objects.filter(key=notice.key, finished_at__isnull=True)
        mailing = open_.select_for_update(skip_locked=True).first()
        if mailing is None:
            return None
        place: dict[str, Any] = {"after": mailing.after, "chunk": chunk}
        told = _write(
            _PEOPLE.replace("{concerned}", audience.concerned) + _INSERT, notice, at,
            {**audience.params, **place, "firm": [role.value for role in FIRM_ROLES]},
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_LAST_OF_CHUNK, place)
            last = cursor.fetchone()
        if last is None:
            mailing.finished_at = at
        else:
            mailing.after = last[0]
        mailing.save(update_fields=["after", "finished_at"])
    return told


def _write(sql: str, notice: Notice, at: dt.datetime, params: Mapping[str, Any]) -> int:
    said: dict[str, Any] = {
        "kind": notice.kind.value, "key": notice.key, "title_zh": notice.title_zh, "title_en": notice.title_en,
        "body_zh": notice.body_zh, "body_en": notice.body_en, "url": notice.url, "at": at,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, **said})
        return int(cursor.rowcount)


def mark_read(*, person: Person, pk: int, at: dt.datetime) -> None:
    """One message of one's own; a read one stays as it is. Errors: NotFound."""
    mine = Notification.objects.filter(person=person.pk, pk=pk)
    if not mine.filter(read_at__isnull=True).update(read_at=at) and not mine.exists():
        raise NotFound


def mark_all_read(*, person: Person, upto: int, at: dt.datetime) -> int:
    """All up to the newest that was shown: what came since is still unread."""
    return Notification.objects.filter(person=person.pk, pk__lte=upto, read_at__isnull=True).update(read_at=at)
