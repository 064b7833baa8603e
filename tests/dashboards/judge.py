"""Alert rules judged on a store as Grafana does: a query, its number, a threshold, instances."""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.store.client import Result, Store

Json = dict[str, Any]
Labels = frozenset[tuple[str, str]]
"""What tells one instance of an alert from another."""

_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
_NUMBER = re.compile(r"U?Int\d+|Float\d+|Decimal\(.*\)")
_TEXT = re.compile(r"String|FixedString\(\d+\)|Enum\d+\(.*\)")


class NoAlertError(Exception):
    """Grafana cannot make instances of these rows."""


def kind(type_: str) -> str:
    """What a column of ClickHouse is to Grafana: number, string or other (times, truth, lists)."""
    while wrapped := _WRAPPED.fullmatch(type_):
        type_ = wrapped[1]
    return next(
        (name for name, of in (("number", _NUMBER), ("string", _TEXT)) if of.fullmatch(type_)),
        "other",
    )


def is_number_table(types: tuple[str, ...]) -> bool:
    """Whether each row becomes a number with labels: one column of numbers, else only strings."""
    kinds = [kind(type_) for type_ in types]
    return kinds.count("number") == 1 and "other" not in kinds


def numbers(table: Result) -> dict[Labels, float]:
    """The number of each row by its labels."""
    if not is_number_table(table.types):
        raise NoAlertError(f"not one number and strings: {dict(zip(*table[:2], strict=True))}")
    at = [kind(type_) for type_ in table.types].index("number")
    found: dict[Labels, float] = {}
    for row in table.rows:
        labels = frozenset(
            (name, value or "")
            for n, (name, value) in enumerate(zip(table.names, row, strict=True))
            if n != at
        )
        if labels in found:
            raise NoAlertError(f"two rows have the labels {dict(labels)}")
        if row[at] is None:
            raise NoAlertError(f"no number for {dict(labels)}")
        found[labels] = row[at]
    return found


def evaluate(store: Store, rule: Json) -> dict[Labels, bool]:
    """Per instance of a provisioned rule whether its condition holds; `for` is not waited out."""
    steps: Mapping[str, Json] = {step["refId"]: step["model"] for step in rule["data"]}
    query, same, threshold = (steps[ref] for ref in "ABC")
    assert (same["type"], same["expression"]) == ("math", "$A")
    assert (threshold["type"], threshold["expression"], rule["condition"]) == (
        "threshold",
        "B",
        "C",
    )
    ((evaluator,),) = (condition.values() for condition in threshold["conditions"])
    assert evaluator["type"] == "gt"
    found = numbers(store.query(query["rawSql"]))
    if not found:
        return {frozenset(): rule["noDataState"] == "Alerting"}
    return {labels: number > evaluator["params"][0] for labels, number in found.items()}


def firing(store: Store, rule: Json) -> set[Labels]:
    return {labels for labels, fires in evaluate(store, rule).items() if fires}
