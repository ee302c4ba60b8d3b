"""What a retriever finds is kept at once, and asked again only when something changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from esrag.errors import PermissionDeniedError, UnavailableError, UsageError
from esrag.evaluation.asking import GoneError, Limits
from esrag.evaluation.rankings import Finding, Ranking, rankings_of, read_rankings, run_of
from esrag.generation.cancelling import Cancellation

QUESTIONS = {str(number): f"question {number}" for number in range(20)}
LIMITS = Limits(parallel=3, patience=0.0)


class Index:
    """Finds the words of a question as documents; remembers what it was asked."""

    def __init__(self, **failing: Exception) -> None:
        self.failing = failing
        self.asked: list[str] = []
        self.first = 0  # so many questions are kept before one fails
        self.kept = threading.Event()

    def advance(self, done: int, total: int) -> None:
        """So many questions are kept."""
        if done >= self.first:
            self.kept.set()

    def __call__(self, text: str) -> Sequence[tuple[str, float]]:
        """Two hits, or the failure of this question."""
        self.asked.append(text)
        error = self.failing.get(text.rpartition(" ")[2]) or self.failing.get("every")
        if error is not None:
            assert self.kept.wait(30)
            raise error
        return [(text, 2.0), ("other", 1.0), (text, 0.5)]


def found(
    index: Index, file: Path, *, key: str = "k", questions: dict[str, str] = QUESTIONS
) -> dict[str, Ranking]:
    """One run over all questions."""
    finding = Finding("lexical", index, lambda: True)
    return rankings_of(
        finding,
        questions,
        file,
        key=key,
        limits=LIMITS,
        cancel=Cancellation(),
        advance=index.advance,
    )


def test_every_question_is_asked_once_and_kept(tmp_path: Path) -> None:
    """In the order of the questions, and the same again without asking."""
    index, file = Index(), tmp_path / "found" / "lexical.jsonl"
    first = found(index, file)
    assert list(first) == list(QUESTIONS)
    assert sorted(index.asked) == sorted(QUESTIONS.values())
    assert found(index, file) == first
    assert len(index.asked) == len(QUESTIONS)
    assert read_rankings(file) == first


def test_what_was_cut_off_is_asked_again(tmp_path: Path) -> None:
    """A line without its end, a line that is none, and nothing else."""
    index, file = Index(), tmp_path / "lexical.jsonl"
    found(index, file)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:10]) + "no json\n" + lines[11][:40])
    index.asked.clear()
    assert len(found(index, file)) == 20
    assert len(index.asked) == 10


@pytest.mark.parametrize("change", ["key", "text"])
def test_what_changed_is_asked_anew(change: str, tmp_path: Path) -> None:
    """Another state of the index, another text of one question."""
    index, file = Index(), tmp_path / "lexical.jsonl"
    found(index, file)
    index.asked.clear()
    if change == "key":
        found(index, file, key="another")
        assert len(index.asked) == 20
    else:
        found(index, file, questions={**QUESTIONS, "3": "another question"})
        assert index.asked == ["another question"]


def test_a_question_that_fails_is_kept_with_its_error_and_asked_again(tmp_path: Path) -> None:
    """The others are not lost by it."""
    file = tmp_path / "lexical.jsonl"
    broken = Index(**{"7": UsageError("too long"), "9": UnavailableError("no shard")})
    first = found(broken, file)
    assert {name: each.error for name, each in first.items() if each.error} == {
        "7": "too long",
        "9": "no shard",
    }
    mended = Index()
    assert not any(each.error for each in found(mended, file).values())
    assert sorted(mended.asked) == ["question 7", "question 9"]


def test_a_server_that_is_gone_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    """What was found by then is kept; the rest is asked by the next run."""
    file = tmp_path / "lexical.jsonl"
    gone = {name: UnavailableError("gone") for name in QUESTIONS if int(name) > 4}
    index = Index(**gone)
    index.first = 5
    with pytest.raises(GoneError):
        found(index, file)
    kept = [name for name, each in read_rankings(file).items() if not each.error]
    assert set(kept) == {"0", "1", "2", "3", "4"}
    index = Index()
    assert len(found(index, file)) == 20
    assert len(index.asked) == 15


def test_what_no_other_question_mends_ends_the_run(tmp_path: Path) -> None:
    """Missing rights are told at once."""
    index = Index(every=PermissionDeniedError("not yours"))
    with pytest.raises(PermissionDeniedError):
        found(index, tmp_path / "lexical.jsonl")
    assert len(index.asked) <= LIMITS.parallel


def test_rankings_become_a_run() -> None:
    """Documents by the judgements' names, each once; a failed question has no hits."""
    rankings = {
        "1": Ranking("1", "k", ("c#a", "c#b", "c#a"), (3.0, 2.0, 1.0)),
        "2": Ranking("2", "k", error="too long"),
        "3": Ranking("3", "k"),
    }
    run = run_of("lexical", rankings, lambda name: name.removeprefix("c#"))
    assert run.scores == {"1": {"a": 3.0, "b": 2.0}, "3": {}}


def test_lines_hold_ids_and_scores_alone(tmp_path: Path) -> None:
    """Passages are not kept: a hundred for each question would be a second index."""
    file = tmp_path / "lexical.jsonl"
    found(Index(), file, questions={"1": "question 1"})
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["documents"] == ["question 1", "other", "question 1"]
