"""Pictures of dashboards, drawn by Grafana's own components in a headless Chromium.

`python -m tests.dashboards.render FOLDER --out PICTURES` draws every `dashboard.json` below the
folder with the data in the `frames.json` beside it, light and dark. What a browser is not needed
for, `fields` tells. `render/` has the page; README.md there says what is in the files.
"""

# ruff: noqa: T201 -- a command prints

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

PAGE = Path(__file__).with_suffix("")
MODULES = PAGE / "node_modules"
SITE = PAGE / "dist"

THEMES = ("light", "dark")

OLDEST_NODE = 18

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

CHROMIUM_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # time is virtual: the picture is taken once eight seconds of the page's clock are over
    *("--enable-logging=stderr", "--virtual-time-budget=8000"),
)

WITHIN = 90.0
"""Seconds; a picture takes three where nothing else runs."""

WIDTH = 1400
TOP = 48
CELL_HEIGHT = 38
"""Pixels, as in render/src/Dashboard.jsx."""

CONSOLE = re.compile(r':CONSOLE\D\d+\)?\] "(.*?)", source: ', re.DOTALL)
"""What the page says, in the log of Chromium, which does not tell errors from the rest."""

LOOP = "ResizeObserver loop completed with undelivered notifications."
"""What a busy browser says when a panel is laid out in two steps; nothing is wrong."""

DRAWN = "drawn: "
"""All that a page may say, with the id of the panel."""


class MissingError(Exception):
    """This machine cannot draw dashboards; the message says what it lacks."""


class RenderError(Exception):
    """A dashboard could not be drawn, or not without complaints of Grafana's components."""


def render(folder: Path, out: Path) -> list[Path]:
    """Draw every dashboard below the folder, light and dark; returns the pictures."""
    dashboards = sorted(file.parent for file in folder.rglob("dashboard.json"))
    if not dashboards:
        raise RenderError(f"no dashboard.json below {folder}")
    browser = chromium()
    site = build()
    out.mkdir(parents=True, exist_ok=True)
    pictures = []
    with _served(site, folder) as address:
        for dashboard in dashboards:
            inside = dashboard.relative_to(folder)
            name = "-".join(inside.parts) or folder.resolve().name
            for theme in THEMES:
                picture = out / f"{name}-{theme}.png"
                url = f"{address}/index.html?data=data/{inside.as_posix()}&theme={theme}"
                _draw(browser, dashboard, url, picture.resolve())
                pictures.append(picture)
    return pictures


def fields(dashboard: Path, theme: str = "dark") -> dict[str, Any]:
    """What Grafana makes of a dashboard's data, by id of the panel; render/src/fields.js says what."""
    done = subprocess.run(
        ["node", str(build() / "fields.cjs"), str(dashboard), theme],
        env=os.environ | {"TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    if done.returncode:
        raise RenderError(f"{dashboard}: {done.stderr[-2000:]}")
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def build() -> Path:
    """The folder of the page; packages are installed and bundled where something changed."""
    _node()
    # several processes may want it at the same time
    with (PAGE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = _digest(PAGE / "package-lock.json")
        if _stamp(MODULES) != packages:
            _run(["npm", "ci"], "npm could not install what the page needs")
            (MODULES / ".stamp").write_text(packages)
        sources = [PAGE / "build.js", PAGE / "index.html", *sorted(PAGE.glob("src/*"))]
        bundled = _digest(PAGE / "package-lock.json", *sources)
        if _stamp(SITE) != bundled:
            shutil.rmtree(SITE, ignore_errors=True)
            _run(["node", "build.js", str(SITE)], "the page could not be built")
            (SITE / ".stamp").write_text(bundled)
    return SITE


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _stamp(folder: Path) -> str:
    """Written last, so whoever is interrupted leaves none."""
    stamp = folder / ".stamp"
    return stamp.read_text() if stamp.exists() else ""


def _run(command: list[str], failed: str) -> None:
    done = subprocess.run(
        command, cwd=PAGE, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise MissingError(f"{failed}: {(done.stdout + done.stderr)[-2000:]}")


def _node() -> None:
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise MissingError(f"no `{tool}` on the PATH: the page needs Node {OLDEST_NODE}")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    version = int(said.stdout.removeprefix("v").split(".")[0])
    if version < OLDEST_NODE:
        raise MissingError(f"Node {version} is too old: the page needs {OLDEST_NODE}")


def chromium() -> str:
    """The browser's program."""
    for name in CHROMIUMS:
        if found := shutil.which(name):
            return found
    raise MissingError(f"no Chromium on the PATH: looked for {', '.join(CHROMIUMS)}")


class _Handler(SimpleHTTPRequestHandler):
    """The page, and below `data/` the dashboards."""

    def __init__(self, *args: Any, data: Path, **kwargs: Any) -> None:
        self._data = data
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        inside = Path(super().translate_path(path)).relative_to(self.directory)
        if inside.parts[:1] == ("data",):
            return str(self._data.joinpath(*inside.parts[1:]))
        return super().translate_path(path)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def _served(site: Path, data: Path) -> Iterator[str]:
    handler = partial(_Handler, directory=str(site), data=data)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _draw(browser: str, dashboard: Path, url: str, picture: Path) -> None:
    panels = json.loads((dashboard / "dashboard.json").read_text())["panels"]
    places = [panel["gridPos"] for panel in panels]
    height = TOP + 8 + CELL_HEIGHT * max(place["y"] + place["h"] for place in places)
    with TemporaryDirectory() as profile:
        command = [browser, *CHROMIUM_FLAGS, f"--user-data-dir={profile}"]
        command += [f"--window-size={WIDTH},{height}", f"--screenshot={picture}", url]
        log = _logged(command)
    said = [line for line in CONSOLE.findall(log) if LOOP not in line]
    if complaints := [line for line in said if not line.startswith(DRAWN)]:
        raise RenderError(f"{dashboard}: {'; '.join(complaints)}")
    drawn = {int(line.removeprefix(DRAWN)) for line in said}
    wanted = {panel["id"] for panel in panels if panel["type"] != "row"}
    if undrawn := wanted - drawn:
        raise RenderError(f"{dashboard}: panels {sorted(undrawn)} were not drawn")
    if not picture.exists():
        raise RenderError(f"{dashboard}: no picture was taken: {log[-2000:]}")


def _logged(command: list[str]) -> str:
    """What Chromium logs until it ends; it and its children never outlive this."""
    with subprocess.Popen(
        command,
        env=os.environ | {"TZ": "UTC"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=WITHIN)[1]
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            raise RenderError(f"no picture after {WITHIN:.0f} s: {command[-1]}") from late


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "folder", type=Path, help="has dashboard.json and frames.json, in any depth"
    )
    parser.add_argument("--out", type=Path, required=True, help="where the pictures go")
    given = parser.parse_args()
    try:
        for picture in render(given.folder, given.out):
            print(picture)
    except (MissingError, RenderError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
