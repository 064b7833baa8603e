"""Stories: what happened, told in signals, and what the public views show then.

A file holds the definitions that its stories share (`given`) and the stories. Each story has

    story      its claim, in one sentence
    section    where semantics.md says so
    open       only where the story is not true yet: the reason
    config     definitions of its own; a record with the same id adds to the shared one
    signals    - Mon 2 Mar 16:00 work_item.changed PAY-42: {status: done}
    then       the instant of looking: view and row: columns

A time is local to the organisation and in 2026, and its weekday must be the right one. A signal
is its type, the name of what it is about, and what is not usual (`notation.FULL`). `ce` holds
attributes of its envelope; with `received` it arrives that late, and earlier looks know nothing
of it. A number counts as far as it is written: 58 % is 0.575 to 0.585. Nothing that happens may
be refused, unless the story looks at that.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.engine.intake import Summary
from pipeline.engine.local import LocalEngine
from pipeline.engine.replay import run
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE
from tests.stories.notation import Data, Line, Told, moment, plain, read, rows, same, say, tell

ABOUT = {
    "adopters": ("subject", "adopter"),
    "adoption_daily": ("subject", "day"),
    "adoption_now": ("subject",),
    "basically_done_daily": ("team", "day"),
    "changes_shipped": ("change", "service"),
    "commitment_limits": ("level", "team"),
    "commitments_kept": ("team", "period"),
    "data_quality_daily": ("source", "day"),
    "deploys": ("service", "deploy"),
    "dora_weekly": ("service", "week"),
    "findings": ("about", "rule"),
    "forecast_calibration": ("about_kind", "quantity", "against"),
    "forecasts": ("about", "quantity", "scenario"),
    "gap_times": ("team", "stage", "week"),
    "goal_contributions": ("goal_id", "team"),
    "goal_hygiene": ("team",),
    "goal_progress_daily": ("goal_id", "day"),
    "goal_versions": ("goal_id",),
    "goals_now": ("goal_id",),
    "links": ("to", "from"),
    "rejections": ("source", "reason"),
    "setup_gaps": ("team", "gap"),
    "signals": ("source", "id"),
    "team_flow_weekly": ("team", "week"),
    "verifications": ("subject", "adopter"),
    "work_item_states": ("work_item",),
    "work_items_now": ("key",),
}
"""Per view the columns that the words after its name are about."""

OF_ARRIVAL = {"data_quality_daily", "rejections"}
"""Views that may differ when the same signals arrive in another order."""

ORDER = (
    "confirmed_at",
    "raised_at",
    "from_at",
    "finished_at",
    "at",
    "day",
    "week",
    "made_on",
    "line",
)
"""Rows come by the first of these columns that the view has, then by all."""


@dataclass(frozen=True)
class Story:
    """One story of a file."""

    file: Path
    title: Line
    section: str
    open: str
    config: Data
    signals: list[Told]
    then: dict[Line, Data]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.config["organisation"]["timezone"])

    @property
    def minds_refusals(self) -> bool:
        return OF_ARRIVAL.isdisjoint(w.split()[0] for look in self.then.values() for w in look)


def stories(place: Path) -> Iterator[Story]:
    """Every story of a file, or of every file of a folder."""
    for file in sorted(place.glob("*.yaml")) if place.is_dir() else [place]:
        content = read(file.read_text(encoding="utf-8"))
        for told in content["stories"]:
            config = _merged(plain(content["given"]), plain(told.pop("config", {})))
            yield Story(
                file=file,
                title=told.pop("story"),
                section=str(told.pop("section")),
                open=str(told.pop("open", "")),
                config=config,
                signals=tell(told.pop("signals"), ZoneInfo(config["organisation"]["timezone"])),
                then=told.pop("then"),
            )
            assert not told, f"{file.name}: a story has no {', '.join(told)}"


def _merged(given: Data, own: Data) -> Data:
    """Records with the same id and `from` are one, in which the story's words win."""
    for section, said in own.items():
        if isinstance(said, dict):
            given[section] = {**given.get(section, {}), **said}
        else:
            records = {(r["id"], r.get("from")): r for r in given.get(section, [])}
            for record in said:
                name = (record["id"], record.get("from"))
                records[name] = {**records.get(name, {}), **record}
            given[section] = list(records.values())
    return given


