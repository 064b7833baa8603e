"""The local engine: one process, a queue, alarms, and the embedded ClickHouse.

Signals are taken one by one; only the I/O is grouped. Of what a group says about a row the last
word leaves. A group is made durable in SQLite first, with its rows, and then sent to the store,
so a killed process neither loses nor repeats anything.
"""

import re
from pathlib import Path
from typing import Self

from pipeline.core.rows import Gone, RejectionRow, Row
from pipeline.core.signals import Signal
from pipeline.engine.decode import Decoded, decode
from pipeline.engine.intake import Intake, fingerprint
from pipeline.engine.parts import Parts
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.stored import decode_rows, encode_rows
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE, Writer

GROUP = 20_000
"""Signals per group: large enough that I/O does not show, small enough to hold in memory."""


class LocalEngine(Intake):
    """Runs `react` over signals into one data directory."""

    def __init__(self, data: Path, store: Store, salt: str | None = None) -> None:
        self.store = store
        self.parts = Parts(data / "state.sqlite")
        if self.parts.outdated:
            self.parts.start_anew()
        self.writer = Writer(store)
        self._version: int = self.parts.meta("version", 1 << 40)
        for version, blob in self.parts.outbox():
            self._send(version, *decode_rows(blob))
        super().__init__(
            self.parts,
            Pseudonyms.of_directory(data, self.parts, salt),
            self.parts.meta("clock", 0),
            self.parts.meta("newest", 0),
        )

    def _stored(self, signal: Signal) -> Decoded:
        rows = self.store.rows(
            "SELECT body, toUnixTimestamp64Milli(recorded_at) AS received"  # noqa: S608
            f" FROM {DATABASE}.signals FINAL "
            "WHERE source = {source:String} AND id = {id:String}",
            {"source": signal.source, "id": signal.id},
            formats={"body": "bytes"},
        )
        found = decode(rows[0]["body"], -(2**62), 2**62, rows[0]["received"], limit=2**62)
        assert isinstance(found, Decoded)
        return found

    def rename_in_rejections(self, name: str, pseudonym: str) -> None:
        """Replace a name wherever it stands in a line that was not taken, readable or not."""
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        for row in self.store.rows(
            "SELECT rejection_id, source, toUnixTimestamp64Milli(received_at) AS received,"  # noqa: S608
            f" reason, detail, file, line, bytes FROM {DATABASE}.rejections FINAL"
            " WHERE position(bytes, {name:String}) > 0 OR position(detail, {name:String}) > 0",
            {"name": name},
            formats={"bytes": "bytes"},
        ):
            line = self.pseudonyms.line(row["bytes"])
            text = line.decode("utf-8", "surrogateescape")
            rejection = RejectionRow(
                row["rejection_id"],
                row["source"],
                row["received"],
                row["reason"],
                word.sub(pseudonym, row["detail"]),
                row["file"],
                row["line"],
                word.sub(pseudonym, text).encode("utf-8", "surrogateescape"),
            )
            self.reactor.rows[RejectionRow, (rejection.rejection_id,)] = rejection

    def _begin_to_hash(self) -> None:
        """From now on names are hashed; those stored so far are when all is made anew.

        There is no way back: with names again, who is known would count twice.
        """
        self.pseudonyms.hashed = True
        self.parts.set_meta("hashed", 1)
        if self.newest:
            self.parts.set_meta("rebuilding", self.now)

    @property
    def full(self) -> bool:
        return self.size >= GROUP

    def flush(self) -> None:
        """Judge, and make everything since the last flush durable."""
        group = self.judge()
        self._version += 1
        version = self._version
        if group.archive:
            self._write_archive(group.archive, version)
        for name, value in (
            ("version", version),
            ("clock", self.clock),
            ("newest", self.newest),
        ):
            self.parts.set_meta(name, value)
        self.parts.commit(version, encode_rows(group.held, group.gone))
        self._send(version, group.held, group.gone)

    def _send(self, version: int, held: list[Row], gone: list[Gone]) -> None:
        self.writer.write(
            [(version, row) for row in held],
            [(version, one) for one in gone],
            f"local:{version}",
        )
        self.parts.sent(version)

    def _write_archive(self, taken: list[Decoded], version: int) -> None:
        # archived before the group is durable: it is idempotent, and nothing may be lost
        self.writer.signals(
            source=[d.signal.source for d in taken],
            id=[d.signal.id for d in taken],
            type=[d.type for d in taken],
            time=[d.signal.at for d in taken],
            recorded_at=[d.signal.recorded_at for d in taken],
            subject=[d.subject or "" for d in taken],
            body=[d.body for d in taken],
            version=[version] * len(taken),
            token=f"archive:{fingerprint(*(d.body for d in taken))}:{version}",
        )

    def close(self) -> None:
        self.parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
