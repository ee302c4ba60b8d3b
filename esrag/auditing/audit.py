"""The merge of what the index holds with what the books say, both in the order of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from esrag.auditing.findings import Finding
from esrag.auditing.holdings import Holding
from esrag.ledger import KnownDocument


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger says: documents by id, and the origins and runs that it knows."""

    documents: Iterable[KnownDocument] = ()
    origins: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tally:
    """What was looked at.  ``elsewhere``: written by esrag, but by no run of these books."""

    documents: int = 0
    chunks: int = 0
    whole: int = 0
    known: int = 0
    elsewhere: dict[str, int] = field(default_factory=dict)
    foreign: int = 0
    without_count: int = 0
    findings: dict[str, int] = field(default_factory=dict)

    @property
    def found(self) -> int:
        """How many findings there are."""
        return sum(self.findings.values())


class Audit:
    """One audit; ``tally`` is complete when ``findings`` has come to its end."""

    def __init__(self, held: Iterable[Holding], books: Books | None) -> None:
        self._held = held
        self._books = books
        self.tally = Tally()

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, in the order of documents."""
        for holding, known in _merged(self._held, self._books.documents if self._books else ()):
            bad = False
            for finding in self._judge(holding, known):
                self.tally.findings[finding.kind] = self.tally.findings.get(finding.kind, 0) + 1
                bad = True
                yield finding
            judged = holding is not None and (known is not None or not holding.is_foreign)
            self.tally.whole += judged and not bad

    def _judge(self, holding: Holding | None, known: KnownDocument | None) -> Iterator[Finding]:
        self.tally.known += known is not None
        if holding is None:
            if known is not None and not known.removing:
                words = f"none of its {known.chunks} chunks"
                yield Finding(known.id, "missing", words, known.origin, known.path)
            return
        self.tally.documents += 1
        self.tally.chunks += holding.chunks
        if known is not None and known.removing:
            return  # on its way out: may be there, in part, or not
        if known is None and holding.is_foreign:
            self.tally.foreign += 1
            return
        self.tally.without_count += max(holding.counts) == 0
        yield from holding.findings()
        if known is None:
            yield from self._not_in_the_books(holding)
        elif holding.hash != known.hash:
            words = f"{holding.hash[:12]}, the books say {known.hash[:12]}"
            yield holding.finding("other_version", words, path=known.path)
        elif max(holding.counts) == 0 and holding.chunks != known.chunks:
            words = f"{holding.chunks} of {known.chunks} chunks"
            yield holding.finding("incomplete", words, path=known.path)

    def _not_in_the_books(self, holding: Holding) -> Iterator[Finding]:
        if self._books is None:
            return
        if holding.origin in self._books.origins:
            yield holding.finding("unknown", f"written by run {holding.run_id or 'unknown'}")
        else:
            elsewhere = self.tally.elsewhere
            elsewhere[holding.origin] = elsewhere.get(holding.origin, 0) + 1


def by_kind(findings: Mapping[str, int]) -> dict[str, int]:
    """Most first."""
    return dict(sorted(findings.items(), key=lambda each: (-each[1], each[0])))


def _merged(
    held: Iterable[Holding], known: Iterable[KnownDocument]
) -> Iterator[tuple[Holding | None, KnownDocument | None]]:
    """Pairs with the same id; both sides are in the order of code points, as UTF-8 is."""
    one_side, other_side = iter(held), iter(known)
    holding, document = next(one_side, None), next(other_side, None)
    while holding is not None or document is not None:
        if document is None or (holding is not None and holding.document_id < document.id):
            yield holding, None
            holding = next(one_side, None)
        elif holding is None or document.id < holding.document_id:
            yield None, document
            document = next(other_side, None)
        else:
            yield holding, document
            holding, document = next(one_side, None), next(other_side, None)
