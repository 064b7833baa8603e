"""How fast it is here: `python -m tests.bench [replay|decode|codec|alarms|forecast|strata|dashboards]`.

It reports and never fails. Every replay runs in a process of its own, so that its peak of memory
is its own, and is timed to rows committed in the store, start and definitions included.
"""

import argparse
from pathlib import Path

from tests.bench import alarms, codec, dashboards, decode, forecast, replay, strata


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("replay", "decode", "codec", "alarms", "forecast", "strata", "dashboards"),
        default="replay",
    )
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--goals", type=int, default=5_000, help="of each kind, of alarms")
    parser.add_argument("--store", type=Path, help="folder of the store of dashboards")
    parser.add_argument("--mix", choices=replay.MIXES, action="append")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    arguments = parser.parse_args()
    if arguments.what == "decode":
        decode.main()
    elif arguments.what == "codec":
        codec.main()
    elif arguments.what == "alarms":
        alarms.main(arguments.goals)
    elif arguments.what == "forecast":
        forecast.main()
    elif arguments.what == "strata":
        strata.main()
    elif arguments.what == "dashboards":
        dashboards.main(arguments.signals, arguments.store, explained=arguments.profile)
    else:
        replay.main(
            arguments.signals, arguments.mix or replay.MIXES, profiled=arguments.profile
        )


if __name__ == "__main__":
    main()
