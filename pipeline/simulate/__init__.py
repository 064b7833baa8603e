"""A seeded organisation with ground truth, which knows nothing of the pipeline's core.

Stories make plain facts; noise turns the facts into files of signals; the oracle works out from
the same facts, in the simplest way, what a perfect tool would say. See contract, section 6.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from pipeline.simulate import adoption, measures, noise, oracle, organisation
from pipeline.simulate.calendar import rfc3339
from pipeline.simulate.stories import STORIES
from pipeline.simulate.troubles import OUTCOMES, TROUBLES, outcome, trains
from pipeline.simulate.world import World


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was written, and the time of the last tick."""

    signals: list[Path]
    config: Path
    truth: Path
    until: str
    stories: dict[str, list[str]]
    """Which work items tell which story."""


def simulate(
    directory: Path,
    *,
    days: int = 120,
    seed: int = 1,
    withhold: float = 0.0,
    wide: bool = False,
) -> Simulation:
    """Write signals, definitions and the truth of a simulated organisation.

    `withhold` is the share of work items whose links nobody reports; nothing else changes. A `wide`
    organisation has a goal on the work of many teams, and a scenario.
    """
    directory.mkdir(parents=True, exist_ok=True)
    world = _happen(days, seed, wide=wide)
    withheld = noise.withhold(
        world.facts, world.keys, withhold, random.Random(f"{seed} withhold")
    )
    written = noise.lines(
        world.facts, world.keys, withheld, world.end, random.Random(f"{seed} noise")
    )
    truth = oracle.tell(world.organisation, world.facts, world.keys, world.end, withheld)
    paths = noise.write(directory, written)
    config_path, truth_path = directory / "organisation.yaml", directory / "truth.json"
    config_path.write_text(world.organisation.write(), encoding="utf-8")
    truth_path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return Simulation(paths, config_path, truth_path, rfc3339(world.end), dict(world.stories))


def _happen(days: int, seed: int, *, wide: bool) -> World:
    """Let all stories happen."""
    world = World(organisation.build(days, wide=wide), days, random.Random(f"{seed} work"))
    for story, times in STORIES:
        for number in range(times):
            story(world, number)
    for name, (_, _, times) in OUTCOMES.items():
        for number in range(times):
            outcome(world, name, number)
    for story, times in TROUBLES:
        for number in range(times):
            story(world, number)
    trains(world)
    world.depart()
    # Other chances, so that people do the same whatever the work is.
    world.rng = random.Random(f"{seed} people")
    adoption.adopt(world)
    world.rng = random.Random(f"{seed} measures")
    measures.measure(world)
    measures.too_late(world)
    return world
