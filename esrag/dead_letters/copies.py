"""Keeps a copy of each letter in the index ``esrag-dlq``, as far as that is possible.

The file is what counts: a cluster that takes no letter stops no run.  After a failure nothing is
tried until the end of the run, and then once more, with all letters of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from esrag.cluster.dead_letters import LetterIndex
from esrag.dead_letters.files import Filed, LetterFolder, as_document
from esrag.errors import EsragError
from esrag.ledger import DeadLetter

_AT_ONCE = 200


class Copies:
    """For one run.  ``why`` says what kept letters from being copied."""

    def __init__(self, index: LetterIndex, folder: LetterFolder, alias: str) -> None:
        self._index = index
        self._folder = folder
        self._alias = alias
        self._missing = 0
        self.why = ""

    def keep(self, letters: Sequence[DeadLetter]) -> int:
        """Copy these; how many are in the index now."""
        if self.why:
            self._missing += len(letters)
            return 0
        there = self._add([(self._folder.id_of(each), each) for each in letters])
        self._missing += len(letters) - there
        return there

    def complete(self, run_id: str) -> int:
        """Try once more what could not be copied; how many letters the index does not have."""
        if not self._missing:
            return 0
        self.why, self._missing = "", 0
        filed = (each for each in self._folder.read() if each.letter.run_id == run_id)
        for part in _parts(filed):
            there = 0 if self.why else self._add([(each.id, each.letter) for each in part])
            self._missing += len(part) - there
        return self._missing

    def forget(self, ids: Sequence[str]) -> None:
        """Take the copies of settled letters away; one that stays can be purged."""
        try:
            self._index.remove(ids)
        except EsragError:
            return

    def _add(self, letters: Sequence[tuple[str, DeadLetter]]) -> int:
        try:
            there = self._index.add(
                [(one, as_document(each, self._alias)) for one, each in letters]
            )
        except EsragError as error:
            self.why = error.message
            return 0
        if there < len(letters):
            self.why = "the index refused some of them"
        return there


def _parts(filed: Iterator[Filed]) -> Iterator[list[Filed]]:
    while part := list(islice(filed, _AT_ONCE)):
        yield part
