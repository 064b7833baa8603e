"""Files of signals become lines, a chunk at a time: no file and no line is held whole."""

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from pipeline.engine.decode import LIMIT, Refused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STDIN = "-"
"""The name under which standard input is read."""

_CHUNK = 256 * 1024
"""Small enough to stay in the processor's cache, large enough that its cost per line is nil."""

_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_SUFFIX = {".gz": "gzip", ".zst": "zstd"}


class Line(NamedTuple):
    """One line that is not blank, without what surrounds it.

    `number` counts from 1 and counts blank lines too. Of a line that is too long `data` is the
    beginning, more than `decode` takes.
    """

    file: str
    number: int
    data: bytes


@dataclass(slots=True)
class Progress:
    """How much has been read, in bytes as they lie on the disk; it moves while lines are taken.

    `total` is None where nobody knows, as for a pipe.
    """

    done: int = 0
    total: int | None = None


def read(
    files: Iterable[str | Path],
    stdin: IO[bytes] | None = None,
    progress: Progress | None = None,
) -> Iterator[Line | Refused]:
    """Read the lines of all files in their order; `-` is standard input.

    A file that cannot be read, or not to its end, gives one `Refused` with its name, after the
    lines that could be read; the other files follow.
    """
    names = [str(file) for file in files]
    progress = Progress() if progress is None else progress
    progress.total = _total(names)
    for name in names:
        try:
            if name == STDIN:
                yield from _lines(name, sys.stdin.buffer if stdin is None else stdin, progress)
            else:
                with Path(name).open("rb", buffering=0) as source:
                    yield from _lines(name, source, progress)
        except (OSError, ValueError) as error:
            # ValueError: a path with a NUL character, or a stream that somebody closed.
            yield Refused("unreadable_file", _cause(error), name)


def _total(names: list[str]) -> int | None:
    total = 0
    for name in names:
        if name == STDIN:
            return None
        try:
            status = Path(name).stat()
        except (OSError, ValueError):
            continue
        if not stat.S_ISREG(status.st_mode):
            return None
        total += status.st_size
    return total


class _Counted(io.RawIOBase):
    """Passes bytes on as they come, and counts them."""

    def __init__(self, source: IO[bytes], progress: Progress) -> None:
        # One read of a pipe gives what is there; `read` would wait for all of it.
        self._read: Callable[[int], bytes | None] = getattr(source, "read1", source.read)
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer)) or b""
        buffer[: len(data)] = data
        self._progress.done += len(data)
        return len(data)


def _lines(name: str, source: IO[bytes], progress: Progress) -> Iterator[Line | Refused]:
    raw = io.BufferedReader(_Counted(source, progress), _CHUNK)
    head = raw.peek(4)[:4]
    packing = _SUFFIX.get(Path(name).suffix.lower())
    if packing is None:
        # A log that was rotated, or standard input: look at what it is.
        packing = next((kind for kind, magic in _MAGIC.items() if head.startswith(magic)), None)
    elif (magic := _MAGIC[packing]) != head and magic.startswith(head):
        yield Refused("truncated_archive", "the file ends within its first bytes", name)
        return
    elif not head.startswith(magic) and not (packing == "zstd" and _opens_skippable(head)):
        yield Refused("unreadable_file", f"the file is not packed with {packing}", name)
        return
    unpacked: io.BufferedIOBase = raw
    if packing == "gzip":
        unpacked = gzip.GzipFile(fileobj=raw)
    elif packing == "zstd":
        unpacked = zstd.ZstdFile(raw)
    yield from _split(name, unpacked.read1)


def _opens_skippable(head: bytes) -> bool:
    """Parallel packers write such a frame before the first with data."""
    return head[1:] == b"\x2a\x4d\x18" and head[0] >> 4 == 5


def _split(name: str, read1: Callable[[int], bytes]) -> Iterator[Line | Refused]:
    # A third of the time of a line goes into the `__new__` that NamedTuple writes.
    make: Callable[[type[Line], tuple[str, int, bytes]], Line] = tuple.__new__
    number = 0
    rest = b""
    skipping = False
    while True:
        try:
            chunk = read1(_CHUNK)
        except EOFError:
            # What is left in `rest` is half a line, and no second rejection.
            yield Refused("truncated_archive", f"the end is missing after line {number}", name)
            return
        except (OSError, zlib.error, zstd.ZstdError) as error:
            yield Refused("unreadable_file", f"{_cause(error)} after line {number}", name)
            return
        if not chunk:
            break
        if skipping:
            end = chunk.find(b"\n")
            if end < 0:
                continue
            skipping = False
            chunk = chunk[end + 1 :]
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]
        if number == 0 and (len(lines) > 1 or len(lines[0]) > LIMIT):
            if lines[0].startswith(_UTF16):
                yield Refused(
                    "unreadable_file", "the file is UTF-16; convert it to UTF-8", name
                )
                return
            lines[0] = lines[0].removeprefix(_BOM)
        rest = lines.pop()
        for line in lines:
            number += 1
            if data := line.strip(_BLANK):
                yield make(Line, (name, number, data))
        if len(rest) > LIMIT:
            number += 1
            yield Line(name, number, rest)
            rest = b""
            skipping = True
    if number == 0:
        rest = rest.removeprefix(_BOM)
    if data := rest.strip(_BLANK):
        yield Line(name, number + 1, data)


def _cause(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return os.fsdecode(text)[:200]
