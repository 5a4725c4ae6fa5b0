"""Attacks leave no file behind, and thousands of refusals no log."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.conftest import _two_cities, planted  # noqa: F401  (fixtures)


@pytest.fixture(autouse=True)
def _own_uploads(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
