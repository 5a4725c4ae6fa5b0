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
from .public import approvals_of, catalogue, revision_note, shown_version, shown_versions, uses_sample, versions_of
from .retirement import Retirement, retirement_for, retirement_of
from .stages import Step, stages, status_line

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
    "retirement_for",
    "retirement_of",
    "revision_note",
    "shown_version",
    "shown_versions",
    "stages",
    "status_line",
    "uses_sample",
    "version_in_force",
    "versions_of",
    "vintages_by_factor",
]
