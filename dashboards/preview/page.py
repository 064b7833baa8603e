"""The document: one HTML file with everything in it, or one section of it for a server."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import NamedTuple

from plotly.offline import get_plotlyjs

from dashboards.preview.boards import (
    Board,
    Drawn,
    Once,
    Problem,
    clock,
    drawn,
    known,
    range_of,
    zone,
)
from dashboards.preview.colors import variables
from dashboards.preview.fields import Json
from dashboards.preview.frames import QueryFailed, Run

MOST = 12
"""Values of one variable that a file holds."""

EMPTY = "The store holds no signals yet: run `signals demo`, or `signals replay FILE`."

_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data: blob:; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded from elsewhere and nothing sent, whatever stands in the data."""

Progress = Callable[[int, int], None]
"""Told how many sections of how many are drawn."""


class Page(NamedTuple):
    """A document, and the panels in it that failed."""

    html: str
    problems: list[Problem]
    sections: int


class Preview:
    """Our dashboards over one store as it knows things now; asks each query once."""

    def __init__(self, dashboards: Sequence[Json], run: Run, now: dt.datetime) -> None:
        self.run = Once(run)
        found = clock(self.run)
        self.now = found or now
        self.notice = "" if found else EMPTY
        self.problems: list[Problem] = []
        self.boards = [self._board(body) for body in dashboards]

    def _board(self, body: Json) -> Board:
        try:
            return known(body, self.run, self.now)
        except QueryFailed as error:
            self.problems.append(Problem(str(body["title"]), "its variables", str(error)))
            return Board(body, [])

    def file(
        self, *, theme: str = "", most: int = MOST, progress: Progress = lambda _n, _of: None
    ) -> Page:
        """Everything in one document: sections that a link cannot reach are left out."""
        picked = {board.uid: board.sections(most) for board in self.boards}
        by_uid = {board.uid: board for board in self.boards}

        def to(uid: str, chosen: Mapping[str, str]) -> str | None:
            board = by_uid.get(uid)
            at = board.picked(chosen) if board else None
            return f"#{board.address(at)}" if board and at in picked[uid] else None

        total, n = sum(map(len, picked.values())), 0
        problems, parts = list(self.problems), []
        for board in self.boards:
            sections = []
            for at in picked[board.uid]:
                section = drawn(board, at, self.run, self.now, to, f"s{n}-")
                told = {one[:2] for one in problems}
                problems += [one for one in section.problems if one[:2] not in told]
                sections.append(_section(at, section, waits=n > 0))
                n += 1
                progress(n, total)
            parts.append(self._framed(board, sections, most))
        nav = [(board, f"#{board.uid}") for board in self.boards]
        script = f"<script>{get_plotlyjs()}</script>"
        return Page(self._document(nav, parts, theme, script), problems, total)

    def served(self, uid: str, chosen: Mapping[str, str], theme: str = "") -> Page | None:
        """One section as a document of its own; None where there is none."""
        by_uid = {board.uid: board for board in self.boards}
        board = by_uid.get(uid)
        if board is None:
            return None

        def to(other: str, values: Mapping[str, str]) -> str | None:
            found = by_uid.get(other)
            there = found.picked(values) if found else None
            return f"/{found.address(there)}" if found and there is not None else None

        at = board.picked(chosen)
        if at is None:
            return None
        section = drawn(board, at, self.run, self.now, to, "p")
        part = self._framed(board, [_section(at, section, waits=False)], None, at)
        nav = [(one, f"/{one.uid}") for one in self.boards]
        script = '<script src="/plotly.min.js"></script>'
        html = self._document(nav, [part], theme, script)
        return Page(html, self.problems + section.problems, 1)

    def _framed(
        self,
        board: Board,
        sections: Iterable[str],
        most: int | None,
        at: Sequence[str] | None = None,
    ) -> str:
        """A dashboard: heading, choices, sections; `most` None is one that is served."""
        picks, left_out = [], []
        for one, value in zip(board.variables, at or board.first, strict=True):
            values = one.shown(most)
            if len(values) < len(one.values):
                left_out.append(f"{len(values)} of {len(one.values)} values of {one.label}")
            options = "".join(
                f'<option value="{escape(v)}"{" selected" if v == value else ""}>'
                f"{escape(text)}</option>"
                for v, text in values
            )
            picks.append(
                f'<label class="pick"><span>{escape(one.label)}</span>'
                f'<select name="{escape(one.name)}" data-first="{escape(one.first)}"'
                f' autocomplete="off"{"" if one.values else " disabled"}>{options}</select>'
                "</label>"
            )
        note = (
            f'<p class="notice">This file holds {escape(", ".join(left_out))};'
            " <code>signals preview --serve</code> shows every one.</p>"
            if left_out
            else ""
        )
        range_ = range_of(board, self.now)
        start, end = (one.astimezone(zone(board.body)) for one in (range_.start, range_.end))
        shown = f"{start:%-d %b %Y} to {end:%-d %b %Y, %H:%M} {end:%Z}"
        served = ' data-served="true"' if most is None else ""
        return (
            f'<div class="board" data-uid="{escape(board.uid)}"{served}>'
            f'<div class="head"><div><h1>{escape(board.title)}</h1>'
            f"<p>{escape(str(board.body.get('description', '')))}</p>"
            f"<p><time>{escape(shown)}</time></p></div>{''.join(picks)}</div>{note}"
            '<p class="notice absent" hidden>This is not in this file;'
            " <code>signals preview --serve</code> shows it.</p>"
            f"{''.join(sections)}</div>"
        )

    def _document(
        self, nav: Iterable[tuple[Board, str]], parts: Iterable[str], theme: str, script: str
    ) -> str:
        own = files("dashboards.preview")
        style = (own / "page.css").read_text("utf-8")
        code = (own / "page.js").read_text("utf-8")
        colors = f':root{{{variables("light")}}}:root[data-theme="dark"]{{{variables("dark")}}}'
        links = "".join(
            f'<a href="{escape(href)}" data-uid="{escape(board.uid)}">{escape(board.title)}</a>'
            for board, href in nav
        )
        chosen = f' data-theme="{escape(theme)}"' if theme else ""
        notice = self.notice.replace("`", "")
        said = f'<p class="notice">{escape(notice)}</p>' if notice else ""
        return (
            f'<!doctype html>\n<html lang="en"{chosen}><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>delivery-signals</title><style>{colors}{style}</style></head><body>"
            f'<div class="top"><strong>delivery-signals</strong><nav aria-label="Dashboards">'
            f'{links}</nav><button type="button" id="theme">Theme</button></div>'
            f"<main>{said}{''.join(parts)}</main>"
            f"<footer>As the store knew it at {self.now:%-d %b %Y, %H:%M} UTC. Drawn by"
            " <code>signals preview</code> from the dashboards that Grafana gets.</footer>"
            f"<noscript>The charts and all sections but the first need JavaScript.</noscript>"
            f"{script}<script>{code}</script></body></html>\n"
        )


def _section(picked: Sequence[str], section: Drawn, *, waits: bool) -> str:
    """A section; one that waits is no part of the document until it is looked at."""
    key = escape(json.dumps(picked, ensure_ascii=False, separators=(",", ":")))
    body = f'<div class="grid">{section.html}</div>'
    hidden = " hidden" if waits else ""
    body = f"<template>{body}</template>" if waits else body
    return f'<div class="section" data-key="{key}"{hidden}>{body}</div>'
