"""The commands: everything is built here from the settings, and every answer is printed here."""

import csv
import datetime as dt
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from pipeline.config import Settings
from pipeline.definitions import check_definitions
from pipeline.engine import local, schemas
from pipeline.engine.decode import REASONS
from pipeline.engine.reader import Progress as Read
from pipeline.errors import DeliverySignalsError, NotFound, UsageError
from pipeline.history import history as real_history
from pipeline.notify import digest as wake_up
from pipeline.simulate import simulate
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import check, migrate

app = typer.Typer(
    help='Which goals really move, and which work is only "basically done".',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Check definitions, show settings.", no_args_is_help=True)
rejected_app = typer.Typer(help="Lines that were not taken, and why.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(rejected_app, name="rejected")

READING = {"readonly": "2"}
"""ClickHouse refuses everything but reading; its settings may be set."""

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Data = Annotated[Path | None, typer.Option("--data", help="Directory of the local engine.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="Definitions: a YAML file or a folder of them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Take nothing later than this time; end with a tick then."),
]


def _settings(data: Path | None = None, config: Path | None = None) -> Settings:
    return Settings.load(overrides={"data": data, "config": config})


@contextmanager
def _store(data: Path | None) -> Iterator[Store]:
    """The store that the settings name, with the schema of this version, to read from it."""
    settings = _settings(data)
    if settings.embedded and not settings.data.exists():
        raise NotFound(
            f"There is no data in {settings.data}",
            "run `signals demo` or `signals replay FILE`",
        )
    url = None if settings.embedded else settings.clickhouse_url
    data = settings.data if settings.embedded else None
    with open_store(data, url, settings=READING) as store:
        check(store)
        yield store


def _plain(value: Any) -> Any:
    """A value as JSON and tables show it; instants in RFC 3339 with Z."""
    if isinstance(value, dt.datetime):
        text = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _show(names: list[str], rows: list[tuple[Any, ...]], form: str) -> None:
    plain = [[_plain(value) for value in row] for row in rows]
    if form == "json":
        print(json.dumps([dict(zip(names, row, strict=True)) for row in plain], default=str))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(
            [json.dumps(v) if isinstance(v, list) else "" if v is None else v for v in row]
            for row in plain
        )
    else:
        table = Table(*names, box=None, header_style="bold")
        for row in plain:
            table.add_row(*[_cell(value) for value in row])
        out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return wake_up.number(value)
    return str(value)


def _select(sql: str, data: Path | None, *, as_json: bool) -> None:
    with _store(data) as store:
        names, _, rows = store.query(sql)
        _show(list(names), rows, "json" if as_json else "table")


@contextmanager
def _reporting(label: str) -> Iterator[Any]:
    """A progress bar with rate and remaining time on a terminal, nothing elsewhere."""
    if not err.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(label, total=None, rate="")

        def report(read: Read) -> None:
            bar.update(task, completed=read.done, total=read.total)

        yield report


def _replay(
    files: list[Path | str],
    data: Path,
    config: Path | None,
    until: str | None,
    *,
    as_json: bool = False,
) -> None:
    if until is not None:
        _time(until)
    with _reporting("replay") as report:
        summary = local.replay(files, data, config, until, report)
    if as_json:
        print(json.dumps(summary.as_dict()))
        return
    ignored = sum(summary.ignored.values())
    err.print(
        f"{summary.lines} lines: {summary.accepted} accepted"
        f" ({summary.duplicates} duplicates), {ignored} ignored, {summary.rejected} rejected"
    )
    if summary.rejected:
        err.print("`signals rejected list` shows what was rejected, and why")


def _time(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--until {text!r} is no time", "such as 2026-03-31T00:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise UsageError(f"--until {text!r} has no offset", "such as 2026-03-31T00:00:00Z")
    return moment


@app.command()
def demo(
    data: Data = None,
    days: Annotated[int, typer.Option(min=30, max=400, help="Days to simulate.")] = 120,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 1,
    history: Annotated[
        str | None, typer.Option(help="Replay a real history instead: controller-runtime.")
    ] = None,
) -> None:
    """Run the whole pipeline on a simulated organisation or a real history; print the digest."""
    folder = _settings(data).data
    if history is not None:
        found = real_history(history)
        _replay([found.signals], folder, found.config, found.until)
    else:
        simulation = simulate(folder / "simulation", days=days, seed=seed)
        _replay(list(simulation.signals), folder, simulation.config, simulation.until)
    with _store(folder) as store:
        out.print(wake_up.digest(store), markup=False)
    err.print(f"\nData in {folder}. Ask it: signals query 'SELECT * FROM signals.goals_now'")


@app.command()
def replay(
    files: Annotated[list[str], typer.Argument(help="NDJSON, also .gz and .zst; - is stdin.")],
    data: Data = None,
    config: Config = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Run files of signals through the local engine; may be repeated."""
    settings = _settings(data, config)
    paths: list[Path | str] = [name if name == "-" else Path(name) for name in files]
    _replay(paths, settings.data, settings.config, until, as_json=as_json)


@app.command()
def rebuild(data: Data = None) -> None:
    """Make all state and rows anew from the stored signals."""
    settings = _settings(data)
    with _store(data):
        pass
    err.print(f"{local.rebuild(settings.data)} signals read again")


@app.command()
def erase(adopter: str, data: Data = None) -> None:
    """Pseudonymise an adopter everywhere; counts stay."""
    settings = _settings(data)
    with _store(data):
        pass
    err.print(f"{local.erase(settings.data, adopter)} signals rewritten")


@app.command()
def query(
    sql: str,
    data: Data = None,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
    as_json: AsJson = False,
) -> None:
    """Read the store: `SELECT * FROM signals.goals_now`."""
    if form not in ("table", "json", "csv"):
        raise UsageError(f"--format {form!r} is unknown", "choose table, json or csv")
    with _store(data) as store:
        names, _, rows = store.query(sql)
        _show(list(names), rows, "json" if as_json else form)


@app.command()
def goals(data: Data = None, as_json: AsJson = False) -> None:
    """Every goal with value, target, pace and status."""
    _select(
        "SELECT goal_id, title, level, value, target, delta_1d, pace, status, days_left,"
        " basically_done FROM signals.goals_now ORDER BY level, goal_id",
        data,
        as_json=as_json,
    )


@app.command()
def findings(data: Data = None, as_json: AsJson = False) -> None:
    """Open findings, oldest first."""
    _select(
        "SELECT rule, about, team, severity, raised_at, explanation, decision, finding_id"
        " FROM signals.findings WHERE isNull(cleared_at) AND rule != 'goal_hit'"
        " ORDER BY raised_at, finding_id",
        data,
        as_json=as_json,
    )


@app.command()
def digest(data: Data = None, as_json: AsJson = False) -> None:
    """The wake-up: what moved, what is only basically done, what is not known."""
    with _store(data) as store:
        text = wake_up.digest(store)
    if as_json:
        print(json.dumps({"text": text}))
    else:
        out.print(text, markup=False)


@app.command()
def status(data: Data = None, as_json: AsJson = False) -> None:
    """Per source: what came, and when it was last heard."""
    _select(
        "SELECT source, sum(signals) AS received, sum(duplicates) AS repeated, max(day) AS last"
        " FROM signals.data_quality_daily GROUP BY source ORDER BY source",
        data,
        as_json=as_json,
    )


@app.command("migrate")
def migrate_(data: Data = None) -> None:
    """Bring the store to the schema of this version."""
    settings = _settings(data)
    url = None if settings.embedded else settings.clickhouse_url
    with open_store(settings.data if settings.embedded else None, url) as store:
        applied = migrate(store)
    err.print(f"{len(applied)} migrations applied")


@app.command()
def schema(
    folder: Annotated[Path, typer.Option("--out", help="Where to write.")] = Path("schemas"),
) -> None:
    """Write the JSON Schema of every signal type."""
    for path in schemas.write_schemas(folder):
        print(path)


@config_app.command("check")
def config_check(path: Path, as_json: AsJson = False) -> None:
    """Check definitions; every problem with file, line, key and remedy."""
    problems = check_definitions(path)
    if as_json:
        print(json.dumps([{"level": p.level, "problem": str(p)} for p in problems]))
    for problem in problems:
        if not as_json:
            err.print(f"{problem.level}: {problem}", markup=False)
    bad = [problem for problem in problems if problem.level != "note"]
    if bad:
        raise typer.Exit(1)
    if not as_json:
        err.print(f"{path}: no problems")


@config_app.command("show")
def config_show(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show every setting and where it came from; secrets are masked."""
    shown = _settings(data, config).shown()
    names = ["name", "value", "origin", "variable", "reason"]
    rows = [tuple(getattr(one, name) for name in names) for one in shown]
    _show(names, rows, "json" if as_json else "table")


@rejected_app.command("list")
def rejected_list(data: Data = None, as_json: AsJson = False) -> None:
    """What was rejected, with file, line and reason."""
    _select(
        "SELECT rejection_id, file, line, reason, detail FROM signals.rejections"
        " ORDER BY file, line, rejection_id",
        data,
        as_json=as_json,
    )


@rejected_app.command("explain")
def rejected_explain(rejection_id: str, data: Data = None) -> None:
    """Say why a line was rejected, and what to do about it."""
    with _store(data) as store:
        rows = store.rows(
            "SELECT reason, detail, file, line FROM signals.rejections"
            " WHERE rejection_id = {id:String}",
            {"id": rejection_id},
        )
    if not rows:
        raise NotFound(f"No rejection has the id {rejection_id}", "see `signals rejected list`")
    row = rows[0]
    reason = REASONS[row["reason"]]
    where = f"{row['file']}:{row['line']}: " if row["file"] else ""
    out.print(f"{where}{row['reason']}: {row['detail']}", markup=False)
    out.print(f"{reason.explanation} {reason.remedy}", markup=False)


@rejected_app.command("replay")
def rejected_replay(data: Data = None, as_json: AsJson = False) -> None:
    """Try everything that was rejected again, for example after a correction of the epoch."""
    settings = _settings(data)
    with _store(data):
        pass
    taken, left = local.replay_rejected(settings.data)
    if as_json:
        print(json.dumps({"accepted": taken, "rejected": left}))
    else:
        err.print(f"{taken} accepted now, {left} still rejected")


def main() -> None:
    """Run a command; an error is one line on stderr and an exit code."""
    try:
        app()
    except DeliverySignalsError as error:
        err.print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("stopped; run the same command again to go on")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
