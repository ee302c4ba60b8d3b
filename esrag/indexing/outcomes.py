"""Tells the ledger, the dead letters and the counters what became of each input.

Counters are for showing only; what is reported in the end is counted by the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_index import Stored
from esrag.corpus.listing import printable_name
from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.indexing.reading import rejected
from esrag.indexing.seen import Seen
from esrag.indexing.works import Draft, Work
from esrag.ledger import Change, DeadLetter, DeadLetterFile, KnownDocument, Ledger

LETTERS_SHOWN = 20
_LETTERS_AT_ONCE = 200
_OF_THE_CONTENT = ("read", "parse", "chunk")
_OF_THIS_MACHINE = ("unreadable", "not_a_file", "missing_library", "parser_crashed", "parser_limit")
KeepLetters = Callable[[Sequence[DeadLetter]], int]


class Outcomes:
    """The books of one run.  ``keep`` stores letters in a second place, as far as it can."""

    def __init__(
        self, ledger: Ledger, run_id: str, dead_letters: Path, *, keep: KeepLetters | None = None
    ) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._file = DeadLetterFile(dead_letters)
        self._keep = keep
        self._waiting: list[tuple[int, DeadLetter]] = []  # numbers and letters of the next commit
        self.seen = Seen()
        self.first_letters: list[DeadLetter] = []
        self.listing_failed = 0
        self.letters_in_index = 0
        self.listed = self.settled = self.unchanged_count = self.rejected_count = 0
        self.skipped_count = 0

    @property
    def letters_path(self) -> Path:
        """The file of dead letters, whether it exists or not."""
        return self._file.path

    def skipped(self, inputs: Sequence[tuple[int, Skipped]]) -> None:
        """A rule excludes these."""
        self._ledger.record(
            self._run_id, [Change(n, "skipped", detail=each.rule) for n, each in inputs]
        )
        self.skipped_count += len(inputs)
        self.settled += len(inputs)

    def rejected(self, inputs: Sequence[tuple[int, Rejected, Listed | None]]) -> None:
        """These cannot become documents; the third is the file that they came from."""
        for _, entry, file in inputs:
            self.seen.keep(entry.name)
            if file is not None:
                self.seen.keep(file.name)
            if self._is_outdated(entry):
                self.seen.note_outdated(entry.name)
            self.listing_failed += entry.stage == "list" and file is None
        self._reject([(n, self._letter(entry, file)) for n, entry, file in inputs])

    def _is_outdated(self, entry: Rejected) -> bool:
        """Whether the index holds another content of this document than the one just rejected.

        It would go on to answer for something that is not there any more.  Where the failure says
        nothing about the content, the older version stays.
        """
        if entry.stage not in _OF_THE_CONTENT or entry.code in _OF_THIS_MACHINE:
            return False
        known = self._ledger.document(entry.name) if entry.sha256 else None
        return known is not None and known.sha256 != entry.sha256

    def refused(self, works: Sequence[Work]) -> None:
        """The index holds nothing of these, because it would not hold all."""
        for work in works:
            self.seen.keep(work.document_id)
        self._ledger.drop(work.document_id for work in works)
        self._reject([(work.number, self._letter_of(work)) for work in works])

    def in_conflict(self, draft: Draft, others: Sequence[str]) -> None:
        """The index holds another document of this id, from another place."""
        parsed = draft.cut.parsed
        reason = (
            f"the index holds another document of this id, from {', '.join(others)}. If it is "
            f"the same one, moved: --origin {others[0]}. If not, it needs a set of its own: --set"
        )
        entry = rejected(parsed, "index", "id_conflict", reason)
        self.seen.keep(draft.id)
        self._reject([(draft.number, self._letter(entry, draft.file))])

    def unchanged(self, drafts: Sequence[tuple[Draft, Stored]]) -> None:
        """The index holds exactly these."""
        changes: list[Change] = []
        held: list[KnownDocument] = []
        for each, stored in drafts:
            parsed, chunks = each.cut.parsed, len(each.cut.chunks)
            changes.append(
                Change(
                    each.number,
                    "unchanged",
                    sha256=parsed.sha256,
                    document_hash=each.cut.hash,
                    chunks=chunks,
                )
            )
            where = printed(each.file)
            held.append(
                KnownDocument(
                    each.id,
                    stored.origins[0] if stored.origins else each.file.origin,
                    each.cut.hash,
                    chunks,
                    where,
                    parsed.sha256,
                    self._run_id,
                )
            )
        self._ledger.record(self._run_id, changes)
        self._ledger.hold(held)
        self.unchanged_count += len(changes)
        self.settled += len(changes)

    def sending(self, works: Sequence[Work]) -> None:
        """These may be in the index in part once they are sent."""
        self._ledger.record(self._run_id, [work.change("sending") for work in works])

    def acknowledged(self, works: Sequence[Work]) -> None:
        """Every chunk of these was accepted."""
        self._ledger.record(self._run_id, [work.change("acknowledged") for work in works])
        self.settled += len(works)

    def indexed(self, works: Sequence[Work]) -> None:
        """A search has found these whole."""
        self._ledger.record(self._run_id, [work.change("indexed") for work in works])
        self._ledger.hold(work.known(self._run_id, printed(work.file)) for work in works)

    def commit(self) -> None:
        """All that was told is on the disk when this returns; first the letters, then the lines.

        So a line says ``rejected`` only when its letter is there to be read.
        """
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._file.add([letter for _, letter in waiting])
            self._ledger.record(self._run_id, [_rejection(n, letter) for n, letter in waiting])
        self._ledger.commit()
        if waiting and self._keep is not None:
            self.letters_in_index += self._keep([letter for _, letter in waiting])

    def _reject(self, refused: Sequence[tuple[int, DeadLetter]]) -> None:
        self._waiting += refused
        letters = [letter for _, letter in refused]
        self.first_letters += letters[: max(0, LETTERS_SHOWN - len(self.first_letters))]
        self.rejected_count += len(letters)
        self.settled += len(letters)
        if len(self._waiting) >= _LETTERS_AT_ONCE:
            self.commit()

    def _letter(self, entry: Rejected, file: Listed | None) -> DeadLetter:
        return DeadLetter(
            run_id=self._run_id,
            path=printed(entry),
            place=entry.place,
            document_id=entry.name,
            sha256=entry.sha256,
            stage=entry.stage,
            code=entry.code,
            reason=entry.reason,
            name=(file or entry).name,
            origin=(file or entry).origin,
            uri=_uri(file or entry),
        )

    def _letter_of(self, work: Work) -> DeadLetter:
        stage, item = work.refusal or ("index", Item(Action("index", "", 0), Verdict.REJECTED))
        return DeadLetter(
            run_id=self._run_id,
            path=printed(work.file),
            place=work.place,
            document_id=work.document_id,
            sha256=work.sha256,
            stage=stage,
            code=item.code,
            reason=item.reason,
            status=item.status,
            attempts=item.attempts,
            name=work.file.name,
            origin=work.file.origin,
            uri=_uri(work.file),
            content=work.content,
        )


def _rejection(number: int, letter: DeadLetter) -> Change:
    detail = f"{letter.stage}: {letter.reason}"
    return Change(number, "rejected", sha256=letter.sha256, code=letter.code, detail=detail)


def printed(entry: Listed | Skipped | Rejected) -> str:
    """Where an input is, for people: what came from elsewhere by its address."""
    if entry.uri and not entry.uri.startswith("file:"):
        return entry.uri
    return printable_name(str(entry.path))


def _uri(entry: Listed | Rejected) -> str:
    """Where the original is; any file name has one."""
    return entry.uri or entry.path.absolute().as_uri()
