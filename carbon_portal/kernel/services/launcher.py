"""One launcher for the demo, developers, tests and continuous integration.

``python -m carbon_portal.kernel.services.launcher start|stop|status`` does without Django what
``manage.py services`` does.
"""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from carbon_portal.kernel.services import paths
from carbon_portal.kernel.services.postgres import Postgres
from carbon_portal.kernel.services.processes import ServiceError, locked
from carbon_portal.kernel.services.valkey import Valkey


@dataclass(frozen=True)
class Report:
    """What became of one service: ``started``, ``running``, ``stopped``, ``not running`` or ``external``."""

    service: str
    state: str
    pid: int | None = None
    where: str = ""

    def __str__(self) -> str:
        pid = f", pid {self.pid}" if self.pid else ""
        where = f", {self.where}" if self.where else ""
        return f"{self.service}: {self.state}{pid}{where}"


def _services(var: Path, *, durable: bool) -> tuple[list[Postgres | Valkey], list[Report]]:
    mine: list[Postgres | Valkey] = []
    external = []
    if paths.external_database():
        external.append(Report("postgres", "external", where="DATABASE_URL is set: nothing to do"))
    else:
        mine.append(Postgres(var, fsync=durable))
    if paths.external_broker():
        external.append(Report("valkey", "external", where="REDIS_URL is set: nothing to do"))
    else:
        mine.append(Valkey(var, durable=durable))
    return mine, external


def _name(service: Postgres | Valkey) -> str:
    return type(service).__name__.lower()


def _where(service: Postgres | Valkey) -> str:
    return str(service.sockets if isinstance(service, Postgres) else service.socket)


def start(var: Path | None = None, *, durable: bool = True) -> list[Report]:
    """Start what is not running and adopt what is. ``durable=False`` (tests) trades safety on power loss for speed."""
    var = var or paths.var_folder()
    mine, reports = _services(var, durable=durable)
    if not mine:
        return reports
    (var / "log").mkdir(parents=True, exist_ok=True)
    with locked(var / "services.lock"):
        for service in mine:
            fresh = service.start()
            reports.append(Report(_name(service), "started" if fresh else "running", service.pid(), _where(service)))
    return reports


def stop(var: Path | None = None) -> list[Report]:
    """Stop what runs, Valkey first; harmless when nothing does."""
    var = var or paths.var_folder()
    mine, reports = _services(var, durable=True)
    if not mine or not var.is_dir():
        return reports + [Report(_name(service), "not running") for service in mine]
    with locked(var / "services.lock"):
        for service in reversed(mine):
            reports.append(Report(_name(service), "stopped" if service.stop() else "not running"))
        with suppress(OSError):  # something else keeps its socket there
            paths.socket_dir(var).rmdir()
    return reports


def status(var: Path | None = None) -> list[Report]:
    """What runs now; starts and stops nothing."""
    var = var or paths.var_folder()
    mine, reports = _services(var, durable=True)
    for service in mine:
        up = service.ready()
        reports.append(
            Report(_name(service), "running" if up else "not running", service.pid() if up else None, _where(service))
        )
    return reports


def run(action: str) -> int:
    """Do one action for a person at a terminal; the exit code is 1 when something failed or does not run."""
    try:
        reports = {"start": start, "stop": stop, "status": status}[action]()
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for report in reports:
        sys.stdout.write(f"{report}\n")
    return int(action == "status" and any(report.state == "not running" for report in reports))


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in {"start", "stop", "status"}:
        sys.stderr.write("usage: python -m carbon_portal.kernel.services.launcher start|stop|status\n")
        return 2
    return run(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
