"""Thousands of broken files through the real parser children: each ends with a code, in time."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from bad_case import CUT, SKIPPED
from generated_cases import Case, cases
from valid_files import NOT_MADE, valid_file

from esrag.corpus.formats import ENDINGS
from esrag.corpus.listing import printable_name
from esrag.corpus.reasons import REASONS
from esrag.corpus.records import Listed, Rejected
from esrag.parsing.limits import Limits
from esrag.parsing.pool import ParserPool
from esrag.parsing.task import Cut, CuttingTask, Outcome

SEED = 20261123
LIMITS = Limits(cpu_seconds=20, wall_seconds=30.0)


def test_what_is_broken_was_whole(task: CuttingTask, tmp_path: Path) -> None:
    """The files that the cases are made from are read to the end, whatever their ending."""
    files = []
    for number, ending in enumerate(ENDINGS):
        # What is compressed is read by the ending before.
        path = tmp_path / f"whole{'.md' if ending in ('.gz', '.bz2', '.xz') else ''}{ending}"
        path.write_bytes(valid_file(ending))
        files.append((number, Listed(path, path.name)))
    outcomes: dict[str, set[str]] = {ending: set() for ending in ENDINGS}
    with ParserPool(task, processes=2) as pool:
        for read in pool.read(files):
            if read.outcome is not None:
                outcomes[ENDINGS[read.number]].add(_code(read.outcome))
    fine = [{CUT}, {CUT, SKIPPED}]
    assert {e: o for e, o in outcomes.items() if o not in fine and e not in NOT_MADE} == {}


def test_generated_files(task: CuttingTask, tmp_path: Path) -> None:
    """2,000 of them."""
    _through_the_children(task, tmp_path, count=2000)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_many_generated_files(task: CuttingTask, tmp_path: Path) -> None:
    """50,000 others."""
    _through_the_children(task, tmp_path, count=50_000, first=2000)


def _through_the_children(task: CuttingTask, folder: Path, *, count: int, first: int = 0) -> None:
    made: dict[int, Case] = {}

    def files() -> Iterator[tuple[int, Listed]]:
        for case in cases(SEED, count, first=first):
            made[case.number] = case
            path = folder / case.name
            path.write_bytes(case.content)
            yield case.number, Listed(path, printable_name(case.name), "file:///x", spooled=True)

    finished, wrong, told = 0, [], Counter[str]()
    with ParserPool(task, processes=2, limits=LIMITS) as pool:
        last = time.monotonic()
        for read in pool.read(files()):
            waited = time.monotonic() - last
            case = made[read.number]
            if read.outcome is None:
                finished += 1
                del made[read.number]
            else:
                told[_code(read.outcome)] += 1
                fault = _fault(read.outcome, waited)
                if fault:
                    wrong.append((case.number, ascii(case.name), case.how, fault))
            last = time.monotonic()
    assert not wrong[:5], f"{len(wrong)} of {count}; {told}"
    assert finished == count
    assert told["cut"] > count // 20  # they are broken, but not all beyond reading
    assert len(told) > 8
    assert os.listdir(folder) == []  # noqa: PTH208 - names that are no UTF-8


def _code(outcome: Outcome) -> str:
    if isinstance(outcome, Rejected):
        return outcome.code
    return "cut" if isinstance(outcome, Cut) else "skipped"


def _fault(outcome: Outcome, waited: float) -> str:
    """What must not be, whatever the file."""
    if waited > 30:
        return f"took {waited:.0f} s"
    if isinstance(outcome, Rejected):
        if outcome.code not in REASONS or outcome.code in ("parser_crashed", "missing_library"):
            return f"{outcome.code}: {outcome.reason}"
        return "" if outcome.reason.isprintable() else f"reason {outcome.reason!a}"
    return _not_covered(outcome) if isinstance(outcome, Cut) else ""


def _not_covered(cut: Cut) -> str:
    """The first words of the text that no chunk holds."""
    text = cut.parsed.document.text
    ends = [(chunk.start, chunk.end) for chunk in cut.chunks]
    for (_, before), (after, _) in pairwise([(0, 0), *ends, (len(text), len(text))]):
        if text[before:after].strip():
            return f"lost {text[before:after].strip()[:40]!a}"
    return ""
