"""Names of adopters: erased for good, or never stored."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.engine.decode import Decoded, decode
from pipeline.engine.partition import Partition, PartitionParts
from pipeline.engine.pseudonyms import Pseudonyms, salt_of
from pipeline.engine.replay import erase, rebuild, replay, replay_rejected
from pipeline.errors import StoreError
from pipeline.store.client import open_store

KEY = "0123456789abcdef0123456789abcdef"
PEOPLE = ["ann", "bob", "eve"]
VIEWS = ("adopters", "adoption_daily", "adoption_now", "verifications", "signals", "rejections")
COUNTS = ("adoption_daily", "adoption_now")
UNTIL = "2026-04-01T00:00:00Z"


def subject(id: str, unit: str, eligible: list[str]) -> dict[str, Any]:
    measure = {"kind": "usage", "actions": 2, "days": 1}
    return {"id": id, "unit": unit, "measure": measure, "eligible": eligible}


def config(folder: Path, name: str, *, hashed: bool) -> Path:
    organisation: dict[str, Any] = {"name": "Acme", "timezone": "UTC"}
    if hashed:
        organisation["privacy"] = {"adopters": "hashed"}
    subjects = [subject("search", "user", PEOPLE), subject("bus", "team", ["web", "ios"])]
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"organisation": organisation, "subjects": subjects}))
    return path


def event(id: str, kind: str, day: int, data: dict[str, Any]) -> bytes:
    found = {"specversion": "1.0", "id": id, "source": "/acme", "type": f"delivery.{kind}.v1"}
    found["time"] = f"2026-03-{day:02d}T10:00:00Z"
    return json.dumps({**found, "subject": data.get("adopter", ""), "data": data}).encode()


def signals(folder: Path) -> Path:
    lines = [
        event(f"{who}-{day}", "subject.used", day, {"subject": "search", "adopter": who})
        for who in [*PEOPLE, "mallory"]
        for day in (2, 3, 5)
    ]
    lines += [
        event(f"{who}-{day}", "subject.used", day, {"subject": "bus", "adopter": who})
        for who in ("web", "ios")
        for day in (2, 4)
    ]
    verdict = {"subject": "search", "adopter": "ann", "verdict": "yes", "comment": "good"}
    lines.append(event("v", "adoption.verified", 6, verdict))
    # a time that nobody can place, and a count that is none: both are rejected
    naive = event("y", "subject.used", 7, {"subject": "search", "adopter": "bob"})
    lines.append(naive.replace(b"T10:00:00Z", b"T10:00:00"))
    wrong = {"subject": "search", "adopter": "ann", "count": "many"}
    lines.append(event("x", "subject.used", 7, wrong))
    path = folder / "signals.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def views(data: Path) -> dict[str, list[dict[str, Any]]]:
    with open_store(data) as store:
        found = {view: store.rows(f"SELECT * FROM signals.{view}") for view in VIEWS}
    for row in found["rejections"]:
        # when and in which order it came; its id is that of the line
        for name in ("received_at", "rejection_id"):
            del row[name]
    return {view: sorted(rows, key=str) for view, rows in found.items()}


def named(found: dict[str, list[dict[str, Any]]], name: str) -> list[str]:
    """The views in which somebody finds the name."""
    return [
        view for view, rows in found.items() if f'"{name}"' in json.dumps(rows, default=str)
    ]


def readable(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """With the texts that hold JSON as JSON, so that quotes are no longer escaped."""
    for row in (*found["signals"], *found["rejections"]):
        for name in ("data", "bytes"):
            if name in row:
                row[name] = json.loads(row[name])
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return signals(tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def replayed(file: Path) -> dict[bool, Path]:
    """All signals, with hashed names or without; nobody changes it."""
    found = {hashed: file.with_name(f"hashed-{hashed}") for hashed in (False, True)}
    for hashed, data in found.items():
        replay([file], data, config(file.parent, "acme", hashed=hashed), UNTIL)
    return found


@pytest.fixture
def plain(replayed: dict[bool, Path], tmp_path: Path) -> Path:
    """A directory with names, to go on with: a copy takes less than a replay."""
    return shutil.copytree(replayed[False], tmp_path / "data", symlinks=True)


@pytest.fixture
def hashed(replayed: dict[bool, Path], tmp_path: Path) -> Path:
    """A directory with hashes."""
    return shutil.copytree(replayed[True], tmp_path / "data", symlinks=True)


def test_an_erased_name_never_comes_back(plain: Path, file: Path, tmp_path: Path) -> None:
    """After an erasure nobody finds the name, also when its files are replayed again."""
    data = plain
    definitions = config(tmp_path, "plain", hashed=False)
    before = readable(views(data))
    assert named(before, "ann") == ["adopters", "verifications", "signals", "rejections"]
    erased = erase(data, "ann")
    after = readable(views(data))
    assert named(after, "ann") == []
    assert {view: before[view] for view in COUNTS} == {view: after[view] for view in COUNTS}
    assert b"ann" not in (data / "state.sqlite").read_bytes()
    # 3 uses, 1 verdict, 1 list
    assert (erased.signals, erased.listed) == (5, ["search"])
    summary = replay([file], data, definitions, UNTIL)
    assert (summary.duplicates, summary.rejected) == (17, 2)
    assert readable(views(data)) == after
    rebuild(data)
    assert readable(views(data)) == after


def test_users_are_known_by_hashes_only(replayed: dict[bool, Path]) -> None:
    """Where privacy asks for it users are hashed everywhere; teams are not; counts are the same."""
    plain, found = (readable(views(replayed[hashed])) for hashed in (False, True))
    assert {name: named(found, name) for name in (*PEOPLE, "mallory")} == {
        name: [] for name in (*PEOPLE, "mallory")
    }
    assert {view: plain[view] for view in COUNTS} == {view: found[view] for view in COUNTS}
    names = {(row["subject"], row["adopter"].partition("-")[0]) for row in found["adopters"]}
    assert names == {("search", "adopter"), ("bus", "web"), ("bus", "ios")}
    assert len(found["adopters"]) == len(plain["adopters"])


def test_hashing_may_begin_later(plain: Path, file: Path, tmp_path: Path) -> None:
    """Names that were stored before privacy asked for hashes are hashed as if from the start."""
    definitions = config(tmp_path, "hashed", hashed=True)
    replay([], plain, definitions, UNTIL)
    (tmp_path / "start").mkdir()
    shutil.copy(plain / "salt", tmp_path / "start" / "salt")
    replay([file], tmp_path / "start", definitions, UNTIL)
    later, start = (readable(views(data)) for data in (plain, tmp_path / "start"))
    # what was rejected before keeps its line as it came, until somebody asks for an erasure
    for found in (later, start):
        del found["rejections"]
        found["signals"] = [row for row in found["signals"] if row["source"] != "config"]
    assert later == start


def test_a_pseudonym_is_not_hashed_again(tmp_path: Path) -> None:
    """What was rejected goes by its pseudonym; tried again it is the same adopter."""
    data = tmp_path / "data"
    file = tmp_path / "late.ndjson"
    early = event("early", "subject.used", 1, {"subject": "search", "adopter": "ann"})
    file.write_bytes(early.replace(b"2026-03-01", b"1999-03-01") + b"\n")
    definitions = config(tmp_path, "hashed", hashed=True)
    replay([signals(tmp_path), file], data, definitions, UNTIL)
    replay([], data, widened(definitions), UNTIL)
    assert replay_rejected(data) == (1, 2)
    found = readable(views(data))
    assert named(found, "ann") == []
    assert len(found["adopters"]) == 6
    assert min(row["first_used_at"].year for row in found["adopters"]) == 1999


def widened(path: Path) -> Path:
    said = yaml.safe_load(path.read_text())
    said["organisation"]["epoch"] = "1990-01-01"
    path.write_text(yaml.safe_dump(said))
    return path


def test_an_erased_person_stays_erased_behind_its_hash(
    hashed: Path, file: Path, tmp_path: Path
) -> None:
    """Erasing works by the name also where only its hash is stored."""
    data = hashed
    definitions = config(tmp_path, "hashed", hashed=True)
    before = views(data)
    assert erase(data, "ann").listed == ["search"]
    after = views(data)
    assert {view: before[view] for view in COUNTS} == {view: after[view] for view in COUNTS}
    gone = {r["adopter"] for r in before["adopters"]} - {
        r["adopter"] for r in after["adopters"]
    }
    assert len(gone) == 1
    assert named(readable(after), gone.pop()) == []
    replay([file], data, definitions, UNTIL)
    assert {r["adopter"] for r in views(data)["adopters"]} == {
        r["adopter"] for r in after["adopters"]
    }


def test_who_asks_at_once_gets_the_same_key(tmp_path: Path) -> None:
    """Workers that start together in one directory give the same pseudonyms."""
    workers = 8
    start = threading.Barrier(workers)

    def ask(data: Path) -> bytes:
        start.wait(timeout=60)
        return salt_of(data)

    with ThreadPoolExecutor(workers) as pool:
        for turn in range(50):
            data = tmp_path / str(turn)
            data.mkdir()
            asked = set(pool.map(ask, [data] * workers))
            assert asked == {salt_of(data)}
            assert [file.name for file in data.iterdir()] == ["salt"]


def test_a_key_from_outside(tmp_path: Path) -> None:
    """SIGNALS_SALT and a file with the same text are one key; another key is another."""
    (tmp_path / "salt").write_text(f"{KEY}\n")
    assert salt_of(tmp_path, KEY) == salt_of(tmp_path)
    assert salt_of(tmp_path, KEY[::-1]) != salt_of(tmp_path)
    assert not (tmp_path / "none").exists()
    salt_of(tmp_path / "none", KEY)
    assert not (tmp_path / "none").exists()


def test_a_shared_key_gives_the_same_pseudonyms(file: Path, tmp_path: Path) -> None:
    """Two directories with one SIGNALS_SALT know the same adopters."""
    definitions = config(tmp_path, "hashed", hashed=True)
    for name in ("one", "other"):
        replay([file], tmp_path / name, definitions, UNTIL, salt=KEY)
    one, other = (views(tmp_path / name)["adopters"] for name in ("one", "other"))
    assert one == other


def test_another_key_is_refused(hashed: Path, file: Path, tmp_path: Path) -> None:
    """Where pseudonyms are stored already, another key would count everybody twice."""
    data, definitions = hashed, config(tmp_path, "hashed", hashed=True)
    before = views(data)
    with pytest.raises(StoreError, match="hashed with another key") as refused:
        replay([file], data, definitions, UNTIL, salt=KEY)
    assert "SIGNALS_SALT" in refused.value.remedy
    replay([file], data, definitions, UNTIL)
    assert views(data) == before


def test_another_key_is_fine_where_nothing_is_hashed(tmp_path: Path) -> None:
    """Not even where a user has chosen a name like a pseudonym."""
    data = tmp_path / "data"
    like = event(
        "l", "subject.used", 2, {"subject": "search", "adopter": f"adopter-{'0' * 20}"}
    )
    file = tmp_path / "like.ndjson"
    file.write_bytes(like + b"\n")
    plain = config(tmp_path, "plain", hashed=False)
    replay([signals(tmp_path), file], data, plain, UNTIL)
    replay([file], data, plain, UNTIL, salt=KEY)


def test_hashing_outlives_a_crash() -> None:
    """A partition that began to hash goes on with it, whoever has it next."""
    log: dict[bytes, bytes] = {}

    def partition() -> Partition:
        return Partition(0, 1, PartitionParts(log), Pseudonyms(b"salt", {}, hashed=False))

    first = partition()
    record = {"kind": "organisation", "id": "organisation", "record": {"name": "Acme"}}
    record["record"] = {"name": "Acme", "privacy": {"adopters": "hashed"}}
    said = {"specversion": "1.0", "id": "c", "source": "config", "data": record}
    said |= {"type": "delivery.record.defined.v1", "time": "2026-01-01T00:00:00Z"}
    for line in (
        json.dumps(said).encode(),
        event("u", "subject.used", 2, {"subject": "search", "adopter": "ann"}),
    ):
        decoded = decode(line, -(2**62), 2**62, limit=2**62)
        assert isinstance(decoded, Decoded), decoded
        first.take(decoded)
    first.close()
    first.parts.begin(0)
    first.commit()
    assert first.pseudonyms.hashed
    assert partition().pseudonyms.hashed
    assert not any(b"ann" in value for value in log.values())
