"""The administrative divisions of Guangdong (GB/T 2260, 440000).

Django-free and read once from `regions.csv` (source and date: README.md beside it). Records and methodology
parameters carry six digits; the nine-digit towns of 441900 and 442000 are for addresses, sites and fronts only.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from carbon_portal.kernel.errors import DomainError

Kind = Literal["nation", "province", "city", "county", "town"]

NATION = "000000"
PROVINCE = "440000"
CITIES_WITHOUT_COUNTIES = ("441900", "442000")

_CODE = re.compile(r"[0-9]{6}(?:[0-9]{3})?", re.ASCII)


class UnknownRegion(DomainError):
    """The code is no division of the province (as of the data's date)."""

    code = "unknown_region"
    http_status = 404
    title = "没有这个行政区"
    title_en = "Unknown region"
    zh = "没有代码为“{region}”的行政区。请使用 GB/T 2260 的六位代码，例如 440100（广州市）。"
    en = (
        "There is no division with the code “{region}”. Use a six-digit GB/T 2260 code, for example 440100 (Guangzhou)."
    )

    def __init__(self, given: object) -> None:
        super().__init__(region=str(given)[:20])


@dataclass(frozen=True, slots=True)
class Region:
    code: str
    kind: Kind
    parent: str
    name: str
    short_name: str
    name_en: str
    slug: str
    sort_key: str

    @property
    def six(self) -> str:
        """The code a record carries: a town's is its city's."""
        return self.code[:6]

    def __str__(self) -> str:
        return self.name


_NATION_REGION = Region(NATION, "nation", "", "全国", "全国", "China", "china", "quan guo")


@cache
def _table() -> dict[str, Region]:
    text = files(__package__).joinpath("regions.csv").read_text(encoding="utf-8")
    return {row["code"]: Region(**row) for row in csv.DictReader(text.splitlines())}  # type: ignore[arg-type]


@cache
def _by_slug() -> dict[str, Region]:
    return {r.slug: r for r in _table().values()}


@cache
def _by_parent() -> dict[str, tuple[Region, ...]]:
    groups: dict[str, list[Region]] = {}
    for r in _table().values():
        groups.setdefault(r.parent, []).append(r)
    return {parent: tuple(sorted(group, key=lambda r: r.code)) for parent, group in groups.items()}


def find(code: str) -> Region | None:
    """The division with this code, or None; 000000 is the nation."""
    return _NATION_REGION if code == NATION else _table().get(code)


def region(code: str) -> Region:
    """The division with this code; `UnknownRegion` if there is none."""
    found = find(code)
    if found is None:
        raise UnknownRegion(code)
    return found


def province() -> Region:
    return _table()[PROVINCE]


def cities() -> tuple[Region, ...]:
    """The 21 cities in the order of their codes."""
    return _by_parent()[PROVINCE]


def all_regions() -> tuple[Region, ...]:
    """Province, cities, counties and towns in the order of their codes, without the nation."""
    return tuple(_table().values())


def children(code: str) -> tuple[Region, ...]:
    """The divisions directly below: cities of the province, counties (or towns) of a city; a county has none here."""
    if code == NATION:
        return (province(),)
    return _by_parent().get(region(code).code, ())


def ancestry(code: str) -> tuple[Region, ...]:
    """From narrow to wide, the division itself first: 440106, 440100, 440000. The nation is not part of it."""
    here: Region | None = region(code)
    chain: list[Region] = []
    while here is not None and here.kind != "nation":
        chain.append(here)
        here = find(here.parent) if here.parent else None
    return tuple(chain)


def city_of(code: str) -> Region | None:
    """The city a division lies in (a city lies in itself); None for the province and the nation."""
    return next((r for r in ancestry(code) if r.kind == "city"), None)


def covers(outer: str, inner: str) -> bool:
    """Whether the area of `outer` holds that of `inner`, by the digits alone (so for other provinces too).

    000000 covers all; a province its first two digits, a city four, a county six, a town itself.
    """
    for code in (outer, inner):
        if not isinstance(code, str) or _CODE.fullmatch(code) is None:
            raise UnknownRegion(code)
    if outer == NATION:
        return True
    if len(outer) == 9:
        return inner == outer
    if outer.endswith("0000"):
        return inner[:2] == outer[:2]
    if outer.endswith("00"):
        return inner[:4] == outer[:4]
    return inner[:6] == outer


def by_slug(text: str) -> Region | None:
    """The division named in an address: its slug (`zhongshan`) or its code (`442000`); None if there is none."""
    return _by_slug().get(text) or _table().get(text)


def area_path(code: str) -> str:
    """The address of an area's front, for example `/c/zhongshan/`."""
    return f"/c/{region(code).slug}/"
