"""Gates: how they are written, when they are met, and what they say."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from esrag.errors import UsageError
from esrag.evaluation.gates import allowances, asked_alike, check_gates, in_words
from esrag.evaluation.records import GateResult, Measure, Scored
from esrag.questions import KnownQuestion
from tests.scored_replies import F1, INVENTED, MEASURES, RIGHT, SECONDS, scored

Systems = dict[str, tuple[Scored, ...]]


def only(
    now: Systems, before: Systems, measure: Measure = RIGHT, *, allowed: float = 0.05
) -> GateResult:
    """The one result."""
    (result,) = check_gates(now, before, {measure.name: allowed}, measures=MEASURES)
    return result


def right(*values: float) -> Systems:
    """The system rag with these answers, in the order of the questions."""
    return {"rag": scored("rag", "right", values)}


def test_allowances_are_written_as_measure_and_delta() -> None:
    """Spaces do not matter; a measure may have an equals sign, the last one counts."""
    odd = replace(F1, name="f1(b=2)")
    found = allowances(["right=0.05", " f1(b=2) = 1e-2"], [RIGHT, odd])
    assert found == {"right": 0.05, "f1(b=2)": 0.01}
    assert allowances([], MEASURES) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("right", "not of the form"),
        ("=0.1", "not of the form"),
        ("", "not of the form"),
        ("right=", "not a number of at least 0"),
        ("right=-0.1", "not a number of at least 0"),
        ("right=nan", "not a number of at least 0"),
        ("right=inf", "not a number of at least 0"),
        ("right=5%", "not a number of at least 0"),
        ("rigth=0.1", "no measure 'rigth'"),
        ("words=1", "neither more nor less is better"),
    ],
)
def test_what_is_written_wrongly_is_refused_with_a_hint(text: str, said: str) -> None:
    """Exit code 2, and what to write instead."""
    with pytest.raises(UsageError, match=said) as caught:
        allowances([text], MEASURES)
    assert caught.value.hint


def test_a_slip_of_the_pen_names_the_measure_meant() -> None:
    """And a measure stands once."""
    with pytest.raises(UsageError) as caught:
        allowances(["rigth=0.1"], MEASURES)
    assert caught.value.hint == "Measures: right."
    with pytest.raises(UsageError, match="twice"):
        allowances(["right=0.1", "right=0.2"], MEASURES)


def test_a_gate_is_met_when_the_lower_bound_is_not_below_what_is_allowed() -> None:
    """And the same figures break a narrower one."""
    before, now = right(*[1.0] * 60 + [0.0] * 40), right(*[1.0] * 60 + [0.0] * 38 + [1.0] * 2)
    result = only(now, before)
    assert result.met
    assert result.difference == pytest.approx(0.02)
    assert -0.05 <= result.low < 0
    assert not only(now, before, allowed=-result.low - 0.001).met
    worse = right(*[0.0] * 10 + [1.0] * 50 + [0.0] * 40)
    assert not only(worse, before).met


def test_fewer_inventions_are_better() -> None:
    """Difference and interval are turned so that more is better."""
    before = {"rag": scored("rag", "invented", [1.0] * 30 + [0.0] * 70)}
    now = {"rag": scored("rag", "invented", [0.0] * 100)}
    better, worse = only(now, before, INVENTED), only(before, now, INVENTED)
    assert better.met
    assert better.difference == pytest.approx(0.3)
    assert 0 < better.low < better.difference < better.high
    assert not worse.met
    assert (worse.low, worse.high) == pytest.approx((-better.high, -better.low))


def test_only_shared_questions_are_compared_and_that_is_told() -> None:
    """The earlier run may hold other questions."""
    before = {"rag": scored("rag", "right", {f"q{n}": 1.0 for n in range(80)})}
    now = {"rag": scored("rag", "right", {f"q{n}": 1.0 for n in range(10, 95)})}
    result = only(now, before)
    assert (result.questions, result.missing, result.met) == (70, 25, True)
    assert "25 that the runs do not share left out" in result.why


def test_no_shared_question_breaks_the_gate() -> None:
    """What was not compared is not shown to be no worse."""
    before, now = (
        {"rag": scored("rag", "right", {f"{side}{n}": 1.0 for n in range(9)})} for side in "ab"
    )
    result = only(now, before)
    assert not result.met
    assert "No question has a value in both runs" in result.why


def test_too_few_questions_are_told() -> None:
    """Nothing changed in ten answers; that does not rule out a loss of 5 %, 20 % would do."""
    same = right(*[1.0] * 10)
    result = only(same, same)
    assert not result.met
    assert "so few questions cannot rule out more" in result.why
    found = re.search(r"allow ([\d.]+)\.$", result.why)
    assert found is not None
    assert only(same, same, allowed=float(found[1])).met


def test_a_gate_that_is_met_by_luck_says_what_it_could_not_see() -> None:
    """With how many questions the loss that is allowed would be seen."""
    before = right(*[1.0, 0.0] * 25)
    now = right(*[1.0, 0.0] * 20 + [1.0, 1.0] * 5)
    result = only(now, before)
    assert result.met
    assert result.detectable is not None
    assert result.detectable > 0.05
    assert re.search(r"one of 0.05 wants [\d,]+\.", result.why)


def test_numbers_are_held_by_their_bootstrap_interval() -> None:
    """Seconds may grow by one and do not by two."""
    before = {"rag": scored("rag", "seconds", [2.0 + n % 3 for n in range(40)])}
    slower = {"rag": scored("rag", "seconds", [3.5 + n % 4 for n in range(40)])}
    assert not only(slower, before, SECONDS, allowed=1.0).met
    assert only(slower, before, SECONDS, allowed=3.0).met
    assert only(slower, before, SECONDS, allowed=0.0).difference == pytest.approx(-2.025)


def test_a_failed_reply_breaks_a_gate_like_a_wrong_one() -> None:
    """It does not vanish from the pairs."""
    before = right(*[1.0] * 40)
    failing = [f"q{n:03d}" for n in range(10)]
    now = {"rag": scored("rag", "right", [0.0] * 10 + [1.0] * 30, failed=failing)}
    assert only(now, before).difference == -0.25
    bare = {"rag": scored("rag", "right", [None] * 10 + [1.0] * 30, failed=failing)}
    assert only(bare, before).difference == -0.25


def test_a_new_system_is_told_and_not_compared() -> None:
    """It neither meets nor breaks the gate, unless no system is shared."""
    before = right(*[1.0] * 90)
    now = {**before, "new": scored("new", "right", [1.0] * 90)}
    results = check_gates(now, before, {"right": 0.05}, measures=MEASURES)
    assert [(each.system, each.compared, each.met) for each in results] == [
        ("rag", True, True),
        ("new", False, True),
    ]
    assert in_words(results[1]).startswith("gate not compared: new, right no worse than by 0.05. ")
    assert in_words(results[0]).startswith("gate met: rag, ")
    gone = check_gates(before, now, {"right": 0.05}, measures=MEASURES)
    assert "Only the earlier run has this system" in gone[1].why
    strangers = check_gates({"x": now["new"]}, before, {"right": 0.05}, measures=MEASURES)
    assert [(each.met, each.compared) for each in strangers] == [(False, False)] * 2
    assert "No system could be compared" in strangers[0].why


def test_a_measure_that_says_nothing_of_a_system_does_not_gate_it() -> None:
    """As nDCG of a system that retrieves nothing; but one that fell silent breaks the gate."""
    spoke, silent = scored("rag", "f1", [0.5] * 40), scored("rag", "f1", [None] * 40)
    bare = {"bare": scored("bare", "f1", [None] * 40)}
    same = {"rag": spoke, **bare}
    results = check_gates(same, same, {"f1": 0.05}, measures=MEASURES)
    assert [(each.compared, each.met) for each in results] == [(True, True), (False, True)]
    (alone,) = check_gates(bare, bare, {"f1": 0.05}, measures=MEASURES)
    assert not alone.met
    assert not only({"rag": silent}, {"rag": spoke}, F1).met


def test_a_question_that_was_changed_is_another_one() -> None:
    """Its text, what it accepts or its evidence: the earlier reply is not compared."""
    questions = [
        KnownQuestion(f"q{n}", "How long?", "fact", "", "a day", (("a day",),), ())
        for n in range(4)
    ]
    edited = [
        questions[0],
        replace(questions[1], text="How wide?"),
        replace(questions[2], answer_groups=(("a week",),)),
        replace(questions[3], kind="number", split="test"),
    ]
    before = {"rag": scored("rag", "right", {f"q{n}": 1.0 for n in range(4)})}
    kept = asked_alike(before, edited, questions)
    assert [each.reply.question_id for each in kept["rag"]] == ["q0", "q3"]
    assert only(before, kept).missing == 2