def play(story: Story, store: Store, folder: Path, *, backwards: bool = False) -> list[str]:
    """Let a story happen, and say what the views show otherwise than the story does.

    Backwards, what arrives between two looks arrives last first, and twice.
    """
    empty(store)
    wrong: list[str] = []
    coming = story.signals
    for number, (when, look) in enumerate(story.then.items()):
        now, _ = moment(when, story.zone)
        lines = [signal.body for signal in coming if signal.received <= now]
        coming = [signal for signal in coming if signal.received > now]
        summary = _replay(
            story,
            store,
            folder / str(number),
            lines[::-1] + lines if backwards else lines,
            when,
        )
        if story.minds_refusals and (summary.rejected or summary.ignored):
            found = store.rows("SELECT reason, detail FROM signals.rejections")
            wrong.append(f"  on {when}: refused {found}, ignored {dict(summary.ignored)}")
        for words, expected in look.items():
            if not (backwards and words.split()[0] in OF_ARRIVAL):
                differing = _compare(story, store, words, expected)
                wrong += [f"  on {when}, line {words.line}: {words}: {d}" for d in differing]
    wrong += [f"  no look comes after {signal.body.decode()}" for signal in coming]
    if wrong:
        place = f"{story.file.name}, line {story.title.line}"
        wrong = [f"{story.title} (semantics {story.section}; {place})", *wrong]
    return wrong


def _replay(story: Story, store: Store, file: Path, lines: list[bytes], when: str) -> Summary:
    config = file.with_name("config.yaml")
    config.write_text(json.dumps(story.config), encoding="utf-8")
    file.write_bytes(b"\n".join(lines))
    until = moment(when, story.zone)[0].isoformat()
    with LocalEngine(file.parent, store) as engine:
        return run(engine, [file], config=config, until=until)


def empty(store: Store) -> None:
    """Make a store like new, but for its tables."""
    found = store.rows(
        "SELECT name FROM system.tables"
        " WHERE database = {database:String} AND total_rows > 0 AND name != 'migrations'",
        {"database": DATABASE},
    )
    for row in found:
        store.command(f"TRUNCATE TABLE {DATABASE}.{row['name']}")


def _compare(story: Story, store: Store, words: str, expected: Any) -> Iterator[str]:
    """What differs between the rows that the words are about and those that are expected."""
    found = _found(store, words)
    wanted = rows(expected)
    if len(wanted) != len(found):
        names = wanted[0] if wanted else found[0]
        shown = "".join(f"\n      {_shown(row, names, story)}" for row in found)
        yield f"expected {len(wanted)} rows, got {len(found)}{shown}"
        return
    for number, (row, columns) in enumerate(zip(found, wanted, strict=True), 1):
        other = [n for n, value in columns.items() if not same(value, row[n], story.zone)]
        if other:
            expects = ", ".join(f"{name} {columns[name]}" for name in other)
            yield f"row {number}: expected {expects}; got {_shown(row, other, story)}"


def _shown(row: Data, names: Iterable[str], story: Story) -> str:
    return ", ".join(f"{name} {say(row[name], story.zone)}" for name in names)


def _found(store: Store, words: str) -> list[Data]:
    view, *about = words.split(maxsplit=1)
    conditions = ["true"]
    parameters: Data = {}
    rest = about[0] if about else ""
    for column in ABOUT[view]:
        if not rest:
            break
        if column in {"day", "week"}:
            parameters[column], rest = moment(rest)[0].date().isoformat(), ""
            conditions.append(f"{column} = {{{column}:String}}")
        else:
            parameters[column], _, rest = rest.partition(" ")
            name = f"{{{column}:String}}"
            conditions.append(f"`{column}` IN ({name}, concat('jira:', {name}))")
    sql = f"SELECT * FROM signals.{view} WHERE {' AND '.join(conditions)}"
    return sorted(store.rows(sql, parameters), key=_place)


def _place(row: Data) -> tuple[Any, ...]:
    column = next((column for column in ORDER if column in row), None)
    return (row[column] if column else 0, str(row))
