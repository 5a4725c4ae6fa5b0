"""What can be wrong with a document, said in two languages, with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; ``error`` stops a document from loading or passing, ``warning`` blocks a later stage only."""

    level: str
    where: str
    message_zh: str
    message_en: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.message_zh} {self.message_en}"


class DocumentError(ValueError):
    """A document (or the factor library) is refused; ``problems`` has every reason that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def error(where: str, message_zh: str, message_en: str) -> Problem:
    return Problem("error", where, message_zh, message_en)


def warning(where: str, message_zh: str, message_en: str) -> Problem:
    return Problem("warning", where, message_zh, message_en)
