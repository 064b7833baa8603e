"""Partitions without Kafka: queues between them, taken in an order that a seed decides."""

import random
from collections import deque
from collections.abc import Iterable
from typing import Any

from pipeline.core.names import partition_of
from pipeline.core.reaction import Letter
from pipeline.core.rows import ClockRow, key_of
from pipeline.core.signals import Instant, Tick
from pipeline.engine.decode import Decoded
from pipeline.engine.partition import Partition, PartitionParts, homes
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.stored import MESSAGE
from tests.engine.memory import Memory


class Cluster:
    """Some partitions with a queue each; `memory` holds what their groups sent to the store.

    Everything passes through bytes, as it would through topics. A partition may be lost after
    any group: it is made anew from its changelog. With the probability `crash` that happens when
    a group's messages and rows have left and its state has not, or that as well, and nobody
    knows: the records come again, in groups of another size.
    """

    def __init__(self, partitions: int, rng: random.Random, crash: float = 0.0) -> None:
        self.number = partitions
        self.crash = crash
        self.crashes = 0
        self.places = [0] * partitions
        """How many records left each queue for good."""
        self.rng = rng
        self.memory = Memory()
        self.owner: dict[Any, int] = {}
        self.contested: set[Any] = set()
        self.queues: list[deque[Decoded | Letter | Instant]] = [
            deque() for _ in range(partitions)
        ]
        self.changelogs: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]
        self.partitions = [self._start(n) for n in range(partitions)]

    def _start(self, number: int) -> Partition:
        parts = PartitionParts(self.changelogs[number])
        secret = Pseudonyms(b"salt", {}, hashed=False)
        return Partition(number, self.number, parts, secret)

    def publish(self, decoded: Decoded) -> None:
        """Put a signal on the queues of the partitions that take it; a tick on all of them."""
        signal = decoded.signal
        if isinstance(signal.data, Tick):
            for queue in self.queues:
                queue.append(signal.at)
            return
        for number in homes(signal, self.number):
            self.queues[number].append(decoded)

    def work(self) -> None:
        """Take runs from queues, whichever comes, until all are empty."""
        while any(self.queues):
            number = self.rng.choice([n for n, queue in enumerate(self.queues) if queue])
            self._run(number, self.rng.randint(1, 200))

    def _run(self, number: int, most: int) -> None:
        queue, partition = self.queues[number], self.partitions[number]
        parts, first = partition.parts, self.places[number]
        if parts.begun >= first:
            most = parts.begun - first + 1
        taken = [queue.popleft() for _ in range(min(most, len(queue)))]
        for offset, what in enumerate(taken, first):
            if offset <= parts.done:
                continue
            if isinstance(what, Decoded):
                partition.take(what)
            elif isinstance(what, Letter):
                partition.hear(what)
            else:
                partition.tick(what)
        parts.begin(first + len(taken) - 1)
        batch = partition.close()
        for letter in batch.letters:
            message = MESSAGE.decode(MESSAGE.encode(letter.message))
            self.queues[partition_of(letter.to, self.number)].append(Letter(letter.to, message))
        for key in map(key_of, batch.group.held):
            if self.owner.setdefault(key, number) != number:
                self.contested.add(key)
        self._keep(batch.group.held, batch.group.gone, batch.group.archive)
        crashes = self.rng.random() < self.crash
        if not crashes or self.rng.random() < 0.5:
            partition.commit()
        if crashes:
            self.crashes += 1
            queue.extendleft(reversed(taken))
            self.partitions[number] = self._start(number)
            return
        self.places[number] += len(taken)
        if self.rng.random() < 0.05:
            self.partitions[number] = self._start(number)

    def _keep(self, held: Iterable[Any], gone: Iterable[Any], archive: list[Decoded]) -> None:
        rows = [row for row in held if not isinstance(row, ClockRow)]
        self.memory.write([(0, row) for row in rows], [(0, one) for one in gone], "")
        self.memory.signals(
            source=[d.signal.source for d in archive],
            id=[d.signal.id for d in archive],
            type=[d.type for d in archive],
            time=[d.signal.at for d in archive],
            recorded_at=[d.signal.recorded_at for d in archive],
            subject=[d.subject or "" for d in archive],
            body=[d.body for d in archive],
            version=0,
            token="",
        )
