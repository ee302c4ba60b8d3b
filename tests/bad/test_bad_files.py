"""Every bad file, through listing and the real parser children, becomes what it should."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bad_case import CUT
from bad_corpus import GROUPS, build, members
from bad_largest import largest

from esrag.corpus.listing import Listing, ListingOptions
from esrag.corpus.reasons import REASONS
from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.parsing.limits import MIB
from esrag.parsing.pool import ParserPool
from esrag.parsing.task import CuttingTask, Outcome, Read

SLOWEST = 30.0  # seconds that any of them may take


@dataclass(slots=True)
class Fate:
    """What became of one file."""

    codes: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """One outcome more."""
        if isinstance(outcome, Rejected):
            self.codes.add(outcome.code)
            self.reasons.append(f"{outcome.code}: {outcome.reason}")
        else:
            self.codes.add("skipped" if isinstance(outcome, Skipped) else "cut")


def fates(folder: Path, pool: ParserPool) -> dict[Path, Fate]:
    """What becomes of everything in ``folder``, by path."""
    found: dict[Path, Fate] = {}
    read: list[Path] = []

    def files() -> Iterator[tuple[int, Listed]]:
        for entry in Listing([str(folder)], ListingOptions()).entries():
            fate = found.setdefault(entry.path, Fate())
            if isinstance(entry, Listed):
                read.append(entry.path)
                yield len(read) - 1, entry
            else:
                fate.add(entry)

    for number, outcome in timed(pool.read(files())):
        fate = found[read[number]]
        fate.seconds += outcome[0]
        if outcome[1].outcome is not None:
            fate.add(outcome[1].outcome)
    return found


def timed(reads: Iterable[Read]) -> Iterator[tuple[int, tuple[float, Read]]]:
    """Each read with the seconds that it was waited for."""
    last = time.monotonic()
    for read in reads:
        now = time.monotonic()
        yield read.number, (now - last, read)
        last = time.monotonic()


@pytest.mark.parametrize("group", GROUPS)
def test_bad_files(group: str, task: CuttingTask, tmp_path: Path) -> None:
    """Each file of the group ends as it should; none hangs, none breaks its parser."""
    expected = build(group, tmp_path / group)
    with ParserPool(task, processes=2) as pool:
        found = fates(tmp_path / group, pool)
        assert all(most_memory(process.pid) <= 1024 * MIB for process in pool._processes)
    wrong = {
        ascii(path.name): (sorted(fate.codes), expected[path].expect, fate.reasons[:2])
        for path, fate in found.items()
        if fate.codes != set(expected[path].expect)
    }
    assert not wrong
    assert {path for path, bad in expected.items() if bad.expect} == set(found)
    assert max(fate.seconds for fate in found.values()) < SLOWEST
    told = {code for fate in found.values() for code in fate.codes} - {"cut", "skipped"}
    assert told <= set(REASONS)


def test_places_that_change(task: CuttingTask, tmp_path: Path) -> None:
    """What was a file when it was listed and is none when it is read: told, and nothing hangs."""
    places = {name: tmp_path / f"{name}.txt" for name in ("gone", "pipe", "folder", "locked")}
    os.mkfifo(places["pipe"])
    places["folder"].mkdir()
    places["locked"].write_text("words")
    places["locked"].chmod(0)
    places |= {"device": Path("/dev/zero"), "endless": Path("/proc/self/pagemap")}
    files = [(n, Listed(path, f"{name}.txt")) for n, (name, path) in enumerate(places.items())]
    found: dict[str, Fate] = {name: Fate() for name in places}
    with ParserPool(task, processes=1) as pool:
        for read in pool.read(files):
            if read.outcome is not None:
                found[list(places)[read.number]].add(read.outcome)
    locked = {CUT} if os.geteuid() == 0 else {"unreadable"}  # root may read all
    assert {name: fate.codes for name, fate in found.items()} == {
        "gone": {"unreadable"},
        "pipe": {"not_a_file"},
        "folder": {"not_a_file"},
        "locked": locked,
        "device": {"not_a_file"},
        "endless": {"too_large"},
    }


def test_a_file_that_grows(task: CuttingTask, tmp_path: Path) -> None:
    """Reading ends at the limit, however much is written behind it meanwhile."""
    path = tmp_path / "log.txt"
    path.write_bytes(b"words " * 1000)
    ended = threading.Event()

    def write() -> None:
        with path.open("ab") as file:
            while not ended.is_set() and file.tell() < 60 * MIB:
                file.write(b"more words " * 20_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with ParserPool(task, processes=1) as pool:
            fate = Fate()
            for read in pool.read([(1, Listed(path, "log.txt"))]):
                if read.outcome is not None:
                    fate.add(read.outcome)
    finally:
        ended.set()
        writer.join()
    assert fate.codes in ({CUT}, {"too_large"})


def most_memory(pid: int) -> int:
    """The most bytes of memory that a process has held so far; 0 where nobody tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_largest(task: CuttingTask, tmp_path: Path) -> None:
    """What takes minutes to make or to refuse, under the limits that users have."""
    folder = tmp_path / "largest"
    folder.mkdir()
    expected = {bad.make(folder): bad for bad in largest()}
    with ParserPool(task, processes=2) as pool:
        found = fates(folder, pool)
    wrong = {
        path.name: (sorted(fate.codes), fate.reasons[:2])
        for path, fate in found.items()
        if fate.codes != set(expected[path].expect)
    }
    assert not wrong
    assert set(found) == set(expected)


def test_enough_of_them() -> None:
    """There are at least 250, no two of one name in a group, and each says what is bad."""
    groups = [members(group) for group in GROUPS]
    assert sum(map(len, groups)) >= 250
    for group in groups:
        assert len({bad.name for bad in group}) == len(group)
        assert all(bad.why for bad in group)
