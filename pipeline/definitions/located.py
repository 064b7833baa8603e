"""YAML with the line of every value.

Values are those of YAML 1.2: `on`, `no` and `07:30` are text, and so are dates, which the
records read themselves.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipeline.errors import Problem

Path = tuple[str | int, ...]
"""Keys and positions from the top of a file to a value."""

MAX_DEPTH = 50
"""Of nesting; what the contract describes needs six."""

MAX_VALUES = 200_000
"""Of values in a file; a few aliases of aliases make more out of a screen of text."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
# Neither 007 nor 1_000 is a number: written without quotes they are ids, and stay as written.
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, bool | None] = {
    word: value
    for name, value in (("null", None), ("true", True), ("false", False))
    for word in (name, name.capitalize(), name.upper())
} | {"": None, "~": None}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves every scalar as text: what it means is decided here, by YAML 1.2."""

    # The C parser where there is one: it is ten times as fast.
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own spelling


@dataclass(slots=True)
class Located:
    """What a file says, and on which line."""

    file: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """The line of a value; for one that is not there, of what should hold it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def read(text: str, file: str) -> Located:
    """Read one YAML document; what is wrong with it stands in `problems`."""
    found = Located(file)
    try:
        # The C parser composes by recursion and takes the process along when that is too deep.
        if _too_deep(text):
            found.problems.append(Problem(file=file, message="is nested too deeply"))
            return found
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What is missing at the end of the file was opened somewhere else.
        if error.context_mark and mark and mark.index >= len(text.rstrip()):
            mark = error.context_mark
        found.problems.append(
            Problem(
                file=file,
                line=None if mark is None else mark.line + 1,
                message=f"is no YAML: {error.problem or error.context}",
                remedy="check indentation, brackets and quotes from there up",
            )
        )
        return found
    except (yaml.YAMLError, ValueError) as error:
        said = str(error).splitlines()[0]
        found.problems.append(Problem(file=file, message=f"is no YAML: {said}"))
        return found
    if node is not None:
        found.value = _Reading(found).value(node, ())
    return found


def _too_deep(text: str) -> bool:
    """Whether the nesting goes too deep, told without recursion and as early as it does."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


class _Reading:
    """Turns nodes into values and notes their lines."""

    def __init__(self, found: Located) -> None:
        self._found = found
        self._open: list[int] = []
        self._count = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            if self._count == MAX_VALUES + 1:
                self._problem(node, path, "says too much", "use fewer aliases, or more files")
            return None
        self._found.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        # An anchor may stand in many places, but not within itself.
        if id(node) in self._open:
            self._problem(node, path, "refers to itself", "write it out")
            return None
        self._open.append(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, at)) for at, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be text", "write `key: value`")
                continue
            key = key_node.value
            if key == "<<" and not key_node.style:
                merged |= self._merged(value_node, path)
                continue
            if key in values:
                self._problem(key_node, (*path, key), "is written twice", "keep one of them")
                continue
            self._found.lines[(*path, key)] = key_node.start_mark.line + 1
            values[key] = self.value(value_node, (*path, key))
        return merged | values

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            value = self.value(part, path)
            if isinstance(value, dict):
                merged = value | merged  # the first one named wins
            else:
                self._problem(part, path, "`<<` takes mappings", "name an anchor of a mapping")
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.tag != "tag:yaml.org,2002:str":
            self._problem(node, path, f"has the tag {node.tag}", "remove the tag")
            return None
        if node.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        # Longer than any quantity: an id (and int() refuses thousands of digits).
        if len(text) <= 18 and _INT.fullmatch(text):
            return int(text)
        if len(text) <= 40 and _FLOAT.fullmatch(text) and not _zeros(text):
            number = float(text)
            return number if math.isfinite(number) else text  # 12e5678 is a commit
        return text

    def _problem(self, node: yaml.Node, path: Path, message: str, remedy: str) -> None:
        self._found.problems.append(
            Problem(
                file=self._found.file,
                line=node.start_mark.line + 1,
                key=dotted(path),
                message=message,
                remedy=remedy,
            )
        )


def _zeros(text: str) -> bool:
    """Whether a number begins with a zero that a number would not have."""
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def dotted(path: Path) -> str:
    """A path as people write it: goals[0].metric.target."""
    said = ""
    for step in path:
        said += f"[{step}]" if isinstance(step, int) else f".{step}" if said else step
    return said
