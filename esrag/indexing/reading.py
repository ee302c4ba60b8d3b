"""Where documents come from: anything that turns files into cut documents, in order.

``esrag.parsing`` does so in children that cannot harm the run; ``UnjailedReader`` in this very
process, for tests and tools that trust their files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from esrag.chunking import ChunkRules, Tokenizer, cut, document_hash
from esrag.corpus.listing import Entry, printable_name
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed, Rejected, Skipped, Stage
from esrag.indexing.seen import Seen
from esrag.parsing.task import Cut, Outcome, Read


class Reader(Protocol):
    """Reads and cuts files, in their order, one file after the other."""

    def read(self, files: Iterable[tuple[int, Listed]]) -> Iterator[Read]:
        """What each file became, in parts, and ``None`` when it is finished."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How documents become chunks: everything that the document hash depends on."""

    set_name: str
    model_id: str
    tokenizer: Tokenizer
    rules: ChunkRules


class UnjailedReader:
    """Reads and cuts here and now."""

    def __init__(self, cutting: Cutting) -> None:
        self._cutting = cutting

    def read(self, files: Iterable[tuple[int, Listed]]) -> Iterator[Read]:
        """As the protocol says."""
        for number, file in files:
            for outcome in read(file):
                yield Read(number, self._cut(outcome, file.origin))
            yield Read(number, None)
            if file.spooled:
                file.path.unlink(missing_ok=True)

    def _cut(self, outcome: Parsed | Rejected | Skipped, origin: str) -> Outcome:
        if not isinstance(outcome, Parsed):
            return outcome
        cutting = self._cutting
        document = replace(outcome.document, origin=origin)
        chunks = cut(document, cutting.tokenizer, cutting.rules, set_name=cutting.set_name)
        if not chunks:
            return rejected(outcome, "chunk", "empty", "no text to index")
        version = document_hash(document, cutting.rules, model_id=cutting.model_id)
        return Cut(replace(outcome, document=document), version, tuple(chunks))


def drafts_of(entries: Iterable[Entry], reader: Reader) -> Iterator[Cut | Rejected | Skipped]:
    """What ``Ingest`` would send, without an index or a ledger."""
    told: list[Rejected | Skipped] = []
    seen = Seen()

    def files() -> Iterator[tuple[int, Listed]]:
        for number, entry in enumerate(entries):
            if isinstance(entry, Listed):
                yield number, entry
            else:
                told.append(entry)

    for event in reader.read(files()):
        yield from told
        told.clear()
        if event.outcome is not None:
            yield _first_of_its_id(event.outcome, seen)
    yield from told


def _first_of_its_id(outcome: Outcome, seen: Seen) -> Outcome:
    return duplicate_or_itself(outcome, seen) if isinstance(outcome, Cut) else outcome


def duplicate_or_itself(cut_document: Cut, seen: Seen) -> Cut | Rejected:
    """The second document of an id is rejected; the reason names the first."""
    parsed = cut_document.parsed
    before = seen.claim(parsed.document.id, f"{_path(parsed)} {parsed.place}".strip())
    if not before:
        return cut_document
    return rejected(parsed, "list", "duplicate_id", f"the document id is taken by {before}")


def _path(parsed: Parsed) -> str:
    return printable_name(str(parsed.path))


def rejected(parsed: Parsed, stage: Stage, code: str, reason: str) -> Rejected:
    """The rejection of a document that had been read."""
    name = parsed.document.id
    return Rejected(parsed.path, name, stage, code, reason, parsed.sha256, parsed.place)
