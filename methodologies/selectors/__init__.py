"""Reads of methods."""

from . import proposals
from .factors import (
    Affected,
    BestBefore,
    affected_by,
    best_before_report,
    count_records_by,
    open_vintage,
    vintages_by_factor,
)
from .library import (
    VersionRow,
    VersionTable,
    covering_regions,
    expired_factors,
    factor_library,
    factors_of,
    inputs_for_form,
    latest_factor_row,
    program_for,
    public_version,
    public_versions,
    version_in_force,
)
from .public import (
    approvals_of,
    catalogue,
    publication_of,
    revision_note,
    shown_version,
    shown_versions,
    versions_of,
)
from .retirement import Retirement, retirement_for, retirement_of
from .samples import sample_versions, text_uses_sample, uses_sample, with_sample_mark
from .stages import Step, stages, status_line, was_consulted

__all__ = [
    "Affected",
    "BestBefore",
    "Retirement",
    "Step",
    "VersionRow",
    "VersionTable",
    "affected_by",
    "approvals_of",
    "best_before_report",
    "catalogue",
    "count_records_by",
    "covering_regions",
    "expired_factors",
    "factor_library",
    "factors_of",
    "inputs_for_form",
    "latest_factor_row",
    "open_vintage",
    "program_for",
    "proposals",
    "public_version",
    "public_versions",
    "publication_of",
    "retirement_for",
    "retirement_of",
    "revision_note",
    "sample_versions",
    "shown_version",
    "shown_versions",
    "stages",
    "status_line",
    "text_uses_sample",
    "uses_sample",
    "version_in_force",
    "versions_of",
    "vintages_by_factor",
    "was_consulted",
    "with_sample_mark",
]
