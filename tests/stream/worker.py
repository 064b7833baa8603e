"""A worker of the tests: remembers which offsets of its inbox each key was seen at.

Twice is harmless and loss is visible: the state of a key is the sorted list of its offsets. One
more key of each partition, `at/OFFSET`, moves with every run, so that there are deletions. What
a run did is told on stdout, a line of JSON each. Settings come from the environment.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from pipeline.engine.app import new_app, source
from pipeline.engine.producer import Outgoing, new_producer, send
from pipeline.engine.table import Revoked, State, Table
from pipeline.engine.topics import topic_name
from pipeline.engine.transport import GuardedConsumer, Run

PAUSE = float(os.environ.get("PAUSE", "0.02"))
"""Seconds per run, so that something is left to do when a rebalance comes."""

RAISE_AT = int(os.environ.get("RAISE_AT", "-1"))
"""An offset at which the agent raises."""


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - how it talks to its test


def fold(state: State, run: Run) -> dict[str, list[int]]:
    """Take the records of a run into the state; hand back the keys that it touched."""
    seen: dict[bytes, set[int]] = {}
    for record in run:
        assert record.key is not None
        if record.offset == RAISE_AT:
            raise ValueError("told to")
        if record.key not in seen:
            seen[record.key] = set(json.loads(state.get(record.key, b"[]")))
        seen[record.key].add(record.offset)
    for key, offsets in seen.items():
        state[key] = json.dumps(sorted(offsets)).encode()
    was = [key for key in state if key.startswith(b"at/")]
    last = max([int(key[3:]) for key in was] + [run[-1].offset])
    for key in was:
        if key != b"at/%d" % last:
            del state[key]
    state[b"at/%d" % last] = b"x"
    return {key.decode(): sorted(offsets) for key, offsets in seen.items()}


async def main(datadir: Path) -> None:
    settings = Settings.load()
    GuardedConsumer.run_records = int(os.environ.get("RUN_RECORDS", "20"))
    app = new_app(settings, "react", datadir)
    table = Table(app, settings)
    producer = new_producer(settings)
    await producer.start()

    @app.agent(source(app, settings, "inbox"), concurrency=1)
    async def react(stream: Any) -> None:
        async for event in stream.noack().events():
            message, run = event.message, event.value
            try:
                state = table.of(message.partition)
                table.check(state, message.generation_id)
                rows = fold(state, run)
                await send(
                    producer,
                    topic_name(settings, "rows"),
                    message.partition,
                    [Outgoing(key.encode(), json.dumps(o).encode()) for key, o in rows.items()],
                )
                await asyncio.sleep(PAUSE)
                await table.write(
                    state, producer, offset=message.offset, generation=message.generation_id
                )
            except Revoked:
                tell(revoked=message.partition)
                continue
            tell(partition=message.partition, first=run[0].offset, last=run[-1].offset)
            event.ack()

    done = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set)
    await app.start()
    await done.wait()
    await asyncio.wait_for(app.stop(), 8)
    await producer.stop()
    consumer = app.consumer
    tell(happened=dict(consumer.happened), strangers=table.strangers)
    # Faust leaves threads behind that nobody can join
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("LOG", "WARNING"), stream=sys.stderr)
    asyncio.run(main(Path(sys.argv[1])))
