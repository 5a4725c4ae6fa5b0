"""Nothing in the published schema surprises, as any kind of client (B16)."""

import os
import sys
from pathlib import Path

import pytest

from tests.api.gate import SEED, Kind, run, run_all
from tests.api.planted import BELOW
from tests.api.world import kinds
from tests.portal import Portal
from tests.security.world import build_world

#: Random cases of each operation; API_CASES=300 makes some twenty thousand requests.
SIZE = int(os.environ.get("API_CASES") or 10)


def test_every_operation_keeps_its_word_with_every_kind_of_client(live_portal: Portal, tmp_path: Path) -> None:
    reports = run_all(live_portal.url, kinds(build_world(), live_portal.url), size=SIZE, folder=tmp_path)
    sys.stdout.write(f"API_SEED={SEED}: {', '.join(f'{one.kind} {one.requests}' for one in reports)}\n")
    bad = [one for one in reports if not one.clean]
    assert not bad, "\n\n".join(f"{one}\n{one.output[-5000:]}" for one in bad)
    assert sum(one.requests for one in reports) >= 2_000


#: What schemathesis calls each planted fault.
EXPECTED = {
    "planted/breaks": "Server error",
    "planted/undocumented": "Undocumented status code",
    "planted/misshapen": "Response violates schema",
    "planted/open": "API accepts requests without authentication",
    "planted/gullible": "Schema-violating request accepted",
}


@pytest.fixture
def planted(portal_processes: Portal) -> Portal:
    """The portal with an endpoint for each way to break one's word."""
    portal_processes.start_web("tests.api.planted:application")
    return portal_processes


def test_the_gate_shuts_on_each_planted_fault(planted: Portal, tmp_path: Path) -> None:
    anyone = Kind("anyone", public=True)
    stranger = Kind("nobody", stranger=True)
    report = run(planted.url, anyone, size=5, folder=tmp_path, only=BELOW)
    unopened = run(planted.url, stranger, size=2, folder=tmp_path, only=f"{BELOW}open")
    found = report.failures + unopened.failures
    for path, title in EXPECTED.items():
        assert any(one.startswith(title) and path in one for one in found), (path, title, "\n".join(found))


def test_an_operation_that_nobody_opens_fails(planted: Portal, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="planted_open"):
        run_all(planted.url, [Kind("anyone", public=True)], size=1, folder=tmp_path)
