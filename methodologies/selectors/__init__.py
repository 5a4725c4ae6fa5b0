"""Reads of methods."""

from . import proposals
from .library import (
    VersionRow,
    VersionTable,
    covering_regions,
    expired_factors,
    factor_library,
    inputs_for_form,
    latest_factor_row,
    program_for,
    public_version,
    public_versions,
    version_in_force,
)
from .stages import Step, stages, status_line

__all__ = [
    "Step",
    "VersionRow",
    "VersionTable",
    "covering_regions",
    "expired_factors",
    "factor_library",
    "inputs_for_form",
    "latest_factor_row",
    "program_for",
    "proposals",
    "public_version",
    "public_versions",
    "stages",
    "status_line",
    "version_in_force",
]
