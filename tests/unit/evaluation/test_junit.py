"""JUnit XML: what stands in it, and that nothing breaks it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from esrag.evaluation import junit
from esrag.evaluation.gates import check_gates
from esrag.evaluation.records import EvaluationRun, System
from esrag.questions import KnownQuestion
from tests.scored_replies import MEASURES, scored


def question(name: str, text: str = "How long?") -> KnownQuestion:
    """A question of which only the name matters."""
    return KnownQuestion(name, text, "fact", "test", "one day", (("one day",),), ())


def run_of(count: int = 3, *, failed: tuple[str, ...] = ()) -> EvaluationRun:
    """A run of one system."""
    return EvaluationRun(
        name="evening",
        status="whole",
        systems=(System("rag", "rag"),),
        questions=tuple(question(f"q{number:03d}") for number in range(count)),
        scored={"rag": scored("rag", "right", [1.0] * count, failed=failed)},
    )


def test_a_whole_run_without_gates_has_one_case_a_system() -> None:
    """All questions have a reply: a server that shows nothing shows nothing green either."""
    root = fromstring(junit.xml(run_of()))
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("1", "0", "0")
    (case,) = root.iter("testcase")
    assert (case.get("classname"), len(case)) == ("questions.rag", 0)


def test_each_failed_question_is_an_error() -> None:
    """With its text, the error's words and code."""
    root = fromstring(junit.xml(run_of(failed=("q001", "q002"))))
    cases = list(root.iter("testcase"))
    assert [case.get("name") for case in cases] == ["q001: How long?", "q002: How long?"]
    error = cases[0].find("error")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("timed_out", "no answer in time")
    assert root.get("errors") == "2"


def test_questions_without_a_reply_are_an_error() -> None:
    """A run that was stopped does not pass."""
    run = dataclasses.replace(run_of(2), status="stopped")
    more = dataclasses.replace(run, questions=(*run.questions, question("q9")))
    root = fromstring(junit.xml(more))
    error = root.find(".//error")
    assert error is not None
    assert error.get("message") == "1 of 3 questions have no reply: the run is stopped"


def test_each_gate_is_a_case() -> None:
    """Met, not met with its figures, and one that was not compared."""
    now = {
        "rag": scored("rag", "right", [1.0] * 90),
        "bad": scored("bad", "right", [0.0] * 90),
        "new": scored("new", "right", [1.0] * 90),
    }
    before = {name: scored(name, "right", [1.0] * 90) for name in ("rag", "bad")}
    gates = check_gates(now, before, {"right": 0.05}, measures=MEASURES)
    root = fromstring(junit.xml(dataclasses.replace(run_of(), gates=gates)))
    suite = root.find("testsuite[@name='gates']")
    assert suite is not None
    counted = [suite.get(name) for name in ("tests", "failures", "skipped", "errors")]
    assert counted == ["3", "1", "1", "0"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text is not None
    assert "difference: -1.000000" in failure.text
    assert [case.get("name") for case in suite] == ["right no worse than by 0.05"] * 3


def hostile() -> str:
    """Every code point below U+3000, the surrogates, the last of the planes, and XML's marks."""
    low = "".join(map(chr, range(0x3000)))
    high = "\ud800\udfff\ufffe\uffff\ufeff\U0001fffe\U0010ffff"
    return f"{low}{high}]]><![CDATA[</failure>&bogus;<!DOCTYPE x><?xml?>"


@pytest.mark.parametrize("place", ["question", "id", "error", "code", "system", "run"])
def test_no_character_breaks_the_file(place: str, tmp_path: Path) -> None:
    """Wherever it stands, in whole and piece by piece; the file can be written and parsed."""
    text = hostile()
    pieces = [text[at : at + 150] for at in range(0, len(text), 150)]
    for piece in pieces:
        name = piece if place == "system" else "rag"
        key = piece if place == "id" else "q"
        (broken,) = scored(name, "right", {key: 0.0}, failed=[key])
        error = piece if place == "error" else "late"
        code = piece if place == "code" else "timed_out"
        reply = dataclasses.replace(broken.reply, error=error, error_code=code)
        run = EvaluationRun(
            name=piece if place == "run" else "evening",
            status="whole",
            systems=(System(name, "rag"),),
            questions=(question(key, piece if place == "question" else "How long?"),),
            scored={name: (dataclasses.replace(broken, reply=reply),)},
        )
        junit.write(run, tmp_path / "junit.xml")
        root = fromstring((tmp_path / "junit.xml").read_bytes())
        assert root.get("errors") == "1"


def test_long_texts_are_cut_and_equal_runs_give_equal_bytes() -> None:
    """A megabyte of error is no megabyte of XML."""
    (broken,) = scored("rag", "right", {"q": 0.0}, failed=["q"])
    reply = dataclasses.replace(broken.reply, error="<&\x00" * 400_000)
    run = dataclasses.replace(
        run_of(0), scored={"rag": (dataclasses.replace(broken, reply=reply),)}
    )
    assert len(junit.xml(run)) < 100_000
    assert junit.xml(run) == junit.xml(run)
