"""The commands: everything is built here from the settings, and every answer is printed here.

A command imports what it needs where it needs it: the whole takes a second, `--help` shall not.
"""

import datetime as dt
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.exceptions import TyperException

from pipeline.config import Settings
from pipeline.errors import BrokerError, DeliverySignalsError, NotFound, QueryError, UsageError
from pipeline.show import FORMS, plain, show

if TYPE_CHECKING:
    from dashboards.alerts import Hours
    from pipeline.engine.intake import Summary
    from pipeline.engine.reader import Progress as Read
    from pipeline.store.client import Store

app = typer.Typer(
    help='Which goals really move, and which work is only "basically done".',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Check definitions, show settings.", no_args_is_help=True)
rejected_app = typer.Typer(help="Lines that were not taken, and why.", no_args_is_help=True)
dashboards_app = typer.Typer(help="Grafana's files, generated.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(dashboards_app, name="dashboards")
app.add_typer(rejected_app, name="rejected")

INTERRUPTED = 130

DEMO_VALUES = 5
"""Values of each variable that the dashboards of the demo hold: goals, capabilities, teams."""

EVERY = 10.0
"""Seconds between two lines about long work where there is no terminal."""

# No markup: titles and messages may hold brackets.
out = Console(soft_wrap=True, highlight=False, markup=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

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
def _store(data: Path | None) -> Iterator["Store"]:
    """The store that the settings name, with the schema of this version, to read from it."""
    from pipeline.store.client import open_reader, server_options
    from pipeline.store.migrate import check

    settings = _settings(data)
    if settings.embedded and not settings.data.exists():
        raise NotFound(
            f"There is no data in {settings.data}",
            "run `signals demo` or `signals replay FILE`",
        )
    url = None if settings.embedded else settings.clickhouse_url
    data = settings.data if settings.embedded else None
    with open_reader(data, url, server=server_options(settings)) as store:
        check(store)
        yield store


def _select(
    sql: str, data: Path | None, form: str, below: "Callable[[Store], str] | None" = None
) -> None:
    """Print rows; under a table, what there is to say about all of them."""
    said = ""
    with _store(data) as store:
        try:
            names, _, rows = store.query(sql)
        except QueryError as error:
            remedy = (
                error.remedy
                or "`SHOW TABLES FROM signals` and `DESCRIBE signals.goals_now` help"
            )
            raise QueryError(error.message, remedy) from error
        if below is not None and form == "table":
            said = below(store)
    show(out, names, rows, form)
    if said:
        out.print(f"\n{said}")


def _form(*, as_json: bool) -> str:
    return "json" if as_json else "table"


@contextmanager
def _reporting(label: str) -> Iterator[Callable[["Read"], None]]:
    """A progress bar with rate and remaining time on a terminal, now and then a line elsewhere."""
    if not err.is_terminal:
        yield _lines(label)
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(label, total=None)

        def report(read: "Read") -> None:
            bar.update(task, completed=read.done, total=read.total)

        yield report


def _lines(label: str) -> Callable[["Read"], None]:
    said = time.monotonic()

    def report(read: "Read") -> None:
        nonlocal said
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            share = f", {read.done / read.total:.0%}" if read.total else ""
            err.print(f"{label}: {read.done / 1e6:.1f} MB{share}")

    return report


def _replay(
    files: list[Path | str],
    settings: Settings,
    config: Path | None,
    until: str | None,
    *,
    as_json: bool = False,
) -> None:
    from pipeline.engine import replay as replays

    if until is not None:
        _time(until)
    with _reporting("replay") as report:
        summary = replays.replay(
            files, settings.data, config, until, report, salt=settings.salt
        )
    _say(summary, as_json=as_json)


def _say(summary: "Summary", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(summary.as_dict()))
        return
    reasons = ", ".join(f"{n} {name}" for name, n in sorted(summary.ignored.items()))
    err.print(
        f"{summary.lines} lines: {summary.accepted} accepted ({summary.duplicates} duplicates),"
        f" {sum(summary.ignored.values())} ignored{f' ({reasons})' if reasons else ''},"
        f" {summary.rejected} rejected"
    )
    if summary.rejected:
        err.print("`signals rejected list` shows what was rejected, and why")


def _time(text: str, option: str = "--until") -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no time", "such as 2026-03-31T00:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise UsageError(f"{option} {text!r} has no offset", "such as 2026-03-31T00:00:00Z")
    return moment


@app.command()
def demo(
    data: Data = None,
    days: Annotated[int, typer.Option(min=30, max=400, help="Days to simulate.")] = 85,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 1,
    history: Annotated[
        str | None, typer.Option(help="Replay a real history instead: controller-runtime.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole pipeline on a simulated organisation or a real history; print the digest."""
    settings = _settings(data)
    folder = settings.data
    if history is not None:
        from pipeline.history import history as real_history

        found = real_history(history)
        _replay([found.signals], settings, found.config, found.until)
    else:
        from pipeline.simulate import simulate

        simulation = simulate(folder / "simulation", days=days, seed=seed, wide=True)
        _replay(list(simulation.signals), settings, simulation.config, simulation.until)
    _judged(folder)
    _print_digest(folder, as_json=as_json)
    from pipeline import preview as previews

    with _counting("dashboards") as progress:
        path, _ = previews.write(
            previews.chosen(None),
            partial(_store, folder),
            folder / "preview",
            theme="",
            most=DEMO_VALUES,
            progress=progress,
        )
    err.print(f"\nData in {folder}. Ask it: signals query 'SELECT * FROM signals.goals_now'")
    err.print(f"See it, in a browser: {path.resolve().as_uri()}")


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
    if settings.config is not None:
        from pipeline.definitions import load_definitions

        for problem in load_definitions(settings.config).problems:
            err.print(f"{problem.level}: {problem}")
    _replay(paths, settings, settings.config, until, as_json=as_json)


@app.command()
def rebuild(data: Data = None, as_json: AsJson = False) -> None:
    """Make all state and rows anew from the stored signals."""
    from pipeline.engine import replay as replays

    settings = _settings(data)
    with _store(data):
        pass
    count = replays.rebuild(settings.data, settings.salt)
    if as_json:
        print(json.dumps({"signals": count}))
    else:
        err.print(f"{count} signals read again")


@app.command()
def erase(adopter: str, data: Data = None, as_json: AsJson = False) -> None:
    """Pseudonymise an adopter everywhere and for good; counts stay."""
    from pipeline.engine import replay as replays

    settings = _settings(data)
    with _store(data):
        pass
    erased = replays.erase(settings.data, adopter, settings.salt)
    if as_json:
        print(json.dumps(erased._asdict()))
        return
    err.print(f"{erased.signals} signals rewritten")
    for subject in erased.listed:
        err.print(
            f"the configuration still lists this adopter as eligible for {subject};"
            " take the name out there"
        )


@app.command()
def query(
    sql: str,
    data: Data = None,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
    as_json: AsJson = False,
) -> None:
    """Read the store: `SELECT * FROM signals.goals_now`."""
    if form not in FORMS:
        raise UsageError(f"--format {form!r} is unknown", f"choose one of {', '.join(FORMS)}")
    _select(sql, data, "json" if as_json else form)


@app.command()
def goals(data: Data = None, as_json: AsJson = False) -> None:
    """Every goal with value, target, pace and status, and by when it is 85 % likely to be hit."""
    from pipeline.notify.expected import all_dates_held

    for_people = (
        "title, value, target, delta_1d AS change, pace, status, days_left AS left,"
        " hit_by_p85 AS likely_by, basically_done"
    )
    for_programs = (
        "goal_id, title, level, value, target, delta_1d, pace, status, days_left, basically_done,"
        " hit_by_p50, hit_by_p85, p_hit, forecast_coverage, forecast_n, forecast_skill"
    )
    _select(
        f"SELECT {for_programs if as_json else for_people}"
        " FROM signals.goals_now"
        " ORDER BY indexOf(['vision', 'business', 'user', 'product', 'sprint'], level), goal_id",
        data,
        _form(as_json=as_json),
        all_dates_held,
    )


@app.command()
def findings(data: Data = None, as_json: AsJson = False) -> None:
    """Open findings, oldest first."""
    for_people = (
        "rule, if(key = '', about, key) AS about, f.team AS team,"
        " toDate(raised_at) AS raised, explanation AS why"
    )
    for_programs = "rule, about, key, f.team AS team, severity, raised_at, explanation, decision, finding_id"
    _select(
        f"SELECT {for_programs if as_json else for_people} FROM signals.findings AS f"
        " LEFT JOIN signals.work_items_now AS item ON item.work_item = f.about"
        " WHERE isNull(cleared_at) AND rule != 'goal_hit' ORDER BY raised_at, finding_id",
        data,
        _form(as_json=as_json),
    )


def _judged(data: Path | None) -> bool:
    """Judge the forecasts of the store; whether there were any."""
    from pipeline.engine.backtest import backtest as judge
    from pipeline.store.client import open_store, server_options

    settings = _settings(data)
    url = None if settings.embedded else settings.clickhouse_url
    folder = settings.data if settings.embedded else None
    with open_store(folder, url, server=server_options(settings)) as store:
        return bool(judge(store, int(time.time() * 1000)))


@app.command()
def backtest(data: Data = None, as_json: AsJson = False) -> None:
    """Put every forecast to the test of what then happened, beside simpler ones."""
    with _store(data):
        pass
    if not _judged(data) and not as_json:
        err.print("no forecast is old enough to be judged")
    _select(
        "SELECT * FROM signals.forecast_calibration"
        " ORDER BY about_kind, quantity, horizon, against",
        data,
        _form(as_json=as_json),
    )


@app.command()
def digest(data: Data = None, as_json: AsJson = False) -> None:
    """The wake-up: what moved, what is only basically done, what is not known."""
    _print_digest(data, as_json=as_json)


@app.command("explain")
def explain_(
    about: Annotated[
        list[str],
        typer.Argument(help="A goal, work item, finding or subject; or VIEW NAME... COLUMN."),
    ],
    data: Data = None,
    day: Annotated[
        str | None, typer.Option("--day", help="As of the close of this day, not of now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a number, a state or a finding is what it is, down to the signals."""
    from pipeline.notify.explain import as_dict, explain, lines

    with _store(data) as store:
        found = explain(store, about, None if day is None else _date(day))
    if as_json:
        print(json.dumps(as_dict(found)))
    else:
        out.print("\n".join(lines(found)))


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--day {text!r} is no day", "such as 2026-03-31") from None


def _print_digest(data: Path | None, *, as_json: bool) -> None:
    from pipeline.notify import digest as wake_up

    with _store(data) as store:
        text = wake_up.digest(store)
    if as_json:
        print(json.dumps({"text": text}))
    else:
        out.print(text)


@app.command()
def preview(
    data: Data = None,
    dashboard: Annotated[
        str | None, typer.Option("--dashboard", help="Only this one, by its short name.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="As everything was known at this time.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where to write; else `preview` in the data.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show them in a browser, on this machine only.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of --serve; 0: a free one.")] = 0,
    theme: Annotated[
        str | None, typer.Option("--theme", help="light or dark; else the browser's own.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Values of one variable in the file.")] = 12,
    png: Annotated[
        bool, typer.Option("--png", help="Also a picture of each, by a Chromium.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw the dashboards as one HTML file that needs no Grafana, or serve them."""
    from pipeline import preview as previews

    if theme not in (None, "light", "dark"):
        raise UsageError(f"--theme {theme!r} is unknown", "choose light or dark")
    bodies = previews.chosen(dashboard)
    settings = _settings(data)
    with ExitStack() as stack:
        asked = settings.data
        if at is not None:
            asked = _as_known(settings, at, stack)
        opens = partial(_store, asked)
        if serve:
            with previews.serve(bodies, opens, theme=theme or "", port=port) as server:
                with opens():  # what is wrong with the store is told now, not to the browser
                    pass
                err.print(f"{server.address} shows the dashboards; Ctrl-C ends it")
                with suppress(KeyboardInterrupt):
                    server.serve_forever()
            return
        with _counting("preview") as progress:
            path, page = previews.write(
                bodies,
                opens,
                folder or settings.data / "preview",
                theme=theme or "",
                most=most,
                progress=progress,
            )
    if png:
        previews.pictures(bodies, path)
    if as_json:
        print(json.dumps(previews.told(page, path)))
    else:
        err.print(f"{path}: {len(bodies)} dashboards in {page.sections} sections")
    for one in page.problems:
        err.print(f"error: {one.panel!r} of {one.dashboard}: {one.why}")
    if page.problems:
        raise typer.Exit(1)


def _as_known(settings: Settings, at: str, stack: ExitStack) -> Path:
    """A folder with what the store knew at a time; it is gone when the stack is left."""
    from pipeline.core.calendar import to_instant
    from pipeline.engine import replay as replays

    moment = _time(at, "--at")
    if not settings.embedded:
        raise UsageError(
            "--at replays the stored signals through the local engine, and"
            " SIGNALS_CLICKHOUSE_URL names a server",
            "name a directory with --data, or leave --at",
        )
    with _store(settings.data):
        pass
    known = Path(stack.enter_context(TemporaryDirectory(prefix="signals-preview-")))
    with _reporting("replay") as report:
        count = replays.as_known(
            settings.data, known, to_instant(moment), settings.salt, report
        )
    if not count:
        err.print(f"nothing was known at {at} but the configuration")
    return known


@contextmanager
def _counting(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere: it takes seconds."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


@app.command()
def status(
    data: Data = None,
    wait_idle: Annotated[
        bool, typer.Option("--wait-idle", help="Wait until a deployment has done all its work.")
    ] = False,
    within: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Per source: what came, and when it was last heard. Of a deployment also what waits."""
    if wait_idle:
        from pipeline.engine.lag import wait_idle as wait

        if not wait(_settings(data), within):
            raise BrokerError(
                f"there was still work after {within:g} s", "see whether workers run"
            )
        return
    sources = (
        "SELECT if(source = '', '(unknown)', source) AS source, sum(signals) AS received,"
        " sum(duplicates) AS repeated, sum(late) AS late, sum(rejected) AS rejected,"
        " maxOrNullIf(day, signals > 0) AS last"
        " FROM signals.data_quality_daily AS days GROUP BY source ORDER BY source"
    )
    settings = _settings(data)
    if settings.kafka is None:
        _select(sources, data, _form(as_json=as_json))
        return
    from pipeline.engine import lag

    waiting = lag.waiting(settings)
    if as_json:
        with _store(data) as store:
            names, _, rows = store.query(sources)
        found = [[plain(value) for value in row] for row in rows]
        shown = {
            "sources": [dict(zip(names, row, strict=True)) for row in found],
            "lag": [plain(one._asdict()) for one in waiting],
        }
        print(json.dumps(shown))
        return
    show(out, ["stage", "waiting", "seconds", "partitions"], lag.by_stage(waiting), "table")
    out.print()
    _select(sources, data, "table")


@app.command("migrate")
def migrate_(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the store to the schema of this version."""
    from pipeline.store import readers
    from pipeline.store.client import open_store, server_options
    from pipeline.store.migrate import migrate

    settings = _settings(data)
    url = None if settings.embedded else settings.clickhouse_url
    folder = settings.data if settings.embedded else None
    with open_store(folder, url, server=server_options(settings)) as store:
        applied = migrate(store)
        if not store.embedded:
            readers.ensure(store, settings.reader_password)
    if as_json:
        print(json.dumps({"applied": applied}))
    else:
        err.print(f"{len(applied)} migrations applied")


@app.command()
def schema(
    folder: Annotated[Path, typer.Option("--out", help="Where to write.")] = Path("schemas"),
    as_json: AsJson = False,
) -> None:
    """Write the JSON Schema of every signal type."""
    from pipeline.engine import schemas

    written = [str(path) for path in schemas.write_schemas(folder)]
    print(json.dumps(written) if as_json else "\n".join(written))


@app.command("topics")
def topics_(
    check_only: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if anything differs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the Kafka topics of a deployment, or bring them to the settings."""
    from pipeline.engine import topics

    settings = _settings()
    found = topics.differences(settings) if check_only else topics.ensure(settings)
    if as_json:
        print(json.dumps([difference.as_dict() for difference in found]))
    else:
        for difference in found:
            err.print(str(difference))
    if check_only and found:
        raise typer.Exit(1)
    if not as_json:
        done = f"{len(found)} differences corrected" if found else "topics are as they must be"
        err.print(done)


@app.command()
def publish(
    files: list[str],
    config: Config = None,
    until: Until = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="File that remembers the place; a repeated publish goes on there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send files of signals into a running deployment."""
    from pipeline.engine import publish as sending

    if until is not None:
        _time(until)
    paths: list[Path | str] = [name if name == "-" else Path(name) for name in files]
    with _reporting("publish") as report:
        summary = sending.publish(
            _settings(None, config), paths, resume=resume, until=until, report=report
        )
    _say(summary, as_json=as_json)


@app.command()
def worker(
    data: Data = None,
    only: Annotated[
        str, typer.Option(help="Stages of this process, separated by commas.")
    ] = "parse,react,store",
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            help="Processes that react; with more than one the other stages have one more.",
        ),
    ] = 1,
    number: Annotated[int, typer.Option(hidden=True)] = 0,
    of: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run stages of the stream engine until it is stopped."""
    from pipeline.engine.fleet import work_together
    from pipeline.engine.stream import STAGES
    from pipeline.engine.worker import Membership, work

    stages = [stage.strip() for stage in only.split(",")]
    if unknown := [stage for stage in stages if stage not in STAGES]:
        raise UsageError(f"no stage is called {unknown[0]}", f"one of {', '.join(STAGES)}")
    if workers > 1:
        work_together(_settings(data), stages, workers)
    else:
        work(_settings(data), stages, None if of is None else Membership(number, of))


@config_app.command("publish")
def config_publish(
    path: Annotated[Path | None, typer.Argument(help="Else what SIGNALS_CONFIG names.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Send what a configuration changes to every partition of a deployment."""
    from pipeline.engine import publish as sending

    settings = _settings(data)
    path = path or settings.config
    if path is None:
        raise UsageError("no configuration is named", "give its path, or set SIGNALS_CONFIG")
    said: dict[str, Any] = {}
    if not settings.embedded or settings.data.exists():
        from pipeline.store.client import open_reader, server_options

        url = None if settings.embedded else settings.clickhouse_url
        folder = settings.data if settings.embedded else None
        with open_reader(folder, url, server=server_options(settings)) as store:
            said = sending.what_was_said(settings, store)
    sent = sending.publish_config(settings, path, said, int(time.time() * 1000))
    print(json.dumps({"sent": sent}) if as_json else f"{sent} records sent")


@config_app.command("check")
def config_check(path: Path, data: Data = None, as_json: AsJson = False) -> None:
    """Check definitions; every problem with file, line, key and remedy.

    With a directory of data also what a replay with them would change about the past.
    """
    from pipeline.definitions import check_definitions

    settings = _settings(data)
    problems = check_definitions(path)
    if not any(problem.level == "broken" for problem in problems):
        from pipeline.engine import configured

        problems += configured.differences(path, settings.data, settings.salt)
    if as_json:
        print(json.dumps([{"level": p.level, "problem": str(p)} for p in problems]))
    for problem in problems:
        if not as_json:
            err.print(f"{problem.level}: {problem}")
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
    show(out, names, rows, _form(as_json=as_json))


@rejected_app.command("list")
def rejected_list(data: Data = None, as_json: AsJson = False) -> None:
    """What was rejected, with file, line and reason."""
    _select(
        "SELECT rejection_id, file, line, reason, detail FROM signals.rejections"
        " ORDER BY file, line, rejection_id",
        data,
        _form(as_json=as_json),
    )


@rejected_app.command("explain")
def rejected_explain(rejection_id: str, data: Data = None, as_json: AsJson = False) -> None:
    """Say why a line was rejected, and what to do about it."""
    from pipeline.engine.reasons import REASONS

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
    if as_json:
        print(json.dumps({**row, "explanation": reason.explanation, "remedy": reason.remedy}))
        return
    place = row["file"] + (f":{row['line']}" if row["line"] else "")
    where = f"{place}: " if place else ""
    out.print(f"{where}{row['reason']}: {row['detail']}")
    out.print(f"{reason.explanation} {reason.remedy}")


@rejected_app.command("replay")
def rejected_replay(data: Data = None, as_json: AsJson = False) -> None:
    """Try everything that was rejected again, for example after a correction of the epoch."""
    from pipeline.engine import replay as replays

    settings = _settings(data)
    with _store(data):
        pass
    taken, left = replays.replay_rejected(settings.data, settings.salt)
    if as_json:
        print(json.dumps({"accepted": taken, "rejected": left}))
    else:
        err.print(f"{taken} accepted now, {left} still rejected")


Out = Annotated[Path, typer.Option("--out", help="Folder of the project, or another one.")]


def _hours(config: Path | None) -> "Hours":
    """When people work, by the organisation of the definitions; alerts wait until then."""
    from dashboards.alerts import Hours
    from pipeline.definitions import load_definitions

    config = _settings(config=config).config
    organisation = None if config is None else load_definitions(config).organisation
    if organisation is None:
        return Hours()
    return Hours(
        timezone=organisation.timezone or Hours.timezone,
        days=organisation.working_days or Hours.days,
        holidays=[day.isoformat() for day in organisation.holidays or ()],
    )


@dashboards_app.command("write")
def dashboards_write(out: Out = Path(), config: Config = None) -> None:
    """Write dashboards, data source and alert rules for Grafana into deploy/grafana."""
    from dashboards import provisioning

    changed = provisioning.write(out, _hours(config))
    for path in changed:
        print(path)
    err.print(f"{len(changed)} of {len(provisioning.files())} files differed")


@dashboards_app.command("check")
def dashboards_check(out: Out = Path(), config: Config = None) -> None:
    """Fail unless the files for Grafana are fresh and keep to the rules of dashboards."""
    from dashboards import provisioning
    from dashboards.lint import lint

    wrong = [line for body in provisioning.dashboards().values() for line in lint(body)]
    wrong += [
        f"{path}: not as it would be written; run `signals dashboards write`"
        for path in provisioning.differing(out, _hours(config))
    ]
    for line in wrong:
        print(line)
    if wrong:
        _fail("the dashboards are not as they should be")
    err.print(f"{len(provisioning.dashboards())} dashboards are fresh and keep to the rules")


def main() -> None:
    """Run a command; an error is one line on stderr and an exit code."""
    try:
        code = app(prog_name="signals", standalone_mode=False)
    except DeliverySignalsError as error:
        _fail(str(error), error.exit_code)
    except TyperException as error:
        said = error.format_message().rstrip(".")
        _fail(f"{said}; see `{_help(error)}`" if said else "", 2)
    except BrokenPipeError:
        code = 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - whatever it is, no traceback
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        said = " ".join(str(error).split())[:300]
        _fail(f"{type(error).__name__}: {said}; a mistake of ours at {place}, please report it")
    if code == INTERRUPTED:
        err.print("stopped; run the same command again to go on")
    sys.exit(code)


def _fail(message: str, code: int = 1) -> NoReturn:
    if message:
        err.print(f"error: {message}")
    sys.exit(code)


def _help(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'signals'} --help"


if __name__ == "__main__":
    main()
