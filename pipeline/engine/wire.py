"""What stands in the records of the topics.

inbox: a signal as it came (a CloudEvent in structured JSON), or a message between entities,
which the header `message` marks; the key is the entity. rows: what one group of a partition
leaves for the store.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.core.calendar import iso_instant
from pipeline.core.names import partition_of
from pipeline.core.reaction import Letter
from pipeline.core.signals import Instant
from pipeline.engine.codec import codec
from pipeline.engine.decode import LIMIT, Decoded, Refused
from pipeline.engine.intake import Group
from pipeline.engine.partition import homes
from pipeline.engine.producer import Outgoing
from pipeline.engine.stored import MESSAGE, encode_rows

MARK = "message"
RECEIVED = "received"
TIMELESS = "timeless"
FILE, LINE = "file", "line"


class Archived(NamedTuple):
    """One signal for the archive."""

    source: str
    id: str
    type: str
    time: Instant
    recorded_at: Instant
    subject: str
    body: bytes


class Shipment(NamedTuple):
    """What one group leaves for the store: rows as `encode_rows` makes them, and signals."""

    version: int
    rows: bytes
    archive: list[Archived]


SHIPMENT = codec(Shipment)


def letter(sent: Letter, sender: int, version: int) -> Outgoing:
    """A message to an entity of another partition, from this one, as of this version."""
    headers = ((MARK, b"%d %d" % (sender, version)),)
    return Outgoing(sent.to.encode(), MESSAGE.encode(sent.message), headers)


def sender(mark: bytes) -> tuple[int, int]:
    """The partition that sent a message, and the version."""
    number, _, version = mark.partition(b" ")
    return int(number), int(version)


def signal(key: str, decoded: Decoded) -> Outgoing:
    """A signal on its way to an entity."""
    headers: tuple[tuple[str, bytes], ...] = ()
    if decoded.recorded:
        headers = ((RECEIVED, b"%d" % decoded.signal.recorded_at),)
    return Outgoing(key.encode(), decoded.body, headers)


def definition(decoded: Decoded) -> Outgoing:
    """A record of the configuration: it holds from the beginning, so no epoch bounds its time."""
    return Outgoing(b"config", decoded.body, ((TIMELESS, b"1"),))


def unreadable(line: bytes, file: str, number: int) -> Outgoing:
    """A line that is no signal: a partition says so in the rows, as it does of its own."""
    headers = ((FILE, file.encode("utf-8", "surrogateescape")), (LINE, b"%d" % number))
    return Outgoing(None, line, headers)


def spread(
    decoded: Decoded | Refused, line: bytes, partitions: int, file: str = "", number: int = 0
) -> list[tuple[int, Outgoing]]:
    """A line and the partitions that take it; whether it holds is said where it is taken."""
    if isinstance(decoded, Refused):
        # of a line that is too large as much goes on as shows that it is
        sent = unreadable(line[: LIMIT + 1], file, number)
        return [(partition_of(file or "raw", partitions), sent)]
    key = decoded.signal.source
    return [(n, signal(key, decoded)) for n in homes(decoded.signal, partitions)]


def tick(at: Instant) -> Outgoing:
    """Time has come to `at`, for one partition."""
    event = {
        "specversion": "1.0",
        "id": f"tick {at}",
        "source": "ticker",
        "type": "delivery.tick.v1",
        "time": iso_instant(at),
        "data": {},
    }
    return Outgoing(b"tick", json.dumps(event).encode())


def shipment(group: Group, version: int) -> bytes:
    """What a group leaves for the store."""
    archive = [
        Archived(
            taken.signal.source,
            taken.signal.id,
            taken.type,
            taken.signal.at,
            taken.signal.recorded_at,
            taken.subject or "",
            taken.body,
        )
        for taken in group.archive
    ]
    return SHIPMENT.encode(Shipment(version, encode_rows(group.held, group.gone), archive))


def id_of(line: bytes) -> str | None:
    """What a line that cannot be taken gives as its id, if anything can be read in it."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    id = event.get("id") if isinstance(event, dict) else None
    return id[:200] if isinstance(id, str) else None


def header(headers: Mapping[str, bytes | None], name: str) -> str:
    """A header as text, whatever a stranger has put there."""
    return (headers.get(name) or b"").decode("utf-8", "replace")


def number(headers: Mapping[str, bytes | None], name: str) -> int:
    """A header as a number that the store takes; 0 where there is none."""
    text = header(headers, name)
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else 0
