"""A process that replays or rebuilds in small groups, so that a test can kill it in between.

python groups.py SIZE replay DATA CONFIG UNTIL FILE... | python groups.py SIZE rebuild DATA
"""

import sys
from pathlib import Path

from pipeline.engine import local, replay


def main(size: str, command: str, data: str, *rest: str) -> None:
    local.GROUP = int(size)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if command == "rebuild":
        replay.rebuild(Path(data))
    else:
        config, until, *files = rest
        replay.replay(files, Path(data), Path(config), until)


if __name__ == "__main__":
    main(*sys.argv[1:])
