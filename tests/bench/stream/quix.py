"""The fold of `fold.py` with Quix Streams, in an environment of its own: it is no dependency.

usage: PYTHON quix.py BROKER TOPIC FOLDER SIGNALS
"""

# ruff: noqa: T201 -- how it tells what it measured

import json
import os
import sys
from time import perf_counter, process_time
from typing import Any

from quixstreams import Application, State

broker, topic, folder, count = sys.argv[1:]
signals = int(count)
app = Application(
    broker_address=broker,
    consumer_group="quix",
    state_dir=folder,
    auto_offset_reset="earliest",
    use_changelog_topics=True,
    loglevel="ERROR",
)
seen = 0
began = (0.0, 0.0)


def fold(event: Any, state: State) -> None:
    global seen, began  # noqa: PLW0603 - a callback
    if not seen:
        began = perf_counter(), process_time()
    seen += 1
    data = event["data"]
    count, points = state.get(data["goal"]) or (0, 0)
    state.set(data["goal"], [count + 1, points + data["points"]])


def finished() -> None:
    wall, cpu = perf_counter() - began[0], process_time() - began[1]
    print(json.dumps({"signals": seen, "wall": wall, "cpu": cpu}), flush=True)
    os._exit(0 if seen == signals else 1)


rows = app.dataframe(app.topic(topic, value_deserializer="json", key_deserializer="bytes"))
rows.update(fold, stateful=True)
# to the end of its last checkpoint
app.run(count=signals)
finished()
