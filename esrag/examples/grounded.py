"""Examples of answering from passages, and of refusing: RAFT's recipe with our own prompt.

    Posed ─► distractors ─┬─ with its passage among them ─► "Sentence. [2]"        grounded
                          └─ without it ──────────────────► the refusal            unanswerable

After Zhang et al. 2024 (RAFT, https://arxiv.org/abs/2403.10131): a question, the passage that
answers it and some that do not, in any order, and for a share of the questions only those that do
not.  There RAFT teaches the answer by heart; here it is the refusal that the system prompt asks
for, because an endpoint that cites must not know better than its passages.  The prompt is
``prompting.compose``, byte for byte what serving sends.  Every answer passes the same verification
as one that is shown, against all passages of its prompt, or the row is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from esrag.examples.desk import Desk, fence_of, row_seed
from esrag.examples.distractors import distractors
from esrag.examples.judging import judged_by
from esrag.examples.makers import maker_named
from esrag.examples.passages import Passage
from esrag.examples.posed import (
    Posed,
    posed_by_phrases,
    posed_by_teacher,
    posed_by_templates,
)
from esrag.prompting import MODEL_REFUSAL, closed_book, compose
from esrag.sentences import generated_sentences
from esrag.types import Example, ExampleKind, Hit
from esrag.verification import Entails, Verifier

UNANSWERABLE_SHARE = 0.25  # RAFT's best shares of questions without their passage are 0.2 to 0.4
FULL_SHARE = 0.5  # prompts with as many passages as there may be, as in serving; the others vary
UNKNOWN_SHARE = 0.15  # of the questions about what is not there; all would outnumber the answers
UNKNOWNS = "template:unknown"
_GAP = "____"  # a sentence with a gap is nobody's question


class RaftQuotes:
    """Grounded and unanswerable rows from the questions of the makers without a teacher."""

    name = "raft:quote"
    kind: ExampleKind = "grounded"
    needs_teacher = False
    needs_search = True

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A row for each question that can be made one."""
        return _rows(desk, posed_by_templates(desk), maker=self.name)


class RaftPhrases:
    """Grounded and unanswerable rows about what sentences of plain prose speak of."""

    name = "raft:phrase"
    kind: ExampleKind = "grounded"
    needs_teacher = False
    needs_search = True

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A row for each question that can be made one."""
        return _rows(desk, posed_by_phrases(desk), maker=self.name)


class RaftTeacher:
    """Grounded and unanswerable rows from the teacher's questions."""

    name = "raft:teacher"
    kind: ExampleKind = "grounded"
    needs_teacher = True
    needs_search = True

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A row for each question that can be made one."""
        return _rows(desk, posed_by_teacher(desk), maker=self.name)


class RaftUnknown:
    """Questions about what the corpus does not hold, with the passages that a search finds."""

    name = "raft:unknown"
    kind: ExampleKind = "unanswerable"
    needs_teacher = False
    needs_search = True

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A refusal for a share of the questions, where nothing found may answer.

        The passage that the question was made from may be shown: it tells of another version, or
        of another name, as what a search finds then does.
        """
        share = desk.options.get("unknown", UNKNOWN_SHARE)
        for row in maker_named(UNKNOWNS).examples(desk):
            near = desk.passages.get(row.source.chunks[0])
            if near is None or _GAP in row.question or row.split == "recall":
                continue
            if desk.random(self.name, "chosen", near.id, row.question).random() >= share:
                continue
            seed = row_seed(desk.seed, self.name, near.id, row.question)
            others = distractors(desk, row.question, near=near, with_near=True)
            made = without_passage(desk, row.question, near, others, maker=self.name, seed=seed)
            if made is None:
                desk.tally.drop("unanswerable: nothing found that does not seem to answer")
            else:
                yield made


class TeacherQuestions:
    """The teacher's questions and answers without passages."""

    name = "teacher:qa"
    kind: ExampleKind = "knowledge"
    needs_teacher = True
    needs_search = False

    def examples(self, desk: Desk) -> Iterator[Example]:
        """A closed-book row for each question."""
        for posed in posed_by_teacher(desk):
            yield desk.example(
                "knowledge",
                closed_book(posed.question),
                question=posed.question,
                answer=posed.answer,
                passages=(posed.passage,),
                maker=self.name,
                seed=row_seed(desk.seed, self.name, posed.passage.id, posed.question),
                accepted=posed.accepted,
                teacher=posed.teacher,
            )


