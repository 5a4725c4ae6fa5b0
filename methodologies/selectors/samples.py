"""What rests on illustrative figures: every page and answer that shows such a figure says so (示例数据)."""

import json
from collections.abc import Iterable, Mapping

from django.db.models import BooleanField, ExpressionWrapper, F, Func, Q, QuerySet, Value

from methodologies.engine import Program, load_document
from methodologies.engine.parameters import ParameterTable, build_tables
from methodologies.errors import FactorsMissing
from methodologies.models import MethodologyVersion

from .library import factor_library

SAMPLE = "sample"


def uses_sample(program: Program) -> bool:
    """Whether any value that this program may use is an illustrative figure."""
    return bool(sample_names(program.tables))


def text_uses_sample(source: str) -> bool:
    """The same of a text that may be no version's, with the shared factors as they are now. One query."""
    return bool(source) and bool(sample_names(build_tables(load_document(source, name="text"), factor_library())[0]))


def sample_names(tables: Mapping[str, ParameterTable]) -> list[str]:
    """Which parameters have an illustrative figure, of whatever date: a recomputation may reach back to each."""
    return [one.name for one in tables.values() if any(cell.entry.confidence == SAMPLE for cell in one.cells)]


def with_sample_mark(versions: QuerySet[MethodologyVersion]) -> QuerySet[MethodologyVersion]:
    """`has_sample` on each: a figure of its own text or a shared factor of its is one. A query for the factors."""
    return versions.annotate(has_sample=ExpressionWrapper(_on_sample(), output_field=BooleanField()))


def _on_sample() -> Q:
    marked = Q(_path_exists(f'$.**.confidence ? (@ == "{SAMPLE}")'))
    shared = _sample_factors()
    if shared:
        names = " || ".join(f"@ == {json.dumps(code)}" for code in shared)
        marked |= Q(_path_exists(f"$.parameters.*.factor ? ({names})"))
    return marked


def sample_versions(pks: Iterable[int | None]) -> frozenset[int]:
    """Which of these versions rest on an illustrative figure. Two queries, however many."""
    wanted = {pk for pk in pks if pk is not None}
    if not wanted:
        return frozenset()
    return frozenset(MethodologyVersion.objects.filter(_on_sample(), pk__in=wanted).values_list("pk", flat=True))


def _sample_factors() -> list[str]:
    try:
        factors = factor_library().factors
    except FactorsMissing:
        return []
    return [code for code, one in factors.items() if any(entry.confidence == SAMPLE for _start, entry in one.values)]


def _path_exists(path: str) -> Func:
    return Func(F("document"), Value(path), function="jsonb_path_exists", output_field=BooleanField())
