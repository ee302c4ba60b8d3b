"""The update experiment: one fact changes in a document; who says the new one, and when?

    all systems ─ before ─► document indexed again ─► those that search ─┬─► right after s seconds
                                                                         └─► not right, three times
                                                  └─► those from memory ─► the old, or what else
                            rows changed, trained again ─► those from memory, once more

Each system has a clock of its own: what indexing or training took, and then its own asking, as if
it were alone.  How a document is changed, a system asked and a model trained is handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from esrag.answer_measures import normalised
from esrag.errors import UsageError
from esrag.evaluation.records import Reply, System, SystemCost, UpdateStep, UpdateStory
from esrag.evaluation.storage import Outcome
from esrag.evaluation.systems import SEARCHING
from esrag.questions import holds

BEFORE = "before"
INDEXED = "indexed again"
TRAINED = "trained again"
LEAST = "at least: train again, which was not done here"
SAME = 3  # equal wrong replies in a row after which nobody waits for another one
_PAUSE = 0.5
_LONGEST = 200

Ask = Callable[[str], Reply]
"""Asks a system a question once."""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of a document: what is asked, and by which forms of the answer it is told.

    ``old`` is the text that ``new`` takes the place of, wherever the document has it.  The answers
    are those texts themselves where no forms are given.
    """

    question: str
    document_id: str
    old: str
    new: str
    old_answers: tuple[str, ...] = ()
    new_answers: tuple[str, ...] = ()

    def says_old(self, text: str) -> bool:
        """Whether a text says the old answer."""
        return says(text, self.old_answers or (self.old,))

    def says_new(self, text: str) -> bool:
        """Whether a text says the new answer."""
        return says(text, self.new_answers or (self.new,))

    def is_right(self, step: UpdateStep) -> bool:
        """The new answer is there and the old one gone."""
        return step.says_new and not step.says_old


class Indexed(Protocol):
    """A document that can be changed where the systems search."""

    def change(self) -> float:
        """Put the changed document in its place; seconds until a search sees it and no other."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A system that can be asked; ``trained`` are the seconds of its training, None without one."""

    system: System
    ask: Ask
    trained: float | None = None

    @property
    def searches(self) -> bool:
        """Whether what it says comes from the index."""
        return self.system.kind in SEARCHING

    @property
    def learnt(self) -> bool:
        """Whether training again can change what it says from memory."""
        return not self.searches and self.trained is not None


@dataclass(frozen=True, slots=True)
class Trained:
    """A system after it was trained again: what that took, until it could be asked, and how.

    ``told`` says in words what was done.
    """

    seconds: float
    ask: Ask
    told: str = ""


