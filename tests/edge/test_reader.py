import gzip
import io
import random
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.engine.decode import LIMIT, Refused, decode
from pipeline.engine.reader import Line, Progress, read

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Texts that pack badly, so that half a file still holds many lines.
MANY = [random.Random(seed).randbytes(40).hex().encode() for seed in range(20_000)]
PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd.compress}


def lines_of(path: Path) -> list[Line]:
    found = list(read([path]))
    assert all(isinstance(line, Line) for line in found), found
    return [line for line in found if isinstance(line, Line)]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    """CRLF, blank lines and a missing last newline are fine; numbers are those of an editor."""
    path = write(tmp_path / "a", b"one\r\n\n \t \r\n  two  \n\r\nthree")
    assert [(line.number, line.data) for line in lines_of(path)] == [
        (1, b"one"),
        (4, b"two"),
        (6, b"three"),
    ]
    assert {str(path)} == {line.file for line in lines_of(path)}


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b" "])
def test_files_without_lines(tmp_path: Path, content: bytes) -> None:
    """A file in which nothing stands gives nothing, not even a rejection."""
    assert lines_of(write(tmp_path / "a", content)) == []


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_byte_order_mark_opens_a_file_and_only_that(tmp_path: Path, end: bytes) -> None:
    """The mark at the start of each file is skipped, one inside stays and will be refused."""
    paths = [write(tmp_path / name, b"\xef\xbb\xbfone" + end) for name in "ab"]
    assert [line.data for path in paths for line in lines_of(path)] == [b"one", b"one"]
    inside = write(tmp_path / "c", b"one\n\xef\xbb\xbftwo" + end)
    assert lines_of(inside)[1].data == b"\xef\xbb\xbftwo"


def test_utf_16_is_one_rejection(tmp_path: Path) -> None:
    """A file in UTF-16, as some shells write, is refused once and with what to do."""
    (found,) = read([write(tmp_path / "a", "one\ntwo\n".encode("utf-16"))])
    assert isinstance(found, Refused)
    assert found.reason == "unreadable_file"
    assert "UTF-16" in found.detail


@pytest.mark.parametrize("suffix", PACK)
def test_archives_read_as_plain_files(tmp_path: Path, suffix: str) -> None:
    """A packed file gives the same lines, also when several were joined or it was renamed."""
    pack = PACK[suffix]
    half = len(MANY) // 2
    joined = pack(b"\n".join(MANY[:half]) + b"\n") + pack(b"\n".join(MANY[half:]))
    for name in (f"a{suffix}", f"a{suffix}.1", f"A{suffix.upper()}"):
        assert [line.data for line in lines_of(write(tmp_path / name, joined))] == MANY
    assert [
        line.data for line in read(["-"], io.BytesIO(joined)) if isinstance(line, Line)
    ] == MANY


def test_a_skippable_frame_is_skipped(tmp_path: Path) -> None:
    """What packers leave for themselves before and between the data is no trouble."""
    frame = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    path = write(tmp_path / "a.zst", frame + zstd.compress(b"one\n") + frame)
    assert [line.data for line in lines_of(path)] == [b"one"]


@pytest.mark.parametrize("suffix", PACK)
def test_a_cut_archive_gives_its_good_lines_and_one_rejection(
    tmp_path: Path, suffix: str
) -> None:
    """What stands before the cut counts; the cut is one rejection that names the file."""
    whole = PACK[suffix](b"\n".join(MANY) + b"\n")
    for size in (0, 1, 3, 10, len(whole) // 2, len(whole) - 1):
        path = write(tmp_path / f"cut{suffix}", whole[:size])
        *good, last = read([path])
        assert isinstance(last, Refused)
        assert (last.reason, last.file) == ("truncated_archive", str(path)), size
        assert MANY[: len(good)] == [line.data for line in good if isinstance(line, Line)]
        if size > 10:
            assert len(good) > len(MANY) // 4


@pytest.mark.parametrize("suffix", PACK)
def test_a_damaged_archive_is_one_rejection(tmp_path: Path, suffix: str) -> None:
    """Flipped bytes, foreign bytes behind the end, or no archive at all: one rejection."""
    whole = PACK[suffix](b"\n".join(MANY) + b"\n")
    flipped = bytearray(whole)
    flipped[len(whole) // 2 : len(whole) // 2 + 64] = bytes(64)
    for content in (bytes(flipped), whole + b"junk!", b"plain text\n" * 9):
        found = list(read([write(tmp_path / f"bad{suffix}", content)]))
        refused = [line for line in found if isinstance(line, Refused)]
        assert [found[-1]] == refused
        assert refused[0].reason in {"unreadable_file", "truncated_archive"}


def test_files_that_cannot_be_read_do_not_stop_the_others(tmp_path: Path) -> None:
    """A missing file, a folder and a name that no file can have: each is one rejection."""
    good = write(tmp_path / "good", b"one\n")
    missing = tmp_path / "missing"
    found = list(read([missing, tmp_path, "a\0b", good]))
    assert [(str(missing), 0), (str(tmp_path), 0), ("a\0b", 0)] == [
        (line.file, line.line) for line in found if isinstance(line, Refused)
    ]
    assert {"unreadable_file"} == {line.reason for line in found if isinstance(line, Refused)}
    assert [Line(str(good), 1, b"one")] == [line for line in found if isinstance(line, Line)]


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 5_000_000])
def test_a_long_line_is_cut_and_the_next_one_read(tmp_path: Path, size: int) -> None:
    """A line up to the limit comes whole; of a longer one enough to be refused as too large."""
    path = write(tmp_path / "a", b"one\n" + b"x" * size + b"\ntwo\n" + b"y" * size)
    found = lines_of(path)
    assert [line.number for line in found] == [1, 2, 3, 4]
    assert found[2].data == b"two"
    for line in (found[1], found[3]):
        assert len(line.data) >= min(size, LIMIT + 1)
        refused = decode(line.data, 0, 0)
        assert isinstance(refused, Refused)
        assert (refused.reason == "too_large") == (size > LIMIT)


class Endless(io.RawIOBase):
    """Two hundred megabytes without a newline."""

    left = 200_000_000

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


@pytest.mark.parametrize("packed", [False, True])
def test_memory_stays_small(tmp_path: Path, packed: bool) -> None:
    """A line of 200 MB, also one that is packed into a few kilobytes, takes a few megabytes."""
    if packed:
        with zstd.ZstdFile(tmp_path / "a.zst", "w") as file:
            for _ in range(200):
                file.write(bytes(1_000_000))
        size = (tmp_path / "a.zst").stat().st_size
        assert size < 100_000
    tracemalloc.start()
    try:
        found = list(read([tmp_path / "a.zst"] if packed else ["-"], Endless()))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 1
    assert peak < 8_000_000


def test_progress_counts_the_bytes_of_the_files(tmp_path: Path) -> None:
    """Progress moves while lines are taken and ends at the total; a pipe has no total."""
    plain = write(tmp_path / "a", b"\n".join(MANY))
    packed = write(tmp_path / "b.gz", gzip.compress(b"\n".join(MANY)))
    progress = Progress()
    lines = read([plain, packed], progress=progress)
    next(lines)
    assert progress.total == plain.stat().st_size + packed.stat().st_size
    assert 0 < progress.done < progress.total
    assert sum(1 for _ in lines) == 2 * len(MANY) - 1
    assert progress.done == progress.total
    list(read(["-"], io.BytesIO(b"one"), progress))
    assert progress.total is None
