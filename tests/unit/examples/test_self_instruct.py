"""Rows from a teacher: questions, tasks, resuming, faults, a judge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from esrag.errors import EsragError, UnavailableError
from esrag.examples import teacher as teacher_module
from esrag.examples.desk import Desk, Limits
from esrag.examples.grounded import RaftTeacher, TeacherQuestions
from esrag.examples.judging import judged_by
from esrag.examples.kept_answers import KeptAnswers
from esrag.examples.passages import Passage
from esrag.examples.rows import as_line
from esrag.examples.seed_tasks import SEED_TASKS
from esrag.examples.self_instruct import SelfInstruct, read_tasks, task_form
from esrag.examples.teacher import Teacher
from esrag.generation.pieces import FailedError
from esrag.prompting import SYSTEM, UNKNOWN, compose
from esrag.types import Example, Message
from tests.making_desk import desk_of, passage
from tests.scripted_teacher import ScriptedServer

THINGS = "mill bridge tower harbour school forge barn chapel cellar orchard".split()


def _places() -> list[Passage]:
    """Ten places, each with a year and a builder."""
    return [
        passage(
            f"place-{number}",
            f"The {thing} of Elmstead was built in {1800 + number}. The {thing} of Elmstead is "
            f"closed on day {number + 3} of each month. Visitors enter through the northern gate.",
            title=f"The {thing} of Elmstead",
        )
        for number, thing in enumerate(THINGS)
    ]


def _thing_of(messages: Sequence[Message]) -> str:
    found = re.search(r"The (\w+) of Elmstead was built in (\d+)", messages[-1].content)
    assert found is not None
    return found[1]


def knows_its_passages(messages: Sequence[Message]) -> str:
    """A teacher that writes one good pair or task and one bad one about each passage."""
    thing = _thing_of(messages)
    year = 1800 + THINGS.index(thing)
    asked = messages[-1].content
    if "Write 3 different questions" in asked:
        return (
            f"Question: In which year was the {thing} of Elmstead built?\n"
            f"Answer: The {thing} of Elmstead was built in {year}.\n\n"
            f"Question: Who built the {thing} of Elmstead?\n"
            f"Answer: The {thing} of Elmstead was built by John Smith."
        )
    if "Write 2 new tasks" in asked:
        return (
            f"Task: {THINGS.index(thing) % 3 * 'Please '}{_VERBS[THINGS.index(thing)]} the {thing} "
            "of Elmstead.\nTask: Draw a map of the region around the place in three colours."
        )
    return f"The {thing} of Elmstead was built in {year} [1]."


_VERBS = (
    "State the year of", "Write one line on when they began with", "How old is", "Give a date for",
    "Tell a visitor something about the age of", "Explain to children since when there is",
    "What is known of the origin and the beginnings of", "Begin a chronicle with the story of",
    "Put into a single sentence the history of", "For a plaque, name the year that belongs to",
)  # fmt: skip


def _desk(server: ScriptedServer, tmp_path: Path, **fields: object) -> Desk:
    teacher = Teacher(server, KeptAnswers(tmp_path / "answers.sqlite"), concurrent=3)
    return desk_of(_places(), teacher=teacher, **fields)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Ten places and their teacher."""
    return _desk(ScriptedServer(knows_its_passages), tmp_path)


def test_a_teachers_questions_become_closed_book_rows(desk: Desk) -> None:
    """The faithful ones; the invented builder is dropped and counted."""
    rows = list(TeacherQuestions().examples(desk))
    assert [row.answer for row in rows] == [
        f"The {thing} of Elmstead was built in {1800 + number}."
        for number, thing in enumerate(THINGS)
    ]
    assert {row.source.teacher for row in rows} == {"org/teacher-1b"}
    assert all(row.accepted == ((str(1800 + n), f"1,80{n}"),) for n, row in enumerate(rows))
    assert desk.tally.dropped["teacher: not supported: the passage does not say"] == 10


def test_a_teachers_questions_become_grounded_rows(desk: Desk) -> None:
    """With citations, and with the prompt of serving."""
    rows = list(RaftTeacher().examples(desk))
    assert len(rows) == len(THINGS)
    assert {row.messages[0].content for row in rows} == {SYSTEM}
    grounded = [row for row in rows if row.kind == "grounded"]
    assert all(row.answer.endswith(f"[{row.relevant[0]}]") for row in grounded)


def test_tasks_are_made_up_done_and_held_to_their_passages(desk: Desk) -> None:
    """A task that is no words is dropped; answers get the numbers of this prompt."""
    rows = list(SelfInstruct().examples(desk))
    assert len(rows) >= 4
    for row in rows:
        hits = [each.as_hit() for c in row.source.chunks if (each := desk.passages.get(c))]
        fence = row.messages[1].content.split("<passage ")[1][:6]
        assert row.messages[:2] == compose(row.question, hits, fence=fence)
        assert f"[{row.relevant[0]}]" in row.answer
    assert desk.tally.dropped["self-instruct: asks for what is not words"] == 10


