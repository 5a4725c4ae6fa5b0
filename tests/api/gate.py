"""The gate over the API: schemathesis against a live portal, once as each kind of client.

Everything is read from the published schema, so an endpoint is under the gate from its first day; what only a person
can know is in `IDS`: where a path names a thing, which thing of this client's it is.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("API_SEED") or 20261122)
METHODS = ("get", "post", "put", "patch", "delete")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
    "refusals_are_sentences",
)
#: A stranger is refused before its headers are looked at.
OWNERS_ONLY = ("missing_required_header",)
WARNINGS = ("missing_auth", "missing_test_data")


@dataclass(frozen=True)
class Operation:
    """One method of one path of the schema, and the scopes that open it (empty: public)."""

    id: str
    method: str
    path: str
    scopes: frozenset[str]
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of client: its token, what it is good for, and real things by address.

    `things` has one dictionary per path (or method and path): parameter, such as `path.id` or `body.offer`, to the
    values that exist. A `stranger` is refused by rights everywhere; there warnings about refusals say nothing.
    """

    name: str
    token: str = ""
    scopes: frozenset[str] = frozenset()
    things: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    stranger: bool = False
    public: bool = False
    #: Where the code of a voucher comes from that may be captured: address and token of its owner.
    code_from: tuple[str, str] = ("", "")


@dataclass
class Report:
    """What one run found."""

    kind: str
    requests: int
    failures: list[str]
    warnings: dict[str, list[str]]
    output: str

    @property
    def clean(self) -> bool:
        return not self.failures and not any(self.warnings.values())

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.requests} requests, {len(self.failures)} failures", *self.failures]
        lines += [f"{name}: {', '.join(found)}" for name, found in self.warnings.items() if found]
        return "\n".join(lines)


def schema_of(url: str) -> dict[str, Any]:
    answer = requests.get(f"{url}/api/v1/schema/?format=json", timeout=60)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def operations(schema: dict[str, Any]) -> list[Operation]:
    return [
        Operation(
            id=one["operationId"],
            method=method.upper(),
            path=path,
            scopes=frozenset(scope for need in one.get("security", []) for part in need.values() for scope in part),
            parameters=tuple(p["name"] for p in one.get("parameters", []) if p["in"] == "path"),
        )
        for path, item in schema["paths"].items()
        for method, one in item.items()
        if method in METHODS
    ]


def asked_by(kind: Kind, every: Iterable[Operation]) -> list[Operation]:
    """What this client is let loose on: strangers on everything, others on what their scopes open."""
    if kind.stranger:
        return list(every)
    return [one for one in every if (one.scopes & kind.scopes if one.scopes else kind.public)]


def run(url: str, kind: Kind, *, size: int, folder: Path, seed: int = SEED, only: str = "") -> Report:
    """Let schemathesis ask `size` cases of each operation, plus its fixed ones. Prints the seed when it fails."""
    every = [one for one in operations(schema_of(url)) if one.path.startswith(only)]
    chosen = asked_by(kind, every)
    assert chosen, f"{kind.name} opens nothing"
    home = folder / kind.name
    home.mkdir(parents=True, exist_ok=True)
    (home / "schemathesis.toml").write_text(_configuration(kind, chosen, size, seed, home), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/v1/schema/?format=json", "--url", url]
    for one in chosen:
        command += ["--include-operation-id", one.id]
    if kind.token:
        command += ["-H", f"Authorization: Bearer {kind.token}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.api.hooks"}
    environment |= {"GATE_CODE_URL": kind.code_from[0], "GATE_CODE_TOKEN": kind.code_from[1]}
    done = subprocess.run(
        [*command, "--no-color", "--generation-database", "none"],
        cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    output = f"seed {seed} (API_SEED)\n{done.stdout}{done.stderr}"
    path = home / "report.json"
    if done.returncode not in (0, 1) or not path.exists():
        raise AssertionError(f"schemathesis ended with {done.returncode} as {kind.name}:\n{output[-6000:]}")
    return _report(kind, json.loads(path.read_text(encoding="utf-8")), output)


def _configuration(kind: Kind, chosen: list[Operation], size: int, seed: int, home: Path) -> str:
    """The run's settings. TOML's basic strings and arrays are those of JSON."""
    quoted = json.dumps
    warnings = "" if kind.stranger else f"\nfail-on = {quoted(list(WARNINGS))}"
    lines = [
        f"seed = {seed}",
        "continue-on-failure = true",
        "request-timeout = 60",
        'workers = 1  # threads that compile at the same time fail in CPython 3.11 ("AST constructor recursion depth")',
        f"[warnings]\ndisplay = {quoted(list(WARNINGS))}{warnings}",
        f"[reports.json]\nenabled = true\npath = {quoted(str(home / 'report.json'))}",
        f"[generation]\nmax-examples = {max(1, size // 2) if kind.stranger else size}\ndeterministic = false\nno-shrink = true",
        "[checks]",
        "enabled = false",
        *(f"{check} = {{enabled = true}}" for check in CHECKS if not (kind.stranger and check in OWNERS_ONLY)),
        f"[phases.stateful]\nenabled = {quoted(not kind.stranger)}\nmax-steps = 6",
    ]
    names: dict[str, list[Any]] = {}
    bound: list[str] = []
    for one in chosen:
        for place in (one.path, f"{one.method} {one.path}"):
            for parameter, values in kind.things.get(place, {}).items():
                name = f"d{len(names)}"
                names[name] = values
                bound.append(
                    f"[[operations]]\ninclude-operation-id = {quoted(one.id)}\n[operations.parameters]\n"
                    f"{quoted(parameter)} = {{dictionary = {quoted(name)}, probability = 0.7}}"
                )
    if names:
        lines += ["[dictionaries]", *(f"{name} = {{values = {quoted(values)}}}" for name, values in names.items())]
    return "\n".join([*lines, *bound]) + "\n"


def _report(kind: Kind, found: dict[str, Any], output: str) -> Report:
    failures = [f"{one['title']}: {', '.join(one['operations'])}" for one in found["failures"]]
    failures += [f"the run itself: {one['title']} × {one['count']}" for one in found["errors"]]
    if not found["complete"]:
        failures.append(f"the run stopped early: {found['stop_reason']}")
    warned = {name: found["warnings"].get(name, []) for name in WARNINGS}
    return Report(
        kind=kind.name,
        requests=found["test_cases"]["generated"],
        failures=failures,
        warnings={} if kind.stranger else warned,
        output=output,
    )


def run_all(url: str, kinds: list[Kind], *, size: int, folder: Path, seed: int = SEED) -> list[Report]:
    """Every kind of client, two at a time. An operation that nobody opens by rights is a failure of its own."""
    every = operations(schema_of(url))
    opened = {one.id for kind in kinds if not kind.stranger for one in asked_by(kind, every)}
    assert not (closed := {one.id for one in every} - opened), f"no kind of client in tests/api/world.py opens {closed}"
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda kind: run(url, kind, size=size, folder=folder, seed=seed), kinds))
