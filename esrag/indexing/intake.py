"""Entries become lines of the ledger, files for the reader, and what was read becomes drafts.

    entries ─► listed lines ─► files ─► [reader] ─► one draft or rejection for each document

A file that turns out to hold records keeps its own line until the last of them has one: so a run
that is cut off in the middle of it still has something open.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from esrag.corpus.listing import Entry
from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.indexing.naming import Naming
from esrag.indexing.outcomes import Outcomes, printed
from esrag.indexing.reading import duplicate_or_itself, rejected
from esrag.indexing.works import Draft
from esrag.ledger import Input, Ledger
from esrag.parsing.task import Cut, Outcome, Read

_LISTED_AT_ONCE = 64
_LISTED_WITHIN = 0.05  # seconds; a listing that fetches from afar gives one file at a time


class _OpenFile:
    """A file that is being read."""

    def __init__(self, number: int, file: Listed) -> None:
        self.number = number
        self.file = file
        self.parts = 0
        self.is_settled = False  # its own line has got an outcome


class Intake:
    """One run's inputs."""

    def __init__(self, ledger: Ledger, run_id: str, outcomes: Outcomes, naming: Naming) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._outcomes = outcomes
        self._naming = naming
        self._numbers = 0
        self._handed: dict[int, Listed] = {}
        self._open: _OpenFile | None = None
        self.listing_done = False

    def files(self, entries: Iterable[Entry]) -> Iterator[tuple[int, Listed]]:
        """Write a line for every entry; give those that are to be read."""
        waiting: list[tuple[int, Entry]] = []
        due = time.monotonic() + _LISTED_WITHIN
        for entry in entries:
            waiting.append((self._next_number(), self._naming.named(entry)))
            if len(waiting) >= _LISTED_AT_ONCE or time.monotonic() > due:
                yield from self._list(waiting)
                waiting = []
                due = time.monotonic() + _LISTED_WITHIN
        self.listing_done = True
        yield from self._list(waiting)

    def _list(self, entries: list[tuple[int, Entry]]) -> Iterator[tuple[int, Listed]]:
        self._add_lines(Input(number, printed(entry), entry.name) for number, entry in entries)
        self._outcomes.skipped([(n, e) for n, e in entries if isinstance(e, Skipped)])
        self._outcomes.rejected([(n, e, None) for n, e in entries if isinstance(e, Rejected)])
        for number, entry in entries:
            if isinstance(entry, Listed):
                self._handed[number] = entry
                yield number, entry

    def take(self, event: Read) -> Draft | None:
        """A draft when what was read can be indexed; all else is noted here."""
        current = self._current(event.number)
        if event.outcome is None:
            self._close(current)
            return None
        number = self._line_of(current, event.outcome)
        outcome = event.outcome
        if isinstance(outcome, Cut) and not outcome.chunks:
            outcome = rejected(outcome.parsed, "chunk", "empty", "no text to index")
        elif isinstance(outcome, Cut):
            outcome = duplicate_or_itself(outcome, self._outcomes.seen)
        if isinstance(outcome, Cut):
            return Draft(number, current.file, outcome)
        if isinstance(outcome, Skipped):
            self._outcomes.skipped([(number, outcome)])
        else:
            self._outcomes.rejected([(number, outcome, current.file)])
        return None

    def _current(self, number: int) -> _OpenFile:
        if self._open is None or self._open.number != number:
            self._open = _OpenFile(number, self._handed.pop(number))
        return self._open

    def _line_of(self, current: _OpenFile, outcome: Outcome) -> int:
        """The file's own line for what is the file itself, a new one for what is in it."""
        place, name = _place_and_name(outcome)
        current.parts += 1
        is_itself = not place and (name == current.file.name or isinstance(outcome, Cut))
        if is_itself and not current.is_settled:
            current.is_settled = True
            return current.number
        number = self._next_number()
        self._add_lines([Input(number, printed(current.file), name, place)])
        return number

    def _close(self, current: _OpenFile) -> None:
        self._open = None
        if current.is_settled:
            return
        if current.parts:
            self._ledger.opened(self._run_id, current.number)
            self._outcomes.listed -= 1
            return
        file = current.file
        nothing = Rejected(
            file.path, file.name, "read", "empty", "nothing to index was found in it"
        )
        self._outcomes.rejected([(current.number, nothing, file)])

    def _add_lines(self, lines: Iterable[Input]) -> None:
        inputs = list(lines)
        self._ledger.listed(self._run_id, inputs)
        self._outcomes.listed += len(inputs)

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers


def _place_and_name(outcome: Outcome) -> tuple[str, str]:
    if isinstance(outcome, Cut):
        return outcome.parsed.place, outcome.parsed.document.id
    return (outcome.place if isinstance(outcome, Rejected) else ""), outcome.name
