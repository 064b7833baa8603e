"""State on disk: a RocksDB per partition in place of memory, by SIGNALS_STATE=rocksdb.

On the disk is what the changelog has, and never more. A change waits in memory until the
changelog has taken it; then it reaches the disk together with its place in the changelog, all of
a run or nothing. So the order stays what it is (effects, state, acknowledgement), and a worker
that comes back reads of the changelog only what is behind that place.

That is safe where the disk is a true copy of what the changelog had at the place, and everything
since can still be read (`trusted`): it is the same topic, the place lies in it, and no record of
a deletion can be gone, which compaction takes away a day after it was written. Where one of them
does not hold, the partition begins anew and is rebuilt from the whole changelog. While strangers'
records are to be written over (see `table.py`) the place stays where it is.
"""

import asyncio
import fcntl
import logging
import shutil
import struct
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pipeline.config import Settings, variable
from pipeline.engine.connect import client_options
from pipeline.engine.table import Revoked, State
from pipeline.engine.topics import TOMBSTONES, admin_client, topic_name
from pipeline.errors import ConfigError, Problem, StoreLocked

try:
    import rocksdict
except ImportError:
    rocksdict = None  # type: ignore[assignment]

KNOWN_FOR = TOMBSTONES / 2 / 1000
"""Seconds for which no record of a deletion is gone, with much to spare for clocks."""

AT_ONCE = 5000
"""Records of the changelog that recovery brings to the disk together."""

WRITES = 8 << 20
"""Bytes of writes of a partition that RocksDB gathers in memory; there are two of it."""

CACHE = 64 << 20
"""Bytes of what was read, for all partitions of a worker."""

_PLACE = b"\0\0place"
_FORM = struct.Struct(">qQd16s")

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """How far the disk has come in the changelog."""

    offset: int = -1
    version: int = 0
    at: float = 0.0
    """When that was written, in seconds."""
    topic: bytes = bytes(16)
    """The id of the topic; a topic that was made anew has another."""


def trusted(place: Place, topic: bytes, there: range, now: float) -> bool:
    """Whether it is enough to read what is behind the place; `there` are the log's offsets."""
    behind = place.offset + 1
    if place.topic != topic or not there.start <= behind <= there.stop:
        return False
    return behind == there.stop or 0 <= now - place.at < KNOWN_FOR


def check_package() -> None:
    """Raise where RocksDB is not installed."""
    if rocksdict is None:
        raise ConfigError(
            [
                Problem(
                    key=variable("state"),
                    value="rocksdb",
                    message="needs the package rocksdict, which is not installed",
                    remedy="install delivery-signals[rocksdb], or keep state in memory",
                )
            ]
        )


