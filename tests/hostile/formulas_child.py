"""Reads hostile formulas and documents within 64 MB and a bounded time, and tells the system's own tale of it.

    python formulas_child.py COUNT SEED < corpus.json > report.json

An audit hook sees whatever Python itself opens, compiles, executes, imports or starts: a formula that was evaluated
would show. The memory limit is what this process has after its imports, plus 64 MB; the processor time is bounded too.
"""

import datetime
import json
import random
import resource
import sys
from typing import Any

MORE_BYTES = 64 << 20
CPU_SECONDS = 120
FORBIDDEN = ("open", "exec", "compile", "import", "os.", "subprocess.", "socket.", "ctypes.", "pickle.", "code.__new__")


def _used() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        status = file.read()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmSize")).split()[1])


def fuzzed(dice: random.Random) -> str:
    """Something that is nearly a formula: its tokens shuffled, or letters of every kind."""
    if dice.random() < 0.7:
        tokens = [
            "a",
            "distance",
            "min(",
            "max(",
            "clip(",
            "where(",
            ")",
            ",",
            "+",
            "-",
            "*",
            "/",
            "<",
            "==",
            "(",
            "1",
            "9" * 9,
            " ",
        ]
        return "".join(dice.choice(tokens) for _ in range(dice.randint(1, 60)))
    return "".join(
        chr(dice.choice((dice.randrange(32, 127), dice.randrange(0x110000)))) for _ in range(dice.randint(1, 600))
    )


def main(count: int, seed: int) -> dict[str, Any]:
    from methodologies.engine import language
    from methodologies.engine.check import check_document

    corpus = json.load(sys.stdin)
    dice = random.Random(seed)
    check_document("a: [1]", name="warm up", factors=None, today=datetime.date(2026, 11, 22))
    events: list[str] = []

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            events.append(f"{event} {arguments!r:.200}")

    limit = _used() + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    sys.addaudithook(listen)
    accepted, refused, parsed = [], 0, 0
    for text in corpus["formulas"]:
        try:
            language.parse(text)
            accepted.append(text[:80])
        except language.FormulaError as error:
            refused += error.column >= 1 and bool(error.message_zh)
    for _ in range(count):
        try:
            parsed += bool(language.parse(fuzzed(dice)))
        except language.FormulaError:
            refused += 1
    for text in corpus["documents"]:
        found = check_document(text, name="hostile.yaml", factors=None, today=datetime.date(2026, 11, 22))
        if not found:
            accepted.append(text[:80])
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {"accepted": accepted, "refused": refused, "parsed": parsed, "events": events, "cpu": spent.ru_utime}


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
