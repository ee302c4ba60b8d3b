"""One fact changes: who says the new one when, told with systems made by hand and a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from esrag.errors import UnavailableError, UsageError
from esrag.evaluation.records import Reply, System, SystemCost, SystemKind, UpdateStep
from esrag.evaluation.storage import Outcome
from esrag.evaluation.updating import (
    Ask,
    Change,
    Found,
    Subject,
    TrainAgain,
    Trained,
    Waiting,
    carry_out,
    checked_change,
    says,
    with_story,
)

CHANGE = Change("When did the Marlow open?", "marlow", "3 May 2026", "9 June 2026")


class World:
    """What systems say; a clock that only asking, indexing, training and sleeping move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.indexed = False
        self.lag = 0  # replies after indexing that still say the old
        self.asked: list[tuple[str, str]] = []

    def clock(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds

    def change(self) -> float:
        """The document is indexed in four seconds."""
        self.now += 4.0
        self.indexed = True
        return 4.0

    def searching(self, name: str) -> Subject:
        """A system that quotes the index; a second an answer."""

        def ask(question: str) -> Reply:
            self._pass(name, question)
            stale = self.indexed and self.lag > 0
            self.lag -= stale
            fresh = self.indexed and not stale
            return _reply(name, f"It opened on {'9 June 2026' if fresh else '3 May 2026'}.")

        return Subject(System(name, "extractive"), ask)

    def saying(self, name: str, *texts: str, kind: SystemKind = "rag") -> Subject:
        """A system that says these texts one after the other, the last for ever."""
        left = list(texts)

        def ask(question: str) -> Reply:
            self._pass(name, question)
            return _reply(name, left.pop(0) if len(left) > 1 else left[0])

        return Subject(System(name, kind), ask)

    def memory(self, name: str = "tuned", *, trained: float | None = 512.0) -> Subject:
        """A system that says the old from memory."""
        said = self.saying(name, "3 May 2026", kind="closed_book")
        return Subject(said.system, said.ask, trained)

    def training(self, text: str, *, seconds: float = 500.0) -> TrainAgain:
        """Training that ends with a model which says ``text``."""

        def train(subject: Subject) -> Trained:
            self.now += seconds
            again = self.saying(subject.system.name, text, kind="closed_book")
            return Trained(seconds, again.ask, "10 of 550 rows say the new.")

        return train

    def story(
        self, subjects: Sequence[Subject], *, train_again: TrainAgain | None = None
    ) -> tuple[Found, list[UpdateStep]]:
        """The experiment, and the steps as they were told."""
        told: list[UpdateStep] = []
        found = carry_out(
            CHANGE,
            subjects,
            self,
            train_again=train_again,
            waiting=Waiting(10.0, self.clock, self.sleep),
            told=told.append,
        )
        return found, told

    def _pass(self, name: str, question: str) -> None:
        self.now += 1.0
        self.asked.append((name, question))


def _reply(name: str, text: str) -> Reply:
    return Reply("update", name, "answered", text=text)


def test_retrieval_is_right_after_indexing_and_memory_only_after_training() -> None:
    """The whole story: before, indexed again, trained again, each with its own seconds."""
    world = World()
    found, told = world.story(
        [world.searching("rag"), world.memory()], train_again=world.training("9 June 2026")
    )
    steps = [
        (each.system, each.moment, each.seconds, each.says_new, each.says_old)
        for each in found.story.steps
    ]
    assert steps == [
        ("rag", "before", None, False, True),
        ("rag", "indexed again", 5.0, True, False),
        ("tuned", "before", None, False, True),
        ("tuned", "indexed again", 5.0, False, True),
        ("tuned", "trained again", 501.0, True, False),
    ]
    assert [step.moment for step in told] == [
        "before",
        "before",
        "indexed again",
        "indexed again",
        "trained again",
    ]
    assert found.costs["rag"] == SystemCost("rag", update_seconds=5.0, update_how="index again")
    assert found.costs["tuned"].update_seconds == 501.0
    assert "10 of 550 rows" in found.story.note
    assert set(world.asked) == {("rag", CHANGE.question), ("tuned", CHANGE.question)}


def test_a_system_is_timed_as_if_it_were_alone() -> None:
    """The seconds of the systems before it are not its own."""
    world = World()
    found, _ = world.story([world.searching("one"), world.searching("two")])
    assert [found.costs[name].update_seconds for name in ("one", "two")] == [5.0, 5.0]


def test_an_index_that_lags_is_asked_again() -> None:
    """Until the new is there and the old gone; the pauses count."""
    world = World()
    world.lag = 2
    found, _ = world.story([world.searching("rag")])
    assert found.costs["rag"].update_seconds == 4.0 + 3.0 + 2 * 0.5
    assert [step.moment for step in found.story.steps] == ["before", "indexed again, asked 3 times"]


def test_who_says_both_is_not_right() -> None:
    """The old answer has to be gone; after three equal replies nobody waits."""
    world = World()
    both = "It opened on 3 May 2026, moved to 9 June 2026."
    found, _ = world.story([world.saying("rag", both)])
    last = found.story.steps[-1]
    assert last.moment == "indexed again, asked 3 times, not right"
    assert (last.says_new, last.says_old) == (True, True)
    assert found.costs["rag"].update_seconds is None
    assert found.costs["rag"].update_how == "index again: not right"


def test_a_system_that_never_settles_ends_with_its_patience() -> None:
    """Ten seconds of ever different wrong replies, and no more."""
    world = World()
    texts = [f"Try {number}." for number in range(99)]
    found, _ = world.story([world.saying("rag", *texts)])
    assert found.story.steps[-1].seconds is not None
    assert found.story.steps[-1].seconds <= 4.0 + 10.0
    assert found.costs["rag"].update_seconds is None
    assert found.costs["rag"].update_how == "index again: not right, nor was it before"


def test_without_training_again_the_first_training_is_the_least() -> None:
    """The figure is there, and labelled so, in the costs and in the note."""
    world = World()
    found, _ = world.story([world.memory()])
    assert found.costs["tuned"].update_seconds == 512.0
    assert "at least" in found.costs["tuned"].update_how
    assert "was not trained again" in found.story.note
    assert [step.moment for step in found.story.steps] == ["before", "indexed again"]


def test_training_that_teaches_nothing_is_told() -> None:
    """Not right after so many seconds of it is a result."""
    world = World()
    found, _ = world.story([world.memory()], train_again=world.training("17 March 2026"))
    assert found.story.steps[-1].moment == "trained again, asked 3 times, not right"
    assert found.costs["tuned"].update_seconds is None
    assert found.costs["tuned"].update_how == "train again: not right after 500 s of it"


def test_a_base_model_is_asked_and_not_trained() -> None:
    """It has no training of ours; nothing is claimed of its update."""
    world = World()
    found, _ = world.story([world.memory(trained=None)], train_again=_never)
    assert [step.moment for step in found.story.steps] == ["before", "indexed again"]
    assert found.costs == {}


def _never(subject: Subject) -> Trained:
    raise AssertionError(f"{subject.system.name} is not to be trained")


def test_a_failed_reply_says_neither() -> None:
    """Its error is shown, though it names the new answer."""

    def ask(question: str) -> Reply:
        return Reply("update", "rag", "failed", error="no answer to 9 June 2026")

    world = World()
    found, _ = world.story([Subject(System("rag", "rag"), ask)])
    last = found.story.steps[-1]
    assert last.says == "failed: no answer to 9 June 2026"
    assert not last.says_new


def _raising(error: Exception) -> Callable[[str], Reply]:
    def ask(question: str) -> Reply:
        raise error

    return ask


@pytest.mark.parametrize("at", ["asking", "indexing", "training"])
def test_what_goes_wrong_is_raised(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is gone ends the experiment, wherever it stands."""
    world, gone = World(), UnavailableError("nobody there")
    ask: Ask = _raising(gone) if at == "asking" else world.saying("x", "3 May 2026").ask

    def fail(*_: object) -> None:
        raise gone

    if at == "indexing":
        monkeypatch.setattr(world, "change", fail)
    subject = Subject(System("tuned", "closed_book"), ask, 1.0)
    with pytest.raises(UnavailableError, match="nobody there"):
        world.story([subject], train_again=fail if at == "training" else None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"question": " "}, "question is empty"),
        ({"old": ""}, "text to replace is empty"),
        ({"new": "\n"}, "new text is empty"),
        ({"new": "3 May 2026"}, "cannot be told apart"),
        ({"new": "on 3 May 2026"}, "cannot be told apart"),
        ({"new": "2026-05-03"}, "cannot be told apart"),
        ({"old": "x" * 300}, "longer than"),
        ({"new_answers": ("June", "3 May 2026")}, "cannot be told apart"),
        ({"old": "June", "new": "June 9", "old_answers": ("a",), "new_answers": ("b",)}, "gone"),
    ],
)
def test_a_change_that_nobody_could_see_is_refused(changed: dict[str, object], said: str) -> None:
    """Before anything is asked."""
    given = {
        "question": CHANGE.question,
        "document_id": "marlow",
        "old": CHANGE.old,
        "new": CHANGE.new,
        **changed,
    }
    with pytest.raises(UsageError, match=said):
        checked_change(Change(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("It was 2026-06-09.", "9 June 2026", True),
        ("A batch holds 6000 points", "6,000", True),
        ("A batch holds 16,000 points", "6,000", False),
        ("June", "9 June 2026", False),
        ("", "9 June 2026", False),
    ],
)
def test_an_answer_is_known_in_any_form(text: str, form: str, *, expected: bool) -> None:
    """Dates and thousands as people write them; no part of another number."""
    assert says(text, [form]) is expected


def test_the_same_change_again_takes_the_place_of_its_story() -> None:
    """Another change is another story; costs keep what is measured elsewhere."""
    world = World()
    found, _ = world.story([world.searching("rag")])
    before = Outcome(costs=(SystemCost("rag", answer_seconds=1.5), SystemCost("base")))
    once = with_story(before, found)
    twice = with_story(once, found)
    assert len(twice.updates) == 1
    assert [(each.system, each.answer_seconds) for each in twice.costs] == [
        ("rag", 1.5),
        ("base", None),
    ]
    assert twice.costs[0].update_seconds == 5.0


def test_an_estimate_does_not_take_the_place_of_a_measurement() -> None:
    """Trained again once, and not in a later experiment: the seconds that were measured stay."""
    measured, _ = World().story([World().memory()], train_again=World().training("9 June 2026"))
    estimated, _ = World().story([World().memory()])
    once = with_story(Outcome(), estimated)
    assert once.costs[0].update_seconds == 512.0
    both = with_story(with_story(once, measured), estimated)
    assert both.costs[0].update_how == "train again"
    assert both.costs[0].update_seconds == measured.costs["tuned"].update_seconds
