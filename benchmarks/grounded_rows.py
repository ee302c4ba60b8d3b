"""Questions with passages to answer them from, and without: what grounded tuning is measured on.

    a data set that `esrag dataset build` made ──► its test split          documents held out
    the sample's questions, the index's passages ─► those of held-out documents, in people's words
    folder in BEIR's layout with answers ────────► the same prompt, made here    never seen
    the sample's lessons, the index's passages ───► rows to train: questions as a teacher's

Of a folder, each chosen question is asked once: every other one with the passage that it was
written for among the nearest others, the rest with the nearest others alone.  Nearness is by
shared words, so that the others look as if they answered; none of them holds an accepted answer.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.judged import load, records
from esrag import prompting
from esrag.errors import UsageError
from esrag.examples.passages import Passage
from esrag.examples.rows import read_examples
from esrag.questions import KnownQuestion, holds, load_questions, supports
from esrag.sample import questions_file
from esrag.sample.lessons import taught_facts, wordings
from esrag.terms import terms
from esrag.types import Example, ExampleKind, ExampleSource, Message, Split

PASSAGES = 3  # in each prompt of a folder
LONGEST_ANSWER = 12  # words; what is longer cannot be judged by its words


@dataclass(frozen=True, slots=True)
class Posed:
    """One prompt; ``relevant`` passages hold the answer, none when it should be refused."""

    id: str
    question: str
    messages: tuple[Message, ...]
    given: int
    accepted: tuple[tuple[str, ...], ...]
    relevant: tuple[int, ...]
    passages: tuple[Passage, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether its passages hold the answer."""
        return bool(self.relevant)


def from_examples(file: Path, *, limit: int, seed: int, split: Split = "test") -> list[Posed]:
    """Rows of a split, at most ``limit`` that can be answered and as many that cannot."""
    rows = [
        _posed(row)
        for row in read_examples(file)
        if row.split == split and row.kind in ("grounded", "unanswerable")
    ]
    if not rows:
        raise UsageError(f"{file} has no grounded rows in its {split} split")
    chosen = _chosen(rows, limit=limit, seed=seed)
    return sorted(chosen, key=lambda posed: posed.id)


def from_folder(folder: Path, *, limit: int, seed: int) -> list[Posed]:
    """``limit`` questions with the passage that answers and as many without it."""
    judged = load(folder)
    passages = [_passage(record) for record in records(folder / "corpus.jsonl")]
    by_id = {passage.id: passage for passage in passages}
    qrels = next(iter(judged.splits.values()))
    near = _nearest(passages)
    asked = [
        (str(record["_id"]), str(record["text"]), forms)
        for record in records(folder / "queries.jsonl")
        if (forms := _forms(record)) and str(record["_id"]) in qrels
    ]
    Random(seed).shuffle(asked)
    found: list[Posed] = []
    for number, (name, question, forms) in enumerate(asked[: 2 * limit]):
        own = [by_id[document] for document in qrels[name] if document in by_id]
        apart = frozenset(passage.id for passage in own)

        def usable(
            passage: Passage, apart: frozenset[str] = apart, forms: tuple[str, ...] = forms
        ) -> bool:
            return passage.id not in apart and not holds(passage.text, [forms])

        chance = Random(f"{seed} {name}")
        shown = near(question, PASSAGES, usable)
        relevant: tuple[int, ...] = ()
        if number % 2 == 0:
            at = min(chance.randrange(PASSAGES), len(shown))
            shown = [*shown[:at], own[0], *shown[at : PASSAGES - 1]]
            relevant = (at + 1,)
        hits = [passage.as_hit(rank) for rank, passage in enumerate(shown, start=1)]
        fence = f"{chance.getrandbits(32):08x}"
        found.append(
            Posed(
                id=name,
                question=question,
                messages=prompting.compose(question, hits, fence=fence),
                given=len(hits),
                accepted=(forms,) if relevant else (),
                relevant=relevant,
            )
        )
    return found


def documents_held_out(file: Path, splits: Sequence[Split] = ("dev", "test")) -> frozenset[str]:
    """The documents of the rows of a data set that are not trained, or of some splits of them."""
    return frozenset(
        document
        for row in read_examples(file)
        if row.split in splits
        for document in row.source.documents
    )


def from_sample(passages: Sequence[Passage], *, held_out: frozenset[str], seed: int) -> list[Posed]:
    """The sample's questions about held-out documents, each with its passage and without it."""
    pool = [passage for passage in passages if passage.document_id in held_out]
    near = _nearest(pool)
    found: list[Posed] = []
    for known in load_questions(questions_file()):
        own = _evidence(known, pool)
        if known.kind != "single_fact" or not own:
            continue
        shown = _shown(known, pool, near, own, chance=Random(f"{seed} {known.id}"))
        for relevant in (True, False):
            posed = shown(known.text, relevant)
            found.append(replace(posed, id=f"{known.id} {'with' if relevant else 'without'}"))
    return found


