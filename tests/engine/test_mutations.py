"""Mutations: each of these faults in the core makes the comparison with the truth differ.

A fault is a replacement in the source of one module, in a copy of the package. It runs in a
process of its own, which says what differs from the truth.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.simulate import simulate
from tests.engine import differing

ROOT = Path(__file__).parents[2]
DAYS = 90
"""Long enough for facts that are too late to come before the end."""


class Mutation(NamedTuple):
    """In which module which text becomes which, and where the difference must show."""

    module: str
    old: str
    new: str
    shows: str


MUTATIONS = {
    "calendar days for working days": Mutation(
        "core/calendar",
        "return (day + 3) % 7 in self._weekdays and day not in self._holiday_set",
        "return True",
        "findings",
    ),
    "no hold": Mutation("core/subject", "needed = target.hold_days", "needed = 1", "findings"),
    "an adopter counts double": Mutation(
        "core/adoption", "ADOPTERS, s.counted)", "ADOPTERS, s.counted * 2)", "adopters"
    ),
    "no blip": Mutation(
        "core/live", "BLIP_MS = 60 * MINUTE_MS", "BLIP_MS = 0 * MINUTE_MS", "states"
    ),
    "window one day longer": Mutation(
        "core/adoption",
        "spans[-1] = (spans[-1][0], day + length)",
        "spans[-1] = (spans[-1][0], day + length + 1)",
        "adopters",
    ),
    "rollback ignored": Mutation(
        "core/live", 'if deploy.kind == "rollback":', 'if deploy.kind == "never":', "states"
    ),
    "revert ignored": Mutation(
        "core/live",
        "reverts = {by: m for by, m in reverts_of(draft, id).items() if by not in seen}",
        "reverts: dict[str, list[Change]] = {}",
        "states",
    ),
    "reopen ignored": Mutation(
        "core/tracker",
        'elif now.category == "done":',
        'elif now.category == "never":',
        "states",
    ),
    "children count unclipped": Mutation(
        "core/measured",
        "value += weight * min(max(progress, 0.0), 1.0)",
        "value += weight * progress",
        "goals",
    ),
    "bulk links believed": Mutation(
        "core/links",
        "return min(sure, DRIVES - 0.01) if bulk else sure",
        "return sure",
        "states",
    ),
    "every environment is production": Mutation(
        "core/definition",
        "        if stated:\n            return stated",
        '        if stated:\n            return "production"',
        "states",
    ),
    "lateness has no limit": Mutation(
        "engine/intake", "LATE_MS = 35 * DAY_MS", "LATE_MS = 3500 * DAY_MS", "states"
    ),
}


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("organisation")
    simulation = simulate(folder, days=DAYS)
    shown = {
        "signals": [str(path) for path in simulation.signals],
        "config": str(simulation.config),
        "until": simulation.until,
        "truth": str(simulation.truth),
    }
    (folder / "simulation.json").write_text(json.dumps(shown))
    return folder


def differences(package: Path, organisation: Path, data: Path) -> dict[str, list[str]]:
    """What a process that has the package on its path finds to differ from the truth."""
    done = subprocess.run(
        [sys.executable, str(Path(differing.__file__)), str(organisation), str(data)],
        cwd=data.parent,
        env={"PYTHONPATH": f"{package}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert Path(said["package"]).is_relative_to(package)
    found: dict[str, list[str]] = said["differences"]
    return found


def mutated(mutation: Mutation, folder: Path) -> Path:
    """A copy of the package with the fault in it."""
    shutil.copytree(
        ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    path = folder / "pipeline" / f"{mutation.module}.py"
    text = path.read_text()
    assert text.count(mutation.old) == 1, f"{mutation.module} no longer has: {mutation.old}"
    path.write_text(text.replace(mutation.old, mutation.new))
    return folder


def test_every_mutation_finds_its_place(tmp_path: Path) -> None:
    """The text that a mutation replaces stands in its module exactly once."""
    for name, mutation in MUTATIONS.items():
        text = (ROOT / "pipeline" / f"{mutation.module}.py").read_text()
        assert text.count(mutation.old) == 1, name


@pytest.mark.prove
def test_without_a_mutation_nothing_differs(organisation: Path, tmp_path: Path) -> None:
    """The package as it is agrees with the truth, so what differs below is the mutation's."""
    assert differences(ROOT, organisation, tmp_path / "data") == {}


@pytest.mark.prove
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_found(name: str, organisation: Path, tmp_path: Path) -> None:
    """The comparison with the truth differs, and where it must."""
    package = mutated(MUTATIONS[name], tmp_path / "package")
    found = differences(package, organisation, tmp_path / "data")
    assert MUTATIONS[name].shows in found