def cited(
    question: str, answer: str, passages: Iterable[Passage], *, judge: Entails | None = None
) -> tuple[str, tuple[int, ...]] | None:
    """``answer`` with the number of the passage that carries it behind each sentence, and those
    numbers; None when one of its sentences would not be shown, as it is not supported, or another
    passage says otherwise.
    """
    verifier = Verifier(question, [passage.as_hit() for passage in passages], entails=judge)
    parts: list[str] = []
    numbers: list[int] = []
    for sentence in generated_sentences(answer):
        verdict = verifier.verdict(sentence)
        if verdict.kind != "supported" or verdict.support is None:
            return None
        parts.append(f"{sentence} [{verdict.support.number}]")
        numbers.append(verdict.support.number)
    return (" ".join(parts), tuple(sorted(set(numbers)))) if parts else None


def _rows(desk: Desk, posed: Iterable[Posed], *, maker: str) -> Iterator[Example]:
    """A row for each question: some without the passage that answers."""
    share = desk.options.get("unanswerable", UNANSWERABLE_SHARE)
    for each in posed:
        seed = row_seed(desk.seed, maker, each.passage.id, each.question)
        others = distractors(
            desk, each.question, near=each.passage, answer=each.answer, accepted=each.accepted
        )
        made: Example | None
        if others and desk.random(maker, "kind", each.passage.id, each.question).random() < share:
            made = without_passage(
                desk,
                each.question,
                each.passage,
                others,
                maker=maker,
                seed=seed,
                teacher=each.teacher,
            )
        else:
            made = with_passages(desk, each, others, maker=maker, seed=seed)
        if made is not None:
            yield made


def with_passages(
    desk: Desk,
    posed: Posed,
    others: Sequence[Passage],
    *,
    maker: str,
    seed: int,
    kind: ExampleKind = "grounded",
) -> Example | None:
    """The row with the passage that answers among some of ``others``, anywhere.

    None, counted, when its answer would not be shown beside these passages.
    """
    chance = Random(seed)  # noqa: S311 - no secret is made of it
    shown = list(others[: _how_many(desk, chance)])
    shown.insert(chance.randint(0, len(shown)), posed.passage)
    judge = None
    if posed.teacher and desk.judge is not None:
        judge = judged_by(desk.judge, documents=tuple(each.document_id for each in shown))
    found = cited(posed.question, posed.answer, shown, judge=judge)
    if found is None:
        desk.tally.drop(f"{kind}: beside the other passages the answer is not supported")
        return None
    answer, numbers = found
    if shown.index(posed.passage) + 1 not in numbers:
        desk.tally.drop(f"{kind}: another passage says it as well")
        return None
    return desk.example(
        kind,
        compose(posed.question, _hits(shown), fence=fence_of(seed)),
        question=posed.question,
        answer=answer,
        passages=shown,
        maker=maker,
        seed=seed,
        accepted=posed.accepted,
        relevant=numbers,
        teacher=posed.teacher,
    )


def without_passage(
    desk: Desk,
    question: str,
    near: Passage,
    others: Sequence[Passage],
    *,
    maker: str,
    seed: int,
    teacher: str = "",
) -> Example | None:
    """The row with some of ``others`` alone, and the refusal; None when there are none.

    ``near``, which the question was made from, stands last in the provenance when it is not among
    them: the question goes when its document does.
    """
    chance = Random(seed)  # noqa: S311 - no secret is made of it
    shown = list(others[: max(1, _how_many(desk, chance))])
    if not shown:
        return None
    chance.shuffle(shown)
    return desk.example(
        "unanswerable",
        compose(question, _hits(shown), fence=fence_of(seed)),
        question=question,
        answer=MODEL_REFUSAL,
        passages=shown if near in shown else (*shown, near),
        maker=maker,
        seed=seed,
        teacher=teacher,
    )


def _how_many(desk: Desk, chance: Random) -> int:
    """Passages beside the one that answers."""
    most = desk.limits.distractors
    return most if chance.random() < FULL_SHARE else chance.randint(0, most)


def _hits(passages: Iterable[Passage]) -> list[Hit]:
    return [passage.as_hit(rank) for rank, passage in enumerate(passages, start=1)]
