"""An incident: when it began, when it was over, and which deploy it is put down to.

What is said about it may come in any order and more than once; of each field the newest holds.
"""

from bisect import insort
from typing import Any

from pipeline.core.messages import Retracted
from pipeline.core.reaction import Draft
from pipeline.core.rows import Gone, IncidentRow
from pipeline.core.signals import IncidentOpened, IncidentResolved, Signal

PARTS: dict[str, Any] = {"facts": list[Signal]}


def react(draft: Draft, signal: Signal) -> None:
    facts = [f for f in draft.get("facts") or [] if f.order[1:] != signal.order[1:]]
    insort(facts, signal, key=lambda f: f.order)
    _hold(draft, facts)


def hear(draft: Draft, message: Retracted) -> None:
    """Undo what a superseded copy had said."""
    facts = [f for f in draft.get("facts") or [] if f.order != message.signal.order]
    _hold(draft, facts)


def _hold(draft: Draft, facts: list[Signal]) -> None:
    draft.put("facts", facts or None)
    if not facts:
        draft.gone.append(Gone(IncidentRow, (draft.id,)))
        return

    def newest(field: str) -> str:
        said = (getattr(fact.data, field) for fact in reversed(facts))
        return next((value for value in said if value is not None), "")

    opened = [fact.at for fact in facts if isinstance(fact.data, IncidentOpened)]
    last = facts[-1]
    draft.rows.append(
        IncidentRow(
            incident=draft.id,
            service=newest("service"),
            team=newest("team"),
            severity=newest("severity"),
            deploy=newest("deploy"),
            opened_at=min(opened, default=None),
            # one that is opened again is not over
            resolved_at=last.at if isinstance(last.data, IncidentResolved) else None,
        )
    )