class Disk(MutableMapping[bytes, bytes]):
    """The values of a partition in RocksDB, with their place in the changelog."""

    def __init__(self, folder: Path, cache: Any) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(WRITES)
        options.set_compression_type(rocksdict.DBCompressionType.lz4())
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_block_cache(cache)
        blocks.set_bloom_filter(10, False)
        options.set_block_based_table_factory(blocks)
        self._db = rocksdict.Rdict(str(folder), options)
        place = self._db.get(_PLACE)
        self.place = Place() if place is None else Place(*_FORM.unpack(place))

    def __getitem__(self, key: bytes) -> bytes:
        try:
            value: bytes | None = self._db.get(key)
        except rocksdict.DbClosedError:
            raise Revoked("the state of this partition was put away") from None
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.keep({key: value}, None)

    def __delitem__(self, key: bytes) -> None:
        self.keep({key: None}, None)

    def __iter__(self) -> Iterator[bytes]:
        keys: Any = self._db.keys()
        return (key for key in keys if key != _PLACE)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keep(self, changes: Mapping[bytes, bytes | None], place: Place | None) -> None:
        """Write changes, and the place if it has moved: all of it or nothing."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if place is not None:
            batch.put(_PLACE, _FORM.pack(*place))
        try:
            self._db.write(batch)
        except rocksdict.DbClosedError:
            raise Revoked("the state of this partition was put away") from None

    def close(self) -> None:
        self._db.close()


class StoredState(State):
    """The state of a partition on disk; what the changelog does not have yet is in memory."""

    __slots__ = ("_disk", "_taken", "_topic")

    def __init__(self, partition: int, disk: Disk, topic: bytes) -> None:
        super().__init__(partition, disk)
        self._disk = disk
        self._topic = topic
        self._taken: dict[bytes, bytes | None] = {}
        """What the changelog has, on its way to the disk."""
        self.offset, self.version = disk.place[:2]

    def __getitem__(self, key: bytes) -> bytes:
        for changes in (self.unwritten, self._taken):
            if key in changes:
                value = changes[key]
                if value is None:
                    raise KeyError(key)
                return value
        return self._disk[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.unwritten[key] = value

    def __delitem__(self, key: bytes) -> None:
        if key not in self:
            raise KeyError(key)
        self.unwritten[key] = None

    def __iter__(self) -> Iterator[bytes]:
        changes = self._taken | self.unwritten
        yield from (key for key in self._disk if key not in changes)
        yield from (key for key, value in changes.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _put(self, key: bytes, value: bytes | None) -> None:
        self._taken[key] = value
        if len(self._taken) >= AT_ONCE:
            self._flush()

    def begin(self, generation: int) -> None:
        self._flush()
        super().begin(generation)

    def pending(self) -> dict[bytes, bytes | None]:
        return {key: self.get(key) for key in self.stale} | self.unwritten

    def written(self, pending: Mapping[bytes, bytes | None], last: int) -> None:
        super().written(pending, last)
        self._taken |= pending
        self._flush()

    def _flush(self) -> None:
        place = Place(self.offset, self.version, time(), self._topic)
        self._disk.keep(self._taken, None if self.stale else place)
        self._taken = {}

    def close(self) -> None:
        self._disk.close()


class Disks:
    """The disks of a worker's partitions, in a folder that no other worker may use."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        check_package()
        self._settings = settings
        self._folder = folder
        self._log = topic_name(settings, "state")
        self._cache = rocksdict.Cache(CACHE)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise StoreLocked(
                f"{folder} is in use by another worker",
                f"give each one a {variable('data')} of its own, or start them together with"
                " `signals worker --workers N`",
            ) from None
        with admin_client(settings) as admin:
            (described,) = admin.describe_topics([self._log])
        self._topic = UUID(str(described["topic_id"])).bytes

    def close(self) -> None:
        """Let another worker have the folder."""
        self._lock.close()

    async def states(self, partitions: Sequence[int]) -> dict[int, State]:
        """The states of partitions as far as their disks know them; empty where in doubt."""
        return await asyncio.to_thread(self._states, partitions)

    def _states(self, partitions: Sequence[int]) -> dict[int, State]:
        disks = {n: Disk(self._folder / str(n), self._cache) for n in partitions}
        known = [n for n, disk in disks.items() if disk.place.offset >= 0]
        logs = self._logs(known)
        for n in known:
            place = disks[n].place
            if trusted(place, self._topic, logs.get(n, range(0)), time()):
                log.info("partition %s is known up to record %s of its log", n, place.offset)
            else:
                log.warning("partition %s is rebuilt: its disk is no copy of its log", n)
                disks[n].close()
                shutil.rmtree(self._folder / str(n))
                disks[n] = Disk(self._folder / str(n), self._cache)
        return {n: StoredState(n, disk, self._topic) for n, disk in disks.items()}

    def _logs(self, partitions: Sequence[int]) -> dict[int, range]:
        """The offsets that the changelog has; nothing where Kafka does not say."""
        if not partitions:
            return {}
        tps = [TopicPartition(self._log, n) for n in partitions]
        try:
            consumer = KafkaConsumer(**client_options(self._settings), enable_auto_commit=False)
            try:
                starts, ends = consumer.beginning_offsets(tps), consumer.end_offsets(tps)
            finally:
                consumer.close()
        except (KafkaError, OSError) as error:
            log.warning("the changelog was not looked at: %s", error)
            return {}
        return {tp.partition: range(starts[tp], ends[tp]) for tp in tps}
