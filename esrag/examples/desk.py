"""What a maker of examples is given, and how it puts an example together.

    Desk: passages, splits, seeds, search, teacher ──► maker ──► Example

A maker knows neither Elasticsearch nor HTTP nor settings.  What it draws it draws from
``Desk.random`` with words that name the row, never from one generator that runs through all of
them: so a row stays the same when another one comes or goes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from esrag.examples.passages import Passage, Passages
from esrag.examples.teacher import Teacher
from esrag.prompting import escape
from esrag.types import Example, ExampleKind, ExampleSource, Hit, Message, Split

_NUMBERS = 2**31  # seeds of rows lie below, so that every program can read them
_ID_LENGTH = 24
_FENCE_LENGTH = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is made; 0 is no limit.

    ``per_kind`` are the most examples of a kind, refusals in proportion to answers; ``wordings``
    the questions for one fact that are trained, ``distractors`` the passages in a prompt beside
    the one that answers.
    """

    per_kind: int = 0
    wordings: int = 3
    distractors: int = 4


@dataclass(slots=True)
class Tally:
    """What happened while examples were made, for the data card."""

    dropped: Counter[str] = field(default_factory=Counter)

    def drop(self, reason: str, count: int = 1) -> None:
        """Something was not made into an example, or an example was not kept."""
        self.dropped[reason] += count


@dataclass(frozen=True, slots=True)
class SplitShares:
    """Shares of the documents whose examples are kept for choosing (dev) and judging (test)."""

    dev: float = 0.1
    test: float = 0.1

    def of(self, document_id: str, *, seed: int) -> Split:
        """The split of a document; it stays when others come or go."""
        place = row_seed(seed, "split", document_id) / _NUMBERS
        if place < self.test:
            return "test"
        return "dev" if place < self.test + self.dev else "train"

    def fitted(self, document_ids: Iterable[str], *, seed: int) -> SplitShares:
        """The same shares as the numbers that give each split its count of these documents.

        Chance alone would leave a small corpus with too few documents to judge by.
        """
        places = sorted(row_seed(seed, "split", each) / _NUMBERS for each in document_ids)
        test = _below(places, self.test)
        return SplitShares(dev=_below(places, self.test + self.dev) - test, test=test)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a maker may use.

    ``search`` gives hits of the set's own search template for a question, with the caller's
    rights; None where there is none.  ``teacher`` and ``judge`` are None when nobody named one.
    ``tell`` hears of progress.
    """

    passages: Passages
    index: str
    set: str
    seed: int
    shares: SplitShares = field(default_factory=SplitShares)
    limits: Limits = field(default_factory=Limits)
    search: Callable[[str, int], Sequence[Hit]] | None = None
    teacher: Teacher | None = None
    judge: Teacher | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda _: None
    tally: Tally = field(default_factory=Tally)

    def random(self, *words: str) -> Random:
        """Chance for one row, which its words name; the same for the same seed."""
        return Random(row_seed(self.seed, *words))  # noqa: S311 - no secret is made of it

    def split_of(self, document_id: str) -> Split:
        """The split that all examples about a document belong to."""
        return self.shares.of(document_id, seed=self.seed)

    def source(
        self, passages: Sequence[Passage], *, maker: str, seed: int, teacher: str = ""
    ) -> ExampleSource:
        """The provenance of a row: its passages in the order of the prompt, their documents."""
        documents = {passage.document_id: passage for passage in reversed(passages)}
        named = [documents[name] for name in dict.fromkeys(p.document_id for p in passages)]
        return ExampleSource(
            index=self.index,
            set=self.set,
            chunks=tuple(passage.id for passage in passages),
            documents=tuple(passage.document_id for passage in named),
            sources=tuple(passage.source for passage in named),
            hashes=tuple(passage.document_hash for passage in named),
            maker=maker,
            seed=seed,
            acl=tuple(sorted({name for passage in passages for name in passage.acl})),
            runs=tuple(sorted({passage.run_id for passage in passages} - {""})),
            teacher=teacher,
        )

    def example(
        self,
        kind: ExampleKind,
        prompt: Sequence[Message],
        *,
        question: str,
        answer: str,
        passages: Sequence[Passage],
        maker: str,
        seed: int = 0,
        accepted: Sequence[Sequence[str]] = (),
        relevant: Sequence[int] = (),
        split: Split | None = None,
        teacher: str = "",
    ) -> Example:
        """A whole example; the split is that of its first passage unless it is given.

        ``seed`` is the row's own, from ``row_seed``; its id is a hash of what it teaches.
        """
        # a document's words must not end a turn in an answer either
        messages = (*prompt, Message("assistant", escape(answer)))
        return Example(
            id=_id_of(kind, messages),
            kind=kind,
            split=split or self.split_of(passages[0].document_id),
            messages=messages,
            question=question,
            answer=messages[-1].content,
            source=self.source(passages, maker=maker, seed=seed or self.seed, teacher=teacher),
            accepted=tuple(tuple(forms) for forms in accepted),
            relevant=tuple(relevant),
        )


def row_seed(seed: int, *words: str) -> int:
    """A whole number from 0 to 2**31 - 1 that belongs to a seed and the words that name a row."""
    named = "\0".join((str(seed), *words)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") % _NUMBERS


def _below(places: Sequence[float], share: float) -> float:
    """A number below which a share of ``places`` lies; at least one place, but never all."""
    if share <= 0 or len(places) < 2:
        return 0.0
    count = min(max(1, round(share * len(places))), len(places) - 1)
    return (places[count - 1] + places[count]) / 2


def fence_of(seed: int) -> str:
    """The fence of a row's prompt, in the form in which answering draws them."""
    return hashlib.sha256(f"fence {seed}".encode()).hexdigest()[:_FENCE_LENGTH]


def _id_of(kind: ExampleKind, messages: Sequence[Message]) -> str:
    parts = [kind, *(f"{message.role}\0{message.content}" for message in messages)]
    whole = "\0\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(whole).hexdigest()[:_ID_LENGTH]
