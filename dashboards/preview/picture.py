"""Pictures of a page, by a Chromium that is there already."""

import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--virtual-time-budget=8000", "--enable-logging=stderr",
)  # fmt: skip
"""No sandbox: the page is our own, and containers seldom allow one."""

PATIENCE = 90
"""Seconds for one picture."""


class NoBrowser(Exception):  # noqa: N818 - it says what the answer is
    """No Chromium is found, or it failed; the message says what to do."""


def browser() -> str:
    """The path of a Chromium.

    Raises:
        NoBrowser: there is none.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoBrowser(
            "no Chromium is found; install it (apt-get install chromium), or leave --png"
        )
    return found


def browse(url: str, *flags: str, width: int = 1400, height: int = 1000) -> str:
    """Open a page and give back what the browser wrote to stdout.

    Raises:
        NoBrowser: there is none, it did not end in time, or the page has an error.
    """
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser(), *FLAGS, *flags, f"--user-data-dir={profile}",
            f"--window-size={width},{height}", url,
        ]  # fmt: skip
        try:
            ran = subprocess.run(  # noqa: S603 - our own page and flags
                command, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise NoBrowser(f"Chromium did not end within {PATIENCE} seconds") from None
    errors = [line for line in ran.stderr.splitlines() if "CONSOLE" in line and "rror" in line]
    if ran.returncode or errors:
        said = errors[0] if errors else ran.stderr.strip()[-300:]
        raise NoBrowser(f"Chromium failed: {said}")
    return ran.stdout


def picture(page: Path, section: str, theme: str, to: Path, height: int) -> None:
    """A picture of a section of a page in one theme."""
    url = f"{page.resolve().as_uri()}?theme={theme}#{section}"
    browse(url, f"--screenshot={to.resolve()}", height=height)
