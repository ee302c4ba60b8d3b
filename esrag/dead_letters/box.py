"""All dead letters of a document set: files of this data folder, and what only the index has.

Most letters of ours are in both; they are one letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from esrag.cluster.dead_letters import Kept, LetterIndex
from esrag.dead_letters.files import Filed, LetterFolder
from esrag.errors import PermissionDeniedError


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter, wherever it is kept: ``filed`` here, ``kept`` in the index."""

    id: str
    code: str
    reason: str
    where: str
    run_id: str
    filed: Filed | None = None
    kept: Kept | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether a run of ``esrag ingest`` wrote it, from this data folder or another."""
        return bool(self.run_id)

    def as_json(self) -> dict[str, Any]:
        """All that is known of it."""
        return {"id": self.id, **self.facts}


class LetterBox:
    """``refused`` is set when the credentials may not read the index; the files are read anyway."""

    def __init__(self, folder: LetterFolder, index: LetterIndex | None) -> None:
        self._folder = folder
        self._index = index
        self.refused: PermissionDeniedError | None = None

    @property
    def unreadable(self) -> list[str]:
        """Places of lines that are no letters."""
        return self._folder.unreadable

    @property
    def alias(self) -> str:
        """The public name of the document set's index."""
        return self._folder.alias

    @property
    def index(self) -> LetterIndex | None:
        """Where the copies and other producers' documents are."""
        return self._index

    def read(self, *, with_documents: bool = False) -> Iterator[Letter]:
        """Each letter once: those of this data folder first."""
        seen: set[str] = set()
        for filed in self._folder.read():
            seen.add(filed.id)
            yield _of_file(filed)
        if self._index is None or self.refused is not None:
            return
        try:
            for kept in self._index.read(with_documents=with_documents):
                if kept.id not in seen:
                    yield _of_index(kept)
        except PermissionDeniedError as error:
            self.refused = error

    def remove(self, letters: Sequence[Letter]) -> int:
        """Take letters away, here and as far as allowed in the index; how many went."""
        ids = {letter.id for letter in letters}
        gone = set(self._folder.remove(lambda filed: filed.id in ids))
        if self._index is not None:
            only_there = [letter.id for letter in letters if letter.filed is None]
            copies = [each for each in sorted(ids) if each not in set(only_there)]
            if only_there:
                self._index.remove(only_there)
                gone.update(only_there)
            self._remove_copies(copies)
        return len(gone)

    def _remove_copies(self, ids: Sequence[str]) -> None:
        if self._index is None or not ids:
            return
        try:
            self._index.remove(ids)
        except PermissionDeniedError as error:
            self.refused = error


def _of_file(filed: Filed) -> Letter:
    letter = filed.letter
    return Letter(
        id=filed.id,
        code=letter.code,
        reason=letter.reason,
        where=f"{letter.path} {letter.place}".strip(),
        run_id=letter.run_id,
        filed=filed,
        facts={**letter.as_json(), "file": str(filed.file)},
    )


def _of_index(kept: Kept) -> Letter:
    where = f"{kept.path} {kept.place}".strip() or kept.document_id or kept.id
    return Letter(
        id=kept.id,
        code=kept.code,
        reason=kept.reason,
        where=where,
        run_id=kept.run_id,
        kept=kept,
        facts={
            "run_id": kept.run_id,
            "path": kept.path,
            "place": kept.place,
            "document_id": kept.document_id,
            "stage": kept.stage,
            "code": kept.code,
            "reason": kept.reason,
            "status": kept.status,
            "at": kept.at,
            "index": kept.index,
            "document": dict(kept.document),
        },
    )
