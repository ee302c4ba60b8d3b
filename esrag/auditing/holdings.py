"""Chunks in order -> documents, each with what can be said of it without the books."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from esrag.auditing.findings import Finding, Kind
from esrag.cluster.chunk_facts import ChunkFacts

_NAMED = 5  # positions that a finding names


@dataclass(slots=True)
class Holding:
    """One document of the index.  ``run_id`` is "" when another producer wrote it."""

    document_id: str
    origin: str = ""
    run_id: str = ""
    chunks: int = 0
    hashes: dict[str, int] = field(default_factory=dict)
    counts: set[int] = field(default_factory=set)
    unembedded: int = 0
    doubled: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    missed: int = 0
    foreign: int = 0
    last: int = -1

    def add(self, chunk: ChunkFacts) -> None:
        """The next chunk, by position."""
        self.chunks += 1
        self.origin = self.origin or chunk.origin
        self.run_id = self.run_id or chunk.run_id
        self.foreign += not chunk.run_id
        self.hashes[chunk.document_hash] = self.hashes.get(chunk.document_hash, 0) + 1
        self.counts.add(chunk.chunk_count)
        self.unembedded += not chunk.embedded
        if chunk.position == self.last:
            self.doubled = [*self.doubled, chunk.position][:_NAMED]
        gap = chunk.position - self.last - 1
        if gap > 0:
            self.missed += gap
            room = _NAMED - len(self.missing)
            self.missing += range(self.last + 1, min(chunk.position, self.last + 1 + room))
        self.last = max(self.last, chunk.position)

    @property
    def is_foreign(self) -> bool:
        """Whether esrag wrote none of it."""
        return self.foreign == self.chunks

    @property
    def hash(self) -> str:
        """Its version; of several the one with the most chunks."""
        return max(self.hashes, key=lambda each: self.hashes[each])

    def findings(self) -> Iterator[Finding]:
        """What is wrong with it by itself."""
        if len(self.hashes) > 1:
            each = ", ".join(f"{count} of {name[:12]}" for name, count in self.hashes.items())
            yield self.finding("mixed", f"chunks of {len(self.hashes)} versions: {each}")
        if self.doubled:
            yield self.finding("doubled", f"more than one chunk at {_positions(self.doubled)}")
        count = max(self.counts)
        if self.missed:
            where = _positions(self.missing) + (" …" if self.missed > len(self.missing) else "")
            yield self.finding("incomplete", f"{self.missed} chunks missing, at {where}")
        elif count and self.last + 1 < count:
            yield self.finding("incomplete", f"{self.last + 1} of {count} chunks")
        elif count and self.last + 1 > count:
            yield self.finding("surplus", f"{self.last + 1} chunks, it has {count}")
        if self.unembedded:
            words = f"{self.unembedded} of {self.chunks} chunks without a vector"
            yield self.finding("no_vector", words)

    def finding(self, kind: Kind, detail: str, *, path: str = "") -> Finding:
        """Something that is wrong with this document."""
        return Finding(self.document_id, kind, detail, self.origin, path)


def holdings(chunks: Iterable[ChunkFacts]) -> Iterator[Holding]:
    """One for each document, in the order of their ids; chunks without an id are left out.

    A document whose chunks come once more from the first, because reading had to begin anew, is
    counted anew.
    """
    current: Holding | None = None
    first = ""
    for chunk in chunks:
        if not chunk.document_id:
            continue
        if current is None or chunk.document_id != current.document_id:
            if current is not None:
                yield current
            current, first = Holding(chunk.document_id), chunk.id
        elif chunk.id == first:
            current = Holding(chunk.document_id)
        current.add(chunk)
    if current is not None:
        yield current


def _positions(numbers: list[int]) -> str:
    return ("position " if len(numbers) == 1 else "positions ") + ", ".join(map(str, numbers))
