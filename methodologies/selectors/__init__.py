"""Reads of methods."""

from . import proposals
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
    "Retirement",
    "Step",
    "VersionRow",
    "VersionTable",
    "approvals_of",
    "catalogue",
    "covering_regions",
    "expired_factors",
    "factor_library",
    "factors_of",
    "inputs_for_form",
    "latest_factor_row",
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
]
