"""Clients that do one deed over and over: processes of one interpreter, each with its own connection.

Standard library only: the product's environment and the peers' (.venv-bench) both run it. The process that calls
``serve`` reads orders from its input, one JSON object a line (``{"run": "r1", "clients": 8, "seconds": 3}``), and answers
each with one line: how many deeds were acknowledged, per client, and their latencies.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

#: In each client, gives the deed, which is called with a key that is new each time and has been committed when it
#: returns; and what repeats the last deed after a round, raising unless that has no second effect (None: not repeatable).
Prepare = Callable[[], tuple[Callable[[str], Any], Callable[[], None] | None]]

ROOT = Path(__file__).resolve().parents[2]


def serve(prepare: Prepare, *, clients: int) -> None:
    """Answer orders until the input ends."""
    context = get_context("fork")
    pipes: list[Connection] = []
    for number in range(clients):
        ours, theirs = context.Pipe()
        context.Process(target=_work, args=(number, theirs, prepare), daemon=True).start()
        theirs.close()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    print("ready", flush=True)
    for order in sys.stdin:
        wanted = json.loads(order)
        chosen = pipes[: wanted["clients"]]
        began = time.monotonic() + 0.1
        for pipe in chosen:
            pipe.send((wanted["run"], began, wanted["seconds"]))
        found = [pipe.recv() for pipe in chosen]
        print(json.dumps([[done, seconds, latencies] for done, seconds, latencies in found]), flush=True)


def _work(number: int, pipe: Connection, prepare: Prepare) -> None:
    deed, again = prepare()
    pipe.send("ready")
    while True:
        try:
            run, began, seconds = pipe.recv()
        except EOFError:
            os._exit(0)
        latencies, done = [], 0
        time.sleep(max(began - time.monotonic(), 0))
        start = before = time.perf_counter()
        end = start + seconds
        while before < end:
            deed(f"{run}:{number}:{done}")
            now = time.perf_counter()
            latencies.append(round((now - before) * 1e6))
            before = now
            done += 1
        elapsed = before - start
        if again is not None:
            again()
        pipe.send((done, elapsed, latencies))


@dataclass
class Measured:
    """One round of one side: deeds per second over all clients, how many each client had acknowledged, latencies."""

    run: str
    rate: float
    done: list[int]
    p50_us: int
    p99_us: int


@dataclass
class Clients:
    """A process that serves, seen from the benchmark."""

    command: Sequence[str]
    environment: dict[str, str]
    rounds: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        said = self._answer()
        if said != "ready":
            raise RuntimeError(f"{self.command}: {said!r} instead of ready")

    def order(self, run: str, *, clients: int, seconds: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"run": run, "clients": clients, "seconds": seconds}) + "\n")
        self.process.stdin.flush()

    def measure(self, *, clients: int, seconds: float) -> Measured:
        """One round; its name, with which all of its keys begin, is new each time."""
        self.rounds += 1
        run = f"r{self.rounds}"
        self.order(run, clients=clients, seconds=seconds)
        found = json.loads(self._answer())
        latencies = sorted(latency for _, _, some in found for latency in some)
        return Measured(
            run=run,
            rate=sum(done / elapsed for done, elapsed, _ in found),
            done=[done for done, _, _ in found],
            p50_us=latencies[len(latencies) // 2],
            p99_us=latencies[len(latencies) * 99 // 100],
        )

    def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(timeout=30)

    def kill(self) -> None:
        """`kill -9` of all of its clients at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.command} ended with {self.process.wait()}")
        return line.strip()
