"""Findings of an entity that judges day by day: when each rule held, kept from day to day.

A day that is judged again forgets what was decided after its opening, and decides it anew.
"""

from typing import NamedTuple

from pipeline.core.findings import Interval
from pipeline.core.rows import FindingRow
from pipeline.core.signals import Instant


class Spell(NamedTuple):
    """From when until when (None: it still does) a rule held, and what it rested on."""

    raised_at: Instant
    cleared_at: Instant | None
    text: str = ""
    goals: tuple[str, ...] = ()
    since: Instant | None = None
    """When that began which led to it, where it is not what was raised."""
    evidence: tuple[str, ...] = ()


Known = dict[str, list[Spell]]
"""The spells of each rule, oldest first."""


class Spells:
    """The spells of every rule while an entity judges from an instant on."""

    def __init__(self, known: Known, opening: Instant) -> None:
        self.evidence: tuple[str, ...] = ()
        """What is raised from now on rests on."""
        self._of: Known = {}
        for rule, spells in known.items():
            kept = [spell for spell in spells if spell.raised_at <= opening]
            if kept and kept[-1].cleared_at is not None and kept[-1].cleared_at > opening:
                kept[-1] = kept[-1]._replace(cleared_at=None)
            if kept:
                self._of[rule] = kept

    def open(self, rule: str) -> bool:
        spells = self._of.get(rule, [])
        return bool(spells) and spells[-1].cleared_at is None

    def begin(
        self,
        rule: str,
        at: Instant,
        text: str = "",
        goals: tuple[str, ...] = (),
        since: Instant | None = None,
    ) -> None:
        """The rule holds from this instant on; nothing happens if it does already."""
        if not self.open(rule):
            self._of.setdefault(rule, []).append(
                Spell(at, None, text, goals, since, self.evidence)
            )

    def end(self, rule: str, at: Instant) -> None:
        """The rule no longer holds; a spell of no length never was."""
        if not self.open(rule):
            return
        spell = self._of[rule].pop()
        if spell.raised_at < at:
            self._of[rule].append(spell._replace(cleared_at=at))

    def known(self) -> Known:
        return {rule: spells for rule, spells in self._of.items() if spells}


def findings_of(
    rule: str, spells: list[Spell], kind: str, about: str, team: str, now: Instant
) -> list[FindingRow]:
    """The findings that these spells are, as of an instant."""
    return [
        Interval(
            rule, spell.raised_at, spell.cleared_at, [], list(spell.evidence), text=spell.text
        ).row(kind, about, team, list(spell.goals), "", now)
        for spell in spells
        if spell.raised_at <= now
    ]
