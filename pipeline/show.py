"""Rows for people and programs: as a table, as JSON, as CSV."""

import csv
import datetime as dt
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

FORMS = ("table", "json", "csv")


def plain(value: Any) -> Any:
    """A value as JSON has it: instants in RFC 3339 with Z, no NaN, bytes as text."""
    match value:
        case dt.datetime():
            text = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z")
        case dt.date():
            return value.isoformat()
        case bytes():
            return value.decode(errors="replace")
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int() | str():
            return value
        case _:
            return str(value)


def show(out: Console, names: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> None:
    found = [[plain(value) for value in row] for row in rows]
    if form == "json":
        json.dump([dict(zip(names, row, strict=True)) for row in found], sys.stdout)
        sys.stdout.write("\n")
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_field(value) for value in row] for row in found)
    else:
        _table(out, names, found)


def _field(value: Any) -> Any:
    return (
        json.dumps(value) if isinstance(value, list | dict) else "" if value is None else value
    )


def _table(out: Console, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table; one row below the other where the columns do not fit the terminal."""
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        # As text: a title may hold what the console takes for markup.
        table.add_row(*[Text(_cell(value)) for value in row])
    least, most = Measurement.get(out, out.options.update(max_width=1_000_000), table)
    if not out.is_terminal:
        # A file or another program has no width to fit into.
        Console(width=max(most, 1), highlight=False).print(table)
    elif least <= out.width:
        out.print(table, width=min(most, out.width))
    else:
        grid = Table.grid(padding=(0, 2))
        for n, row in enumerate(rows):
            if n:
                grid.add_row()
            for name, value in zip(names, row, strict=True):
                grid.add_row(Text(name, "bold"), Text(_cell(value)))
        out.print(grid)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    if isinstance(value, float):
        # brings the whole store along, and many answers hold no such number
        from pipeline.notify.digest import number  # noqa: PLC0415

        return number(value)
    return str(value)