def written_rows(
    passages: Sequence[Passage],
    *,
    held_out: frozenset[str],
    seed: int,
    sizes: Sequence[int] = (PASSAGES,),
    without: float = 0.5,
) -> Iterator[Example]:
    """Rows to train about the other documents: each wording with its passage, some also without.

    ``sizes``: each wording is put once with so many passages.  ``without``: for so large a share
    of these there is a row without the passage that answers.  The questions are the written ones
    of the sample's lessons, the answer says the question's words again: what a teacher makes
    of a passage, where there is one.
    """
    count = 0
    pool = [passage for passage in passages if passage.document_id not in held_out]
    near = _nearest(pool)
    for fact in taught_facts():
        own = _evidence(fact.asked, pool)
        if not own:
            continue
        for number, question in enumerate(wordings(fact, frames=2, seed=seed)):
            inside = [each for each in fact.phrases if each in question]
            phrase = (inside or fact.phrases)[number % len(inside or fact.phrases)]
            stated = f"{phrase[0].upper()}{phrase[1:]} is {fact.answer.rstrip('.')}."
            for size in sizes:
                chance = Random(f"{seed} {question} {size}")
                shown = _shown(fact.asked, pool, near, own, size=size, chance=chance)
                yield _row(shown(question, True), stated, seed)
                count += 1
                if int(count * without) > int((count - 1) * without):
                    yield _row(shown(question, False), prompting.MODEL_REFUSAL, seed)


def _evidence(known: KnownQuestion, pool: Sequence[Passage]) -> list[Passage]:
    """The passages that answer a question, where all its evidence is in ``pool``."""
    own = [
        [passage for passage in pool if supports(passage.as_hit(), evidence)]
        for evidence in known.evidence
    ]
    return [each[0] for each in own] if own and all(own) else []


def _shown(
    known: KnownQuestion,
    pool: Sequence[Passage],
    near: Callable[[str, int, Callable[[Passage], bool]], list[Passage]],
    own: Sequence[Passage],
    *,
    chance: Random,
    size: int = PASSAGES,
) -> Callable[[str, bool], Posed]:
    """A function: question, whether its passage is there ─► the prompt, of ``size`` passages."""
    apart = frozenset(passage.id for passage in pool if holds(passage.text, known.answer_groups))

    def shown(question: str, relevant: bool) -> Posed:
        others = near(question, size, lambda passage: passage.id not in apart)
        at = min(chance.randrange(size), len(others))
        if relevant:
            others = [*others[:at], own[0], *others[at : size - 1]]
        hits = [passage.as_hit(rank) for rank, passage in enumerate(others, start=1)]
        return Posed(
            id=known.id,
            question=question,
            messages=prompting.compose(question, hits, fence=f"{chance.getrandbits(32):08x}"),
            given=len(hits),
            accepted=known.answer_groups if relevant else (),
            relevant=(at + 1,) if relevant else (),
            passages=tuple(others),
        )

    return shown


def _row(posed: Posed, answer: str, seed: int) -> Example:
    cited = f"{answer} [{posed.relevant[0]}]" if posed.relevant else answer
    kind: ExampleKind = "grounded" if posed.relevant else "unanswerable"
    documents = {each.document_id: each for each in posed.passages}
    digest = hashlib.sha256(f"{kind} {posed.given} {posed.question}".encode()).hexdigest()[:16]
    return Example(
        id=f"{kind}-{digest}",
        kind=kind,
        split="train",
        messages=(*posed.messages, Message("assistant", cited)),
        question=posed.question,
        answer=cited,
        accepted=posed.accepted,
        relevant=posed.relevant,
        source=ExampleSource(
            index="",
            set="sample",
            chunks=tuple(each.id for each in posed.passages),
            documents=tuple(documents),
            sources=tuple(each.source for each in documents.values()),
            hashes=tuple(each.document_hash for each in documents.values()),
            maker="benchmark:written",
            seed=seed,
        ),
    )


def _chosen(rows: Sequence[Posed], *, limit: int, seed: int) -> Iterator[Posed]:
    for answerable in (True, False):
        part = sorted((row for row in rows if row.answerable == answerable), key=lambda r: r.id)
        yield from Random(seed).sample(part, min(limit, len(part)))


def _posed(row: Example) -> Posed:
    return Posed(
        id=row.id,
        question=row.question,
        messages=row.messages[:-1],
        given=len(row.source.chunks),
        accepted=row.accepted if row.relevant else (),
        relevant=row.relevant,
    )


def _forms(record: dict[str, Any]) -> tuple[str, ...]:
    """The short answers of a question; none where it has only long ones."""
    answer = record.get("answer") or ()
    forms = [answer] if isinstance(answer, str) else answer
    return tuple(form for form in forms if 0 < len(form.split()) <= LONGEST_ANSWER)


def _passage(record: dict[str, Any]) -> Passage:
    name = str(record["_id"])
    return Passage(
        id=name, document_id=name, position=0, text=record["text"], title=record["title"]
    )


def _nearest(
    passages: Sequence[Passage],
) -> Callable[[str, int, Callable[[Passage], bool]], list[Passage]]:
    """A function: question, how many, which are usable ─► the passages that share most words."""
    words = [terms(f"{passage.context} {passage.text}").words for passage in passages]
    documents = Counter(word for each in words for word in each)
    weight = {word: math.log(1 + len(passages) / count) for word, count in documents.items()}

    def near(question: str, count: int, usable: Callable[[Passage], bool]) -> list[Passage]:
        asked = terms(question).words
        scores = [sum(weight[word] for word in asked & each) for each in words]
        order = sorted(range(len(passages)), key=lambda at: (-scores[at], passages[at].id))
        found = (passages[at] for at in order if usable(passages[at]))
        return [passage for _, passage in zip(range(count), found, strict=False)]

    return near
