"""The factor library with what was adopted since: values are added, and no day that had one gets another."""

import datetime as dt
import hashlib
from typing import Any

import yaml

from methodologies.engine import load_factors
from methodologies.engine.document import FactorLibrary as Factors
from methodologies.errors import FactorChanged
from methodologies.models import FactorVintage

NAME = "factors.yaml"
_HEAD = "# 因子库，含经两人审定的新数值 · The factor library with values that two people approved.\n"
#: What is approved, in this order; the same list stands in check V27e.
APPROVED_FIELDS = (
    "factor", "unit", "value", "data_year", "valid_from", "source_document", "source_page", "confidence", "best_before",
    "why", "replaces", "replaces_from",
)  # fmt: skip


def content_sha256(vintage: FactorVintage) -> str:
    """SHA-256 over the approved fields, one a line (none holds a line break), UTF-8."""
    lines = []
    for name in APPROVED_FIELDS:
        value = getattr(vintage, name)
        lines.append(value.isoformat() if isinstance(value, dt.date) else str(value))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def with_vintages(factors: Factors, source: str, *, more: FactorVintage | None = None) -> tuple[Factors, str]:
    """A library and its text with every adopted vintage in it (`more`: one that is being adopted); the same text where
    it has them all. A file that says another value for a day of a vintage is `FactorChanged`."""
    adopted = [*FactorVintage.objects.filter(state=FactorVintage.State.ADOPTED).order_by("adopted_at", "pk")]
    missing = []
    for one in [*adopted, *([more] if more else [])]:
        factor = factors.factors.get(one.factor)
        entry = dict(factor.values).get(one.valid_from) if factor else None
        if factor is None or (entry is not None and str(entry.value) != one.value):
            raise FactorChanged(factor=one.factor, start=one.valid_from)
        if entry is None:
            missing.append(one)
    if not missing:
        return factors, source
    data: dict[str, Any] = yaml.safe_load(source)
    for one in missing:
        data[one.factor]["values"][one.valid_from] = _entry(one)
    text = _HEAD + yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120)
    return load_factors(text, name=NAME), text


def _entry(one: FactorVintage) -> dict[str, Any]:
    return {
        "value": one.value,
        "data_year": one.data_year,
        "source": f"{one.source_document}，{one.source_page}",
        "confidence": one.confidence,
        "best_before": one.best_before,
    }
