"""bin/bench [NAME…] [--json FILE] [--rounds N]: runs bench_NAME.py and prints each ratio beside its goal."""

import argparse
import importlib
import json
import os
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("PORTAL_VAR") or ROOT / "var").resolve() / "bench"


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/bench", description="基准测试 / benchmarks against limits and peers")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {' '.join(names())} (default all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison (default 5)")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(names()))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)} (there are: {', '.join(names())})")
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    for variable in ("DATABASE_URL", "DATABASE_URL_OWNER", "DATABASE_URL_WORKER", "REDIS_URL", "PORTAL_DB_NAME"):
        os.environ.pop(variable, None)
    os.environ.update(
        PORTAL_VAR=str(VAR), PORTAL_DB_ROLE="worker", PORTAL_DEMO="1", DJANGO_SETTINGS_MODULE="carbon_portal.settings"
    )
    rows = run(options.names or names(), options.rounds)
    if options.json:
        options.json.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return int(any(row["met"] is False for row in rows))


def run(chosen: list[str], rounds: int) -> list[dict[str, object]]:
    import django

    django.setup()
    from carbon_portal.kernel.services import launcher
    from tests import database, founding
    from tests.bench.harness import Bench

    founding.sync_as_owner()

    @cache
    def start_services() -> str:
        VAR.mkdir(parents=True, exist_ok=True)
        launcher.start(VAR)  # durable: fsync and synchronous_commit on
        database.drop_leftovers()
        return database.ensure_template(VAR)

    peers = ROOT / ".venv-bench" / "bin" / "python"
    bench = Bench(rounds=rounds, var=VAR, peers=peers if peers.exists() else None, start_services=start_services)
    results = []
    try:
        for name in chosen:
            print(f"── {name}", flush=True)
            for row in importlib.import_module(f"tests.bench.bench_{name}").run(bench):
                results.append(row.as_json())
                print(line(results[-1]), flush=True)
    finally:
        if start_services.cache_info().currsize:
            database.point_django_at("postgres", "worker")
            for made in bench.made:
                database.drop(made)
            launcher.stop(VAR)
    return results


def line(row: dict) -> str:
    """One result as a person reads it."""
    verdict = {True: "met", False: "MISSED", None: "reported"}[row["met"]]
    ratio = "not measured" if row["ratio"] is None else f"{row['ratio']:.3g} ×"
    sign = "≥" if row["better"] == "higher" else "≤"
    goal = f"{sign} {row['target']} ×" if row["target"] is not None else "no goal"
    sides = " against ".join(
        f"{side['name']} {side['median']:,.6g} {side['unit']} ({side['min']:,.6g} to {side['max']:,.6g})"
        if side.get("median") is not None
        else f"{side['name']} (not found)"
        for side in (row["ours"], row["against"])
    )
    return f"{row['goal']:<4} {verdict:<8} {ratio:<12} {goal:<12} {sides}"


if __name__ == "__main__":
    sys.exit(main())
