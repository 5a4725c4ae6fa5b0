"""What the four eyes stand on: actors with their roles, kinds of request, and whom to ask about people.

`kernel.approvals` is what apps use; this page is its vocabulary and its sentences.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from . import clock, regions
from .approval_errors import AlreadyDecided, ApprovalRefused
from .models import ApprovalRequest

Held = tuple[str, str]  # (role, region)


@dataclass(frozen=True, slots=True)
class Delegated:
    """A role that somebody exercises in another's absence."""

    role: str
    region: str
    principal: uuid.UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with the roles they hold at a moment, their own and in others' stead.

    `fresh` are those of today: they initiate and see, but decide nothing before tomorrow.
    """

    person: uuid.UUID
    roles: frozenset[Held] = frozenset()
    deputising: tuple[Delegated, ...] = ()
    fresh: frozenset[Held | Delegated] = frozenset()

    def held(self) -> Iterator[tuple[Held, uuid.UUID | None, bool]]:
        """Each role with whose stead it is exercised in (None: one's own) and whether it is of today."""
        for one in sorted(self.roles):
            yield one, None, one in self.fresh
        for other in self.deputising:
            yield (other.role, other.region), other.principal, other in self.fresh


@dataclass(frozen=True, slots=True)
class Kind:
    """What is decided on: `content` answers the SHA-256 of the subject as it is now, `url` its page."""

    code: str
    title_zh: str
    title_en: str
    initiators: frozenset[str]
    deciders: frozenset[str]
    content: Callable[[str], str]
    url: Callable[[str], str]
    needed: int = 1

    def title(self, language: str | None) -> str:
        return self.title_en if (language or "").startswith("en") else self.title_zh


class People(Protocol):
    """What the kernel must be told about people; `accounts` answers."""

    def actor(self, person: uuid.UUID, *, at: dt.datetime, lock: bool = False) -> Actor:
        """The person's roles at a moment; with `lock` nobody changes them before this transaction ends."""

    def linked(self, person: uuid.UUID, *, since: dt.datetime, at: dt.datetime) -> frozenset[uuid.UUID]:
        """Who deputised for the person, or the person for them, at any moment between the two."""

    def names(self, people: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
        """How people are called in a sentence."""

    def role_name(self, role: str, *, english: bool = False) -> str:
        """How a role is called in a sentence."""


_kinds: dict[str, Kind] = {}
_people: list[People] = []


def register(kind: Kind) -> Kind:
    """Announce a kind of request, once per process (`AppConfig.ready`)."""
    if kind.needed < 1 or (kind.needed > 1 and len(kind.deciders) < kind.needed):
        raise ValueError(f"{kind.code}: {kind.needed} approvals need as many roles among the deciders")
    if len(kind.initiators) == 1 and kind.initiators == kind.deciders:
        raise ValueError(f"{kind.code}: initiator and decider act in different roles (R8)")
    _kinds[kind.code] = kind
    return kind


def people_from(source: People) -> None:
    """The app that knows people's roles says here where to ask."""
    _people[:] = [source]


def kind_of(code: str) -> Kind:
    """A registered kind; a KeyError is a mistake in the code, never of a person."""
    return _kinds[code]


def kinds() -> list[Kind]:
    """Every registered kind."""
    return list(_kinds.values())


def people() -> People:
    """Whoever knows people."""
    return _people[0]


def person_of(actor: Actor | uuid.UUID) -> uuid.UUID:
    """Who acts."""
    return actor.person if isinstance(actor, Actor) else actor


# -- sentences ---------------------------------------------------------------------------------------------------------


def fits(held: Held, roles: Iterable[str], region: str) -> bool:
    return held[0] in roles and bool(held[1]) and regions.covers(held[1], region)


def wanted(roles: Iterable[str], region: str) -> dict[str, str]:
    area = regions.region(region)
    return {
        "roles": "、".join(people().role_name(role) for role in sorted(roles)),
        "roles_en": ", ".join(people().role_name(role, english=True) for role in sorted(roles)),
        "region": area.name,
        "region_en": area.name_en,
    }


def role_names(role: str) -> dict[str, str]:
    return {"role": people().role_name(role), "role_en": people().role_name(role, english=True)}


def told_who(request: ApprovalRequest) -> ApprovalRefused:
    """What became of a request that is open no more: who, when, what."""
    state = ApprovalRequest.State(request.state)
    english = {"approved": "approved", "returned": "returned", "void": "void after an edit", "withdrawn": "withdrawn"}
    return told(AlreadyDecided, request.closed_by, request.closed_at, state=state.label, state_en=english[state.value])


def told(
    refusal: type[ApprovalRefused], who: uuid.UUID | None, when: dt.datetime | None, **data: str
) -> ApprovalRefused:
    name = people().names([who]).get(who, "") if who else ""
    local = (when or clock.now()).astimezone(clock.LOCAL_ZONE)
    return refusal(
        who=name or "系统",
        who_en=name or "The system",
        when=f"{local.month} 月 {local.day} 日 {local:%H:%M}",
        when_en=f"{local:%Y-%m-%d %H:%M}",
        **data,
    )