TrainAgain = Callable[[Subject], Trained]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a new answer is waited for, in seconds, and what measures time."""

    patience: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Found:
    """What came of the experiment: the story, and what an update costs, by system."""

    story: UpdateStory
    costs: dict[str, SystemCost] = field(default_factory=dict)


def checked_change(change: Change) -> Change:
    """The change, if anybody could tell the new answer from the old; raises UsageError."""
    for words, text in (
        ("question", change.question),
        ("text to replace", change.old),
        ("new text", change.new),
    ):
        if not text.strip():
            raise UsageError(f"the {words} is empty")
        if len(text) > _LONGEST * 10 or (words != "question" and len(text) > _LONGEST):
            raise UsageError(f"the {words} is longer than {_LONGEST} characters: name one fact")
    old, new = change.old_answers or (change.old,), change.new_answers or (change.new,)
    if any(says(each, old) for each in new) or any(says(each, new) for each in old):
        raise UsageError(
            f"{new[0]!r} and {old[0]!r} cannot be told apart in an answer: one holds the other",
            hint="Choose a new value that shares no words with the old one, or give the answers "
            "with --old-answer and --new-answer.",
        )
    if change.old in change.new:
        raise UsageError("the new text holds the old one, which would never be gone")
    return change


def says(text: str, forms: Sequence[str]) -> bool:
    """Whether a text holds one of the forms, as whole words; dates and thousands in any form."""
    plain = normalised(text)
    return any(holds(text, [[form]]) or holds(plain, [[normalised(form)]]) for form in forms)


def carry_out(
    change: Change,
    subjects: Sequence[Subject],
    indexed: Indexed,
    *,
    train_again: TrainAgain | None = None,
    waiting: Waiting | None = None,
    told: Callable[[UpdateStep], None] = lambda _: None,
    note: str = "",
) -> Found:
    """Ask, change the document, ask again, train again, ask again.

    Without ``train_again`` the story says so and holds the seconds of the first training for the
    least that it takes.  Raises what asking, indexing and training raise; nothing is put back here.
    """
    teller = _Teller(change, waiting or Waiting(), told)
    for subject in subjects:
        teller.step(subject.system, BEFORE, subject.ask(change.question), None)
    visible = indexed.change()
    notes = [f"The changed document could be found {visible:.1f} s after indexing began.", note]
    costs: dict[str, SystemCost] = {}
    for subject in subjects:
        if subject.searches:
            right = teller.until_right(subject.system, INDEXED, subject.ask, since=visible)
            before = teller.steps_of(subject.system)[0]
            costs[subject.system.name] = _indexing_cost(subject.system, right, before)
        else:
            teller.timed(subject.system, INDEXED, subject.ask, since=visible)
    for subject in subjects:
        if not subject.learnt:
            continue
        if train_again is None:
            costs[subject.system.name] = _least_cost(subject)
            notes.append(_not_trained(subject))
            continue
        trained = train_again(subject)
        right = teller.until_right(subject.system, TRAINED, trained.ask, since=trained.seconds)
        costs[subject.system.name] = _training_cost(subject.system, right, trained)
        notes.append(f"{subject.system.name}: {trained.told}" if trained.told else "")
    story = UpdateStory(
        change.question,
        change.old,
        change.new,
        change.document_id,
        tuple(step for subject in subjects for step in teller.steps_of(subject.system)),
        note=" ".join(each for each in notes if each),
    )
    return Found(story, costs)


def with_story(outcome: Outcome, found: Found) -> Outcome:
    """The outcome of a run with a story, in the place of one of the same change, and its costs.

    What was measured last counts; the least that a training takes is no measurement, and does not
    take the place of one.
    """
    new = found.story
    stories = tuple(each for each in outcome.updates if _key(each) != _key(new))
    before = {each.system: each for each in outcome.costs}
    for name, cost in found.costs.items():
        known = before.get(name, SystemCost(name))
        if cost.update_how == LEAST and known.update_how not in ("", LEAST):
            continue
        before[name] = replace(
            known,
            update_seconds=cost.update_seconds,
            update_how=cost.update_how,
        )
    return replace(outcome, updates=(*stories, new), costs=tuple(before.values()))


def _key(story: UpdateStory) -> tuple[str, ...]:
    return story.document_id, story.question, story.old, story.new


class _Teller:
    """Asks, reads what is said, and keeps the steps."""

    def __init__(
        self, change: Change, waiting: Waiting, told: Callable[[UpdateStep], None]
    ) -> None:
        self._change = change
        self._waiting = waiting
        self._told = told
        self.steps: list[UpdateStep] = []

    def steps_of(self, system: System) -> list[UpdateStep]:
        """What one system said, in order."""
        return [step for step in self.steps if step.system == system.name]

    def step(self, system: System, moment: str, reply: Reply, seconds: float | None) -> UpdateStep:
        """Keep what was said, and tell it."""
        found = self._read(system, moment, reply, seconds)
        self._keep(found)
        return found

    def timed(self, system: System, moment: str, ask: Ask, *, since: float) -> UpdateStep:
        """Ask once; its time counts from ``since`` seconds."""
        began = self._waiting.clock()
        reply = ask(self._change.question)
        return self.step(system, moment, reply, since + self._waiting.clock() - began)

    def until_right(self, system: System, moment: str, ask: Ask, *, since: float) -> float | None:
        """Ask until the answer is right; the seconds of that, or None when it never was.

        A reply that comes three times is not waited on: nothing changes any more.
        """
        began = self._waiting.clock()
        said: list[str] = []
        while True:
            reply = ask(self._change.question)
            passed = self._waiting.clock() - began
            found = self._read(system, moment, reply, since + passed)
            said.append(found.says)
            times = "" if len(said) == 1 else f", asked {len(said)} times"
            if self._change.is_right(found):
                self._keep(replace(found, moment=f"{moment}{times}"))
                return found.seconds
            same = said[-SAME:].count(said[-1]) == SAME
            if same or passed + _PAUSE > self._waiting.patience:
                self._keep(replace(found, moment=f"{moment}{times}, not right"))
                return None
            self._waiting.sleep(_PAUSE)

    def _read(self, system: System, moment: str, reply: Reply, seconds: float | None) -> UpdateStep:
        failed = reply.status == "failed"
        text = f"failed: {reply.error}" if failed else reply.text
        return UpdateStep(
            system.name,
            moment,
            None if seconds is None else round(seconds, 3),
            text,
            not failed and self._change.says_new(text),
            not failed and self._change.says_old(text),
        )

    def _keep(self, step: UpdateStep) -> None:
        self.steps.append(step)
        self._told(step)


def _indexing_cost(system: System, right: float | None, before: UpdateStep) -> SystemCost:
    how = "index again"
    if right is None:
        how += ": not right" if before.says_old else ": not right, nor was it before"
    return SystemCost(system.name, update_seconds=right, update_how=how)


def _training_cost(system: System, right: float | None, trained: Trained) -> SystemCost:
    if right is not None:
        return SystemCost(system.name, update_seconds=right, update_how="train again")
    how = f"train again: not right after {trained.seconds:,.0f} s of it"
    return SystemCost(system.name, update_how=how)


def _least_cost(subject: Subject) -> SystemCost:
    return SystemCost(subject.system.name, update_seconds=subject.trained, update_how=LEAST)


def _not_trained(subject: Subject) -> str:
    return (
        f"{subject.system.name} was not trained again; its training took {subject.trained:,.0f} s, "
        "which is the least that a new answer would take."
    )