def test_tasks_of_a_round_are_shown_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each prompt shows seed tasks, and from the second round on one of its own."""
    monkeypatch.setattr("esrag.examples.self_instruct.ROUND", 5)
    server = ScriptedServer(knows_its_passages)
    list(SelfInstruct().examples(_desk(server, tmp_path)))
    shown = [
        re.findall(r"^Task: (.+)$", messages[-1].content, re.MULTILINE)
        for messages in server.asked
        if "Write 2 new tasks" in messages[-1].content
    ]
    assert all(set(tasks) <= set(SEED_TASKS) for tasks in shown[:5])
    assert all(len(set(tasks) - set(SEED_TASKS)) == 1 for tasks in shown[5:])


def test_a_second_run_repeats_the_first_without_the_server(tmp_path: Path) -> None:
    """Byte for byte, whatever the number of requests at a time."""
    first = _lines(_desk(ScriptedServer(knows_its_passages), tmp_path))
    silent = ScriptedServer(lambda _: "other words")
    again = _desk(silent, tmp_path)
    assert _lines(again) == first
    assert not silent.asked


def test_a_run_that_broke_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher goes down in the middle; the next run asks for the rest only, with equal rows."""
    monkeypatch.setattr(teacher_module, "_FIRST_WAIT", 0.001)
    undisturbed = ScriptedServer(knows_its_passages)
    whole = _lines(_desk(undisturbed, tmp_path / "whole"))
    server = ScriptedServer(knows_its_passages, faults=[None] * 4)
    server.down = FailedError("connection refused")
    server.limits = ScriptedServer(knows_its_passages).limits  # type: ignore[method-assign]
    teacher = Teacher(server, KeptAnswers(tmp_path / "answers.sqlite"), concurrent=1, patience=0.01)
    with pytest.raises(UnavailableError, match="answered nothing for"):
        _lines(desk_of(_places(), teacher=teacher))
    teacher.close()
    healthy = ScriptedServer(knows_its_passages)
    assert _lines(_desk(healthy, tmp_path)) == whole
    assert len(healthy.asked) == len(undisturbed.asked) - 4


def test_where_rows_are_limited_so_are_questions_to_the_teacher(tmp_path: Path) -> None:
    """Some passages are drawn; not all of them are paid for."""
    server = ScriptedServer(knows_its_passages)
    list(TeacherQuestions().examples(_desk(server, tmp_path, limits=Limits(per_kind=3))))
    assert 0 < len(server.asked) < len(THINGS)


def test_a_judge_decides_and_is_asked_once(tmp_path: Path) -> None:
    """A no drops the row; its answers are kept, too."""
    judge_server = ScriptedServer(lambda _: "No.")
    judge = Teacher(judge_server, KeptAnswers(tmp_path / "judge.sqlite"))
    server = ScriptedServer(knows_its_passages)
    desk = _desk(server, tmp_path, judge=judge)
    assert not list(TeacherQuestions().examples(desk))
    asked = len(judge_server.asked)
    assert asked >= len(THINGS)
    assert not list(TeacherQuestions().examples(desk))
    assert len(judge_server.asked) == asked


def test_a_judge_that_is_gone_ends_the_build(tmp_path: Path) -> None:
    """It is not taken for a no, which would quietly leave out rows."""
    gone = ScriptedServer(lambda _: "", down=FailedError("connection refused"))
    gone.limits = ScriptedServer(knows_its_passages).limits  # type: ignore[method-assign]
    judge = Teacher(gone, KeptAnswers(tmp_path / "judge.sqlite"), patience=0.01)
    with pytest.raises(EsragError, match="the judge") as caught:
        judged_by(judge, documents=())([("passage", "statement")])
    assert caught.value.exit_code == 4
    assert not isinstance(caught.value, UnavailableError)


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("List the steps for replacing the filter of the Orvane 12.", ""),
        ("Do it.", "too short"),
        ("Draw a diagram of the Orvane 12 pump.", "not words"),
        ("Summarise the passage in one sentence.", "speaks of the passage"),
        ("- and then the rest of it", "too short or too long"),
    ],
)
def test_the_form_of_a_task(task: str, why: str) -> None:
    """Each fault has its reason."""
    assert bool(task_form(task)) == bool(why)
    assert why in task_form(task)


def test_our_own_tasks_pass_our_own_checks() -> None:
    """Every seed task is well formed, and no two are alike."""
    from esrag.examples.novelty import Novelty

    novelty = Novelty()
    assert [task for task in SEED_TASKS if task_form(task)] == []
    assert [task for task in SEED_TASKS if novelty.admit(task)] == []


def test_tasks_are_read_in_the_forms_in_which_models_write_them() -> None:
    """With a label or a number, and no more than were asked for."""
    assert list(read_tasks("Task: Do one.\n**Task 2:** Do two.\nTask: three")) == [
        "Do one.",
        "Do two.",
    ]
    assert list(read_tasks("1. Do one.\n2) Do two.")) == ["Do one.", "Do two."]
    assert list(read_tasks("I cannot.")) == []


def _lines(desk: Desk) -> list[str]:
    rows: list[Example] = [
        *TeacherQuestions().examples(desk),
        *SelfInstruct().examples(desk),
    ]
    assert UNKNOWN not in {row.answer for row in rows}
    return [as_line(row) for row in rows]
