"""Entities that react: messages, alarms and rows of one group of signals.

Both engines run this; what differs is where parts are kept and where letters go. Nothing here
reads a clock: time comes as `now`, which moves with ticks and signals.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pipeline.core.book import Book
from pipeline.core.messages import Message, Redefined
from pipeline.core.react import KINDS, RANK, react
from pipeline.core.reaction import Entity, Letter
from pipeline.core.rows import Gone, Key, Row, key_of
from pipeline.core.signals import Instant, Signal

BROADLY = ["service", "repo", "item", "incident", "team", "flag", "package"]
"""Entities that hear of every change of the organisation, of a rule, team or source."""


Rows = dict[Key, Row | None]
"""The last word on each row, by its type and key; None: it is gone."""


def leaving(rows: Rows) -> tuple[list[Row], list[Gone]]:
    """The rows that are there, and the keys of those that are gone."""
    held = [row for row in rows.values() if row is not None]
    return held, [Gone(kind, key) for (kind, key), row in rows.items() if row is None]


class PartsOf(Protocol):
    """Where the parts of entities and their alarms are kept."""

    def entity(self, ref: str) -> Entity: ...

    def change(self, ref: str, parts: dict[str, Any]) -> None: ...

    def refs(self, kinds: list[str]) -> list[str]: ...

    def alarms(self) -> list[tuple[Instant, str]]: ...

    def alarm(self, ref: str, at: Instant | None) -> None: ...


class Reactor:
    """Lets entities react, one signal or message at a time, and gathers what leaves.

    `rows` holds the last word per key since it was emptied (None: the row is gone); `outgoing`
    the letters to entities that are not at `home` here.
    """

    def __init__(
        self, parts: PartsOf, book: Book, home: Callable[[str], bool] | None = None
    ) -> None:
        self._parts = parts
        self._home = home
        self.outgoing: list[Letter] = []
        self.book = book
        self.rows: Rows = {}
        self.redefined: set[tuple[str, str]] = set()
        self.now: Instant = 0
        self._letters: deque[Letter] = deque()
        self._ready: list[set[str]] = [set() for _ in KINDS]
        self._alarms = parts.alarms()
        heapq.heapify(self._alarms)
        self._alarm_of = {ref: at for at, ref in self._alarms}

    def post(self, to: str, message: Message) -> None:
        """Send a message to wherever the entity lives."""
        if self._home is None or self._home(to):
            self.deliver(to, message)
        else:
            self.outgoing.append(Letter(to, message))

    def deliver(self, ref: str, what: Signal | Message | None) -> None:
        state = self._parts.entity(ref)
        reaction = react(ref, state, what, self.now, self.book)
        if reaction.parts:
            self._parts.change(ref, reaction.parts)
        self._letters.extend(reaction.letters)
        for gone in reaction.gone:
            self.rows[gone.row_type, gone.key] = None
        for row in reaction.rows:
            self.rows[key_of(row)] = row
        if reaction.wake_at is not None:
            self._set_alarm(ref, reaction.wake_at)

    def _set_alarm(self, ref: str, at: Instant) -> None:
        if at <= self.now:
            self._ready[RANK[ref.partition(":")[0]]].add(ref)
            return
        known = self._alarm_of.get(ref)
        if known is None or at < known:
            self._alarm_of[ref] = at
            heapq.heappush(self._alarms, (at, ref))
            self._parts.alarm(ref, at)

    def settle(self) -> None:
        """Let every entity that something happened to judge, in the order of the flow."""
        now = self.now
        self.redefined |= self.book.advance(now)
        self._redefine()
        while self._alarms and self._alarms[0][0] <= now:
            at, ref = heapq.heappop(self._alarms)
            if self._alarm_of.get(ref) == at:
                self._ready[RANK[ref.partition(":")[0]]].add(ref)
        while True:
            while self._letters:
                self.post(*self._letters.popleft())
            ready = next((one for one in self._ready if one), None)
            if ready is None:
                return
            due = sorted(ready)
            ready.clear()
            for ref in due:
                if self._alarm_of.pop(ref, None) is not None:
                    self._parts.alarm(ref, None)
                self.deliver(ref, None)

    def _redefine(self) -> None:
        """Let everything that a changed definition concerns judge again."""
        changed, self.redefined = self.redefined, set()
        if not changed:
            return
        refs: set[str] = set()
        broad = {"organisation", "rules", "team", "source"}
        for kind, id in changed:
            if kind == "team":
                refs.add(f"team:{id}")
            if kind in broad:
                refs.update(self._parts.refs(BROADLY))
                refs.update(f"subject:{s.id}" for s in self.book.subjects())
                refs.update(f"goal:{g.id}" for g in self.book.goals())
            elif kind == "goal":
                refs.update(self._around_goal(id))
                refs.update(f"goal:{g.id}" for g in self.book.goals())
            elif kind == "scenario":
                for record in self.book.ever(kind, id):
                    goal = self.book.goal(str(record.get("goal")))
                    if goal is not None:
                        refs.add(f"goal:{goal.id}")
                        refs.update(f"team:{team}" for team in goal.owners)
            elif kind == "subject":
                refs.update(self._around_subject(id))
            elif kind == "service":
                refs.add(f"service:{id}")
                refs.update(self._parts.refs(["repo", "item", "incident"]))
        for ref in sorted(refs, key=lambda r: (RANK[r.partition(":")[0]], r)):
            # every partition hears of a definition itself
            if self._home is None or self._home(ref):
                self.deliver(ref, Redefined())

    def _around_goal(self, id: str) -> Iterator[str]:
        yield f"goal:{id}"
        for goal in self.book.ever("goal", id):
            yield from (f"goal:{parent.id}" for parent in goal.parents)
            if goal.metric is not None and goal.metric.subject:
                yield f"subject:{goal.metric.subject}"
            if goal.work.labels or goal.work.epics or goal.work.work_items:
                yield from self._parts.refs(["item"])

    def _around_subject(self, id: str) -> Iterator[str]:
        yield f"subject:{id}"
        for subject in self.book.ever("subject", id):
            if subject.measure.kind == "pinned":
                yield f"package:{subject.measure.package}"
            yield from (f"flag:{flag}" for flag in subject.flags)
        yield from (f"goal:{goal.id}" for goal in self.book.goals_on_subject(id))
        yield from self._parts.refs(["item"])
