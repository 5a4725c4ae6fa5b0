"""Reads of methods."""

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

__all__ = [
    "VersionRow",
    "VersionTable",
    "covering_regions",
    "expired_factors",
    "factor_library",
    "inputs_for_form",
    "latest_factor_row",
    "program_for",
    "public_version",
    "public_versions",
    "version_in_force",
]
