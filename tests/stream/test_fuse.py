"""A worker that can read next to nothing stops, and what it could not read waits."""

import json
from pathlib import Path

import pytest

from pipeline import metrics
from pipeline.config import Settings, variable
from pipeline.engine.fuse import WINDOW, Blown, Counts, Fuse
from pipeline.store.client import open_reader
from tests.stream.deployment import Deployment
from tests.stream.test_health import SIGNALS
from tests.stream.workers import committed

NEVER = Fuse(0, 1.0)


def counted(fuse: Fuse, reasons: list[str | None], counts: Counts = Counts()) -> Counts:  # noqa: B008 - immutable
    for reason in reasons:
        counts = fuse.after(counts, 3, reason)
    return counts


def blown_fuses() -> float:
    return metrics.FUSES.labels("rejects_in_a_row")._value.get()


def test_in_a_row() -> None:
    """As many as allowed may be rejected; the next one blows, unless one is read between."""
    fuse = Fuse(3, 1.0)
    before = blown_fuses()
    bad: list[str | None] = ["not_json"] * 3
    assert counted(fuse, [*bad, None, *bad]).in_a_row == 3
    with pytest.raises(Blown, match=r"partition 3: 4 lines in a row .* for not_json") as blown:
        counted(fuse, [*bad, "not_json"])
    assert blown_fuses() == before + 1
    assert "SIGNALS_REJECTS_IN_A_ROW" in blown.value.remedy


def test_share() -> None:
    """Too many of a window blow, wherever they stand in it; a new window begins anew."""
    fuse = Fuse(0, 0.25)
    good: list[str | None] = [None, None, None, "not_utf8"]
    counts = counted(fuse, good * (WINDOW // 4))
    assert counts == Counts(1, WINDOW, WINDOW // 4)
    assert counted(fuse, [None], counts) == Counts(0, 1, 0)
    with pytest.raises(Blown, match="SIGNALS_REJECTS_SHARE"):
        counted(fuse, [None, "not_utf8"] * (WINDOW // 2))


def test_off() -> None:
    """Zero in a row and the whole as share are no limits."""
    assert counted(NEVER, ["not_json"] * (2 * WINDOW)).rejected == WINDOW


def test_generous() -> None:
    """What stands in the settings by default lets some thousand lines go."""
    fuse = Fuse.of(Settings())
    counted(fuse, ["not_json"] * 5000)
    with pytest.raises(Blown):
        counted(fuse, ["not_json"] * 5001)


@pytest.mark.prove
def test_a_topic_is_not_emptied(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker fails with a reason, again when it is started again, until a person lets it."""
    few = settings.model_copy(update={"kafka_partitions": 1})
    bad = [f"{{ {n}" for n in range(60)]
    file = tmp_path / "signals.ndjson"
    file.write_text("\n".join([json.dumps(SIGNALS[0]), *bad, json.dumps(SIGNALS[1])]) + "\n")
    monkeypatch.setenv(variable("rejects_in_a_row"), "50")
    with Deployment(few, tmp_path) as deployment:
        deployment.run("publish", str(file))
        for turn in range(2):
            worker = deployment.begin("worker")
            assert worker.wait(60) == 1, deployment.logs()
            lines = [
                json.loads(line)
                for line in (tmp_path / f"worker-{turn}.log").read_text().splitlines()
            ]
            (told,) = [one for one in lines if "not_json" in one["message"]]
            assert (
                "51 lines in a row could not be read, the last for not_json" in told["message"]
            )
            assert "SIGNALS_REJECTS_IN_A_ROW" in told["message"]
            assert "error" not in told, "no traceback"
            assert committed(few) == [0]
        monkeypatch.setenv(variable("rejects_in_a_row"), "0")
        deployment.start("parse,react,store")
        deployment.wait_store()
        deployment.idle()
        with open_reader(tmp_path / "data") as store:
            assert store.query("SELECT count() FROM signals.rejections").rows == [(60,)]
            assert store.query("SELECT count() FROM signals.signals").rows == [(2,)]
