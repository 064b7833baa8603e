"""The fuse of rejects: a worker that can read next to nothing stops, and the topic waits.

A release with a mistake, or a sender with one, would put signal after signal into the
rejections; whoever notices it in the evening has lost the day. So a run that has too many lines
that nobody can read, one after the other or as a share of many, is not taken: neither it nor
what comes behind it is acknowledged. A person looks, corrects, and starts the worker again, or
raises a limit to let the lines go.

Counts belong to a partition and are part of its state, so a worker that is started again blows
at the same line. Messages and ticks are no lines. Nor does a conflict count: somebody read it.
"""

from typing import NamedTuple

from pipeline import metrics
from pipeline.config import Settings, variable
from pipeline.errors import DeliverySignalsError

WINDOW = 10_000
"""Lines of a partition that a share is taken of; then counting begins anew."""


class Counts(NamedTuple):
    """What became of the lines of a partition."""

    in_a_row: int = 0
    """Rejected since the last one that could be read."""
    lines: int = 0
    """Of the window."""
    rejected: int = 0
    """Of the window."""


class Blown(DeliverySignalsError):  # noqa: N818 - it says what happened
    """Too much is rejected; nothing is taken until a person has looked."""


class Fuse(NamedTuple):
    """The limits; 0 in a row and a share of 1 are none."""

    in_a_row: int
    share: float

    @classmethod
    def of(cls, settings: Settings) -> "Fuse":
        return cls(settings.rejects_in_a_row, settings.rejects_share)

    def after(self, counts: Counts, partition: int, reason: str | None) -> Counts:
        """The counts after one more line, which was rejected where there is a reason."""
        in_a_row, lines, rejected = counts
        if lines >= WINDOW:
            lines = rejected = 0
        if reason is None:
            return Counts(0, lines + 1, rejected)
        counts = Counts(in_a_row + 1, lines + 1, rejected + 1)
        if 0 < self.in_a_row < counts.in_a_row:
            raise self._blown(
                "rejects_in_a_row", partition, f"{counts.in_a_row} lines in a row", reason
            )
        if counts.rejected > self.share * WINDOW:
            told = f"{counts.rejected} of {counts.lines} lines"
            raise self._blown("rejects_share", partition, told, reason)
        return counts

    @staticmethod
    def _blown(setting: str, partition: int, told: str, reason: str) -> Blown:
        metrics.FUSES.labels(setting).inc()
        return Blown(
            f"partition {partition}: {told} could not be read, the last for {reason},"
            " so nothing more is taken",
            "see `signals rejected list`, correct what sends or reads them, or let them go with a"
            f" higher {variable(setting)}; then start the worker again",
        )
