"""Builds a question set from the index; the whole flow in one place.

    passages ─► candidates ─► chosen ─┬─► near misses ─► with splits ─► questions.jsonl, card
                                      └─► other places of the same words

The same index, seed and settings give the same bytes.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from esrag import __version__
from esrag.disk import disk_errors
from esrag.errors import RejectedError, UsageError
from esrag.evaluation.question_sets.candidates import PROSE, TYPES
from esrag.evaluation.question_sets.choosing import Choice, chosen
from esrag.evaluation.question_sets.elsewhere import documents_apart, with_other_places
from esrag.evaluation.question_sets.folder import locked, require_replaceable, write_set
from esrag.evaluation.question_sets.near_misses import near_misses
from esrag.evaluation.question_sets.overlap import AlikeQuestions, Trained
from esrag.evaluation.question_sets.records import SetQuestion
from esrag.examples.building import Helpers
from esrag.examples.desk import Desk, Limits, Tally, row_seed
from esrag.examples.passages import Passage, Passages
from esrag.examples.unknowns import Vocabulary

CALIBRATION, TEST = "calibration", "test"
_ALONE = Helpers()
_TRIED = 3  # near misses for each that is wanted


@dataclass(frozen=True, slots=True)
class SetRecipe:
    """What is to be built; all of it stands in the card.

    ``count`` questions, of which the share ``unanswerable`` has no answer; ``per_document`` at
    most of one document (0: any number); ``calibration`` is the share of the questions, by
    document, that thresholds are fitted to.  ``not_in`` names training data; its files are
    ``trained``.
    """

    index: str
    set: str
    seed: int
    count: int = 100
    per_document: int = 3
    types: tuple[str, ...] = ()
    unanswerable: float = 0.2
    calibration: float = 0.3
    acl: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()
    trained: tuple[Path, ...] = ()


def build(
    folder: Path,
    recipe: SetRecipe,
    *,
    read: Callable[[Counter[str]], Iterator[Passage]],
    helpers: Helpers = _ALONE,
    replacing: bool = False,
) -> dict[str, Any]:
    """Build the set in ``folder`` and return its card.

    ``read`` gives the passages and counts what it leaves out.  Raises ConflictError when another
    command is at work there or a reviewed set lies there, RejectedError when no question came of
    it, UnavailableError when the disk is full, and what reading and the teacher raise; the set
    that was there is replaced at the end or not at all.
    """
    types = _types(recipe, helpers)
    with locked(folder), _table() as file:
        require_replaceable(folder, replace=replacing)
        left_out: Counter[str] = Counter()
        helpers.tell("Reading the index …")
        passages = Passages(file, read(left_out))
        if not len(passages):
            raise _nothing_to_use(recipe, left_out)
        desk = Desk(
            passages=passages, index=recipe.index, set=recipe.set, seed=recipe.seed,
            limits=Limits(per_kind=recipe.count), search=helpers.search,
            teacher=helpers.teacher, judge=helpers.judge, tell=helpers.tell, tally=Tally(),
        )  # fmt: skip
        choice = Choice(file, desk)
        for name in types:
            helpers.tell(f"Looking for questions: {name} …")
            for question in TYPES[name](desk):
                choice.add(question)
        choice.settle()
        questions = _split(_chosen(recipe, choice, desk), recipe)
        if not questions:
            raise RejectedError(
                f"no question came of {len(passages):,} passages: {_reasons(desk.tally.dropped)}",
                hint=_next_step(helpers, recipe),
            )
        card = _card(recipe, types, helpers, passages, questions) | {
            "chunks_left_out": dict(sorted(left_out.items())),
            "questions_dropped": dict(sorted(desk.tally.dropped.items())),
        }
        write_set(folder, questions, card)
    return card


def _chosen(recipe: SetRecipe, choice: Choice, desk: Desk) -> list[SetQuestion]:
    trained, alike = Trained(recipe.trained), AlikeQuestions()
    without = round(recipe.count * recipe.unanswerable)
    # sentences that were turned read worst: they fill up what the others leave
    last = () if recipe.types else (PROSE,)
    found = chosen(
        choice.lines(last=last), count=recipe.count - without, per_document=recipe.per_document,
        why_not=trained.why_not, alike=alike, desk=desk,
    )  # fmt: skip
    if recipe.count == 0:
        without = round(len(found) * recipe.unanswerable)
    desk.tell(f"{len(found):,} questions with an answer")
    misses: list[SetQuestion] = []
    if without and found:
        desk.tell("Looking for questions without an answer …")
        near = _beginnings(choice, found, _TRIED * without)
        each = math.ceil(without / len({one.documents[0] for one in found})) + 1
        misses = chosen(
            [[near_misses(desk, near, Vocabulary(desk.passages))]], count=without,
            per_document=max(each, recipe.per_document), why_not=trained.why_not, alike=alike,
            desk=desk,
        )  # fmt: skip
    found = list(with_other_places(found, desk.passages))
    return sorted([*found, *misses], key=lambda one: (_place(recipe, one), one.id))


def _beginnings(choice: Choice, found: Sequence[SetQuestion], most: int) -> list[SetQuestion]:
    """Questions to make near misses of: those that were chosen, then others."""
    known = {each.id for each in found}
    others = (
        each for lines in choice.lines() for line in lines for each in line if each.id not in known
    )
    beginnings = list(found)[:most]
    while len(beginnings) < most:
        other = next(others, None)
        if other is None:
            break
        beginnings.append(other)
    return beginnings


def _split(questions: Sequence[SetQuestion], recipe: SetRecipe) -> tuple[SetQuestion, ...]:
    """The questions in their splits; documents that share words of evidence stay together."""
    apart = documents_apart(questions)
    sizes = Counter(apart[each.documents[0]] for each in questions)
    wanted, taken = recipe.calibration * len(questions), 0
    calibration: set[str] = set()
    for name in sorted(sizes, key=lambda one: (row_seed(recipe.seed, "split", one), one)):
        if taken + sizes[name] / 2 <= wanted:
            calibration.add(name)
            taken += sizes[name]
    return tuple(
        replace(each, split=CALIBRATION if apart[each.documents[0]] in calibration else TEST)
        for each in questions
    )


def _place(recipe: SetRecipe, question: SetQuestion) -> int:
    return row_seed(recipe.seed, "order", question.id)


def _types(recipe: SetRecipe, helpers: Helpers) -> tuple[str, ...]:
    """The sorts that are asked for; raises UsageError for one that lacks its teacher."""
    unknown = [name for name in recipe.types if name not in TYPES]
    if unknown:
        raise UsageError(f"there is no type {unknown[0]!r}", hint=f"There are: {', '.join(TYPES)}")
    if "teacher" in recipe.types and helpers.teacher is None:
        raise UsageError(
            "questions of a teacher need one, a model that writes",
            hint="Name its server: --teacher URL, or dataset.teacher_url in esrag.toml",
        )
    wanted = recipe.types or tuple(TYPES)
    return tuple(name for name in wanted if name != "teacher" or helpers.teacher is not None)


@contextmanager
def _table() -> Iterator[sqlite3.Connection]:
    """An empty SQLite file for one build, so that memory does not grow with the corpus."""
    with (
        disk_errors("the temporary table of questions"),
        TemporaryDirectory(prefix="esrag-questions-") as place,
    ):
        file = sqlite3.connect(Path(place) / "table.sqlite")
        file.execute("PRAGMA journal_mode = OFF")  # nobody reads it after a crash
        file.execute("PRAGMA synchronous = OFF")
        with closing(file):
            yield file


def counts_of(questions: Iterable[SetQuestion]) -> dict[str, dict[str, int]]:
    """How many there are by type and split."""
    found: dict[str, Counter[str]] = {}
    for each in questions:
        found.setdefault(each.type, Counter())[each.split] += 1
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def _card(
    recipe: SetRecipe,
    types: Sequence[str],
    helpers: Helpers,
    passages: Passages,
    questions: Sequence[SetQuestion],
) -> dict[str, Any]:
    return {
        "questions": len(questions),
        "by_type": counts_of(questions),
        "documents": len({name for each in questions for name in each.documents}),
        "without_forms": sum(
            each.answerable is True and not each.answer_groups for each in questions
        ),
        "made_of": {
            "esrag": __version__,
            "index": recipe.index,
            "set": recipe.set,
            "seed": recipe.seed,
            "acl": list(recipe.acl),
            "passages": len(passages),
            "content": passages.fingerprint(),
            "types": list(types),
            "count": recipe.count,
            "per_document": recipe.per_document,
            "unanswerable": recipe.unanswerable,
            "calibration": recipe.calibration,
            "not_in": list(recipe.not_in),
            "teacher": helpers.teacher.model if helpers.teacher else "",
            "judge": helpers.judge.model if helpers.judge else "",
            "round_trip": helpers.search is not None and helpers.teacher is not None,
        },
    }


def _next_step(helpers: Helpers, recipe: SetRecipe) -> str:
    steps = []
    if helpers.teacher is None:
        steps.append("name a teacher: --teacher URL")
    else:  # it is asked about as many passages as the count needs, if one in three pairs is good
        steps.append(
            "name a larger teacher, or ask for more, so that it sees more passages: --count"
        )
    if recipe.types:
        steps.append("allow other types")
    if recipe.not_in:
        steps.append("name fewer data sets to be apart from")
    told = "; ".join(steps)
    return f"{told[0].upper()}{told[1:]}."


def _nothing_to_use(recipe: SetRecipe, left_out: Mapping[str, int]) -> UsageError:
    if left_out:
        return UsageError(
            f"none of the chunks of {recipe.index} may be used: {_reasons(left_out)}",
            hint="Name the readers that the questions are for: --acl NAME",
        )
    return UsageError(f"{recipe.index} holds no chunks", hint="Fill it first: esrag ingest FOLDER")


def _reasons(counts: Mapping[str, int]) -> str:
    named = (f"{name}: {count:,}" for name, count in sorted(counts.items()))
    return "; ".join(named) or "the makers found nothing to ask about"
