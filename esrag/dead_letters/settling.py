"""Finds out which older letters a run settles: those whose input it has taken to a new outcome.

entries of a run ─ passing ─► the same entries          (notes those that have a letter)
the run has come to its end ─ settle ─► their letters are gone; what is rejected anew has a new one
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from esrag.corpus.listing import Entry, printable_name
from esrag.dead_letters.again import path_of
from esrag.dead_letters.files import Filed, LetterFolder


class Settling:
    """For one run; made before it, so that the run's own letters are not among the older ones."""

    def __init__(self, folder: LetterFolder) -> None:
        self._folder = folder
        self._older = {(filed.letter.run_id, _where(filed)) for filed in folder.read()}
        self._wanted = {where for _, where in self._older}
        self._met: set[str] = set()

    def passing(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries."""
        for entry in entries:
            if self._wanted:
                self._met.update(self._wanted.intersection(_names(entry)))
            yield entry

    def settle(self) -> list[str]:
        """After a run that left nothing open: remove the letters of what it met; their ids."""
        if not self._met:
            return []
        return self._folder.remove(
            lambda filed: (
                _where(filed) in self._met and (filed.letter.run_id, _where(filed)) in self._older
            )
        )


def drop_vanished(folder: LetterFolder, origins: Collection[str]) -> list[str]:
    """Remove the letters of files of these origins that are not there any more; their ids."""
    return folder.remove(
        lambda filed: (
            filed.letter.origin in origins
            and filed.letter.uri.startswith("file:")
            and not os.path.lexists(path_of(filed.letter))
        )
    )


def _where(filed: Filed) -> str:
    return filed.letter.uri or filed.letter.path


def _names(entry: Entry) -> tuple[str, str]:
    """What a letter of this input may call it: by address, or as older letters did by path."""
    uri = entry.uri or entry.path.absolute().as_uri()
    return uri, printable_name(str(entry.path))
