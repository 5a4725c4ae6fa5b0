"""Names: each declared once, each used where it may stand."""

from __future__ import annotations

from . import document as d
from .language import Binary, Call, Compare, Literal, Name, Negative, Node
from .loader import Path
from .reader import Reader, shortened


def check_names(reader: Reader, document: d.Document) -> None:
    """Note every name that is declared twice, unknown, used too early or of the wrong kind."""
    declared = _declared(reader, document)
    _check_options(reader, document, declared)
    _check_history(reader, document)
    for index, limit in enumerate(document.limits):
        measured = document.inputs.get(limit.measure)
        if limit.measure not in ("records", "reduction") and (measured is None or measured.options is not None):
            reader.refuse(
                ("limits", index, "measure"),
                f"“{limit.measure[:40]}”不是数值输入,也不是 records 或 reduction。",
                f"{limit.measure[:40]!r} is neither a numeric input nor records nor reduction.",
            )
    known = {**document.inputs, **document.parameters, **document.history}
    later = set(document.steps)
    for step in document.steps.values():
        scope = _Scope(reader, ("steps", step.name), document, set(known), later)
        scope.value(step.tree)
        known[step.name] = step
        later.discard(step.name)
    if document.output.step not in document.steps and document.output.step:
        reader.refuse(
            ("output", "step"),
            f"没有步骤“{document.output.step[:40]}”。",
            f"there is no step {document.output.step[:40]!r}.",
        )


def _declared(reader: Reader, document: d.Document) -> set[str]:
    seen: dict[str, str] = {}
    for kind in ("inputs", "parameters", "history", "steps"):
        for name in getattr(document, kind):
            if name in seen:
                reader.refuse(
                    (kind, name),
                    f"名称“{name}”已在 {seen[name]} 中使用,请改名。",
                    f"the name {name!r} is already used in {seen[name]}; choose another.",
                )
            seen.setdefault(name, kind)
    return set(seen)


def _check_options(reader: Reader, document: d.Document, declared: set[str]) -> None:
    for choice in document.inputs.values():
        for option in choice.options or ():
            if option in declared:
                reader.refuse(
                    ("inputs", choice.name, "options", option),
                    f"“{option}”既是选项又是已声明的名称,请改名。",
                    f"{option!r} is both an option and a declared name; rename one.",
                )


def _check_history(reader: Reader, document: d.Document) -> None:
    for history in document.history.values():
        path: Path = ("history", history.name)
        measured = document.inputs.get(history.of)
        if measured is None or measured.options is not None:
            reader.refuse(
                (*path, "of"), f"“{history.of[:40]}”不是数值输入。", f"{history.of[:40]!r} is not a numeric input."
            )
        if history.otherwise != "refuse" and history.otherwise not in document.parameters:
            reader.refuse(
                (*path, "otherwise"),
                f"“{history.otherwise[:40]}”既不是 refuse,也不是参数。",
                f"{history.otherwise[:40]!r} is neither refuse nor a parameter.",
            )


class _Scope:
    """Walks one formula with the names that are known before its step."""

    def __init__(self, reader: Reader, path: Path, document: d.Document, known: set[str], later: set[str]) -> None:
        self.reader = reader
        self.path = path
        self.document = document
        self.known = known
        self.later = later

    def refuse(self, column: int, message_zh: str, message_en: str) -> None:
        self.reader.refuse(self.path, message_zh, message_en, column)

    def value(self, node: Node) -> None:
        """Check a tree that must be a number."""
        if isinstance(node, Name):
            self._number(node)
        elif isinstance(node, Negative):
            self.value(node.operand)
        elif isinstance(node, Binary):
            self.value(node.left)
            self.value(node.right)
        elif isinstance(node, Compare):
            self._compare(node)
        elif isinstance(node, Call):
            for argument in node.arguments:
                self.value(argument)
        else:
            assert isinstance(node, Literal)

    def _number(self, node: Name) -> None:
        if self._choice(node) is not None:
            self.refuse(
                node.column,
                f"选择型输入“{node.name}”只能与其选项用 == 或 != 比较。",
                f"the choice input {node.name!r} can only be compared with its options by == or !=.",
            )
        elif node.name in self.later:
            self.refuse(
                node.column,
                f"步骤“{node.name}”在后面才计算,只能使用前面的步骤。",
                f"the step {node.name!r} comes later; a step may use earlier steps only.",
            )
        elif node.name not in self.known:
            self.refuse(
                node.column,
                f"未声明的名称“{node.name[:40]}”。",
                f"the name {node.name[:40]!r} is not declared in the document.",
            )

    def _choice(self, node: Node) -> d.Input | None:
        found = self.document.inputs.get(node.name) if isinstance(node, Name) else None
        return found if found is not None and found.options is not None else None

    def _compare(self, node: Compare) -> None:
        choice = self._choice(node.left)
        other = node.right
        if choice is None:
            choice, other = self._choice(node.right), node.left
        if choice is None:
            self.value(node.left)
            self.value(node.right)
        elif node.operator not in ("==", "!="):
            self.refuse(
                node.column,
                "选项只能用 == 或 != 比较。",
                "an option can only be compared by == or !=.",
            )
        elif not isinstance(other, Name) or other.name not in (choice.options or {}):
            self.refuse(
                getattr(other, "column", node.column),
                f"这里应是“{choice.name}”的一个选项:{'、'.join(shortened(tuple(choice.options or ())))}。",
                f"an option of {choice.name!r} belongs here: {', '.join(shortened(tuple(choice.options or ())))}.",
            )
