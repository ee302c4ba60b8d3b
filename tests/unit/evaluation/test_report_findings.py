"""What a report says of a run: no more than intervals allow, and nothing left uncounted."""

from __future__ import annotations

import dataclasses

import pytest

from esrag.evaluation.records import (
    Comparison,
    Comparisons,
    Estimate,
    EvaluationRun,
    Measure,
    Reply,
    Scored,
    Span,
    SpanKind,
    System,
)
from esrag.evaluation.report.findings import (
    Standing,
    finding,
    headline_measure,
    not_shown,
    pair_of,
    primary_measures,
    standing,
    unsaid,
)
from esrag.evaluation.report.outcomes import (
    Colour,
    Outcome,
    answered,
    colour_of,
    outcome_of,
    reliability,
    tallies,
)
from esrag.evaluation.report.tables import shown_outcomes
from esrag.questions import Evidence, KnownQuestion

RIGHT = Measure("right", "Right", kind="yes/no", unit="share", primary=True)
INVENTED = Measure("invented", "Invented", "lower", kind="yes/no", unit="share", primary=True)
WORDS = Measure("words", "Words", "neither", unit="words")


def question(name: str, *, answerable: bool = True, kind: str = "fact") -> KnownQuestion:
    """A question with an answer in the documents, or without."""
    evidence = (Evidence("d", "It is so."),) if answerable else ()
    return KnownQuestion(name, f"{name}?", kind, "", "so", (("so",),) * answerable, evidence)


def pair(**fields: object) -> Comparison:
    """A comparison of b against a."""
    made = Comparison("a", "b", "right", 100, 0.2, 0.1, 0.3, "mcnemar", 0.001, 0.01, 0.15)
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def run(*pairs: Comparison, values: tuple[float, ...] = (0.4, 0.6)) -> EvaluationRun:
    """A run of as many systems as values, measured by right answers."""
    names = "abcd"[: len(values)]
    estimates = tuple(
        Estimate(name, "right", value, value - 0.1, value + 0.1, 100)
        for name, value in zip(names, values, strict=True)
    )
    questions = tuple(question(f"q{number}") for number in range(40))
    scored = {
        name: tuple(Scored(Reply(each.id, name, "answered", "so")) for each in questions)
        for name in names
    }
    return EvaluationRun(
        "r",
        "whole",
        tuple(System(name, "rag") for name in names),
        questions,
        scored,
        (RIGHT,),
        Comparisons("a", estimates, pairs),
    )


@pytest.mark.parametrize(
    ("changed", "measure", "expected"),
    [
        ({}, RIGHT, "better"),
        ({"difference": -0.2, "low": -0.3, "high": -0.1}, RIGHT, "worse"),
        ({}, INVENTED, "worse"),
        ({}, WORDS, "different"),
        ({"low": -0.01}, RIGHT, "unclear"),
        ({"low": 0.0}, RIGHT, "unclear"),
        ({"corrected": 0.051}, RIGHT, "unclear"),
        ({"corrected": 0.05}, RIGHT, "better"),
        ({"corrected": None, "p_value": 0.2}, RIGHT, "unclear"),
        ({"corrected": None, "p_value": 0.02}, RIGHT, "better"),
        ({"test": "none"}, RIGHT, "untested"),
    ],
)
def test_a_difference_is_told_when_interval_and_test_agree(
    changed: dict[str, object], measure: Measure, expected: Standing
) -> None:
    """Either alone is not enough."""
    assert standing(pair(**changed), measure) == expected


def test_a_pair_is_found_from_both_sides() -> None:
    """Turned round, with wins as losses."""
    made = run(pair(wins=30, losses=10, ties=60))
    turned = pair_of(made, "b", "a", "right")
    assert turned is not None
    assert (turned.difference, turned.low, turned.high) == (-0.2, -0.3, -0.1)
    assert (turned.wins, turned.ties, turned.losses) == (10, 60, 30)
    assert pair_of(made, "b", "c", "right") is None


def test_the_best_is_only_called_better_where_it_is() -> None:
    """Than all others, else the ones that it is not to be told apart from are named."""
    clear = run(pair())
    assert finding(clear, tallies(clear, answered(clear))).lead == (
        "“b” has the best figure for “Right”, 60 %, and is better than every other system by more "
        "than chance explains."
    )
    close = run(pair(), pair(baseline="b", contender="c", low=-0.1), values=(0.4, 0.6, 0.5))
    assert finding(close, tallies(close, answered(close))).lead.endswith(
        "but cannot be told apart from “c”."
    )
    untested = run(pair(), values=(0.4, 0.6, 0.5))
    assert finding(untested, tallies(untested, answered(untested))).lead.endswith(
        "but was not tested against “c”."
    )
    alone = run(values=(0.4,))
    assert finding(alone, tallies(alone, answered(alone))).lead == (
        "“a” has 40 % by “Right”; there is no other system to set it beside."
    )


def test_each_contender_is_told_with_its_interval() -> None:
    """And what so few questions cannot show."""
    made = run(pair(), pair(contender="c", low=-0.05), values=(0.4, 0.6, 0.5))
    assert finding(made, tallies(made, answered(made))).told == (
        "Right: better than “a”: “b” (+20 points, +10 to +30).",
        "Right: cannot be told apart from “a”: “c” (+20 points, −5 to +30). With so many "
        "questions, differences below 15 points mostly stay hidden.",
    )


def test_the_headline_is_what_most_questions_have_a_value_of() -> None:
    """A measure that abstains less says more; one without direction is none."""
    made = run(pair())
    assert made.comparisons is not None
    more = tuple(
        dataclasses.replace(each, measure="invented", questions=120)
        for each in made.comparisons.estimates
    )
    wider = dataclasses.replace(
        made,
        measures=(dataclasses.replace(WORDS, primary=True), RIGHT, INVENTED),
        comparisons=dataclasses.replace(
            made.comparisons, estimates=(*made.comparisons.estimates, *more)
        ),
    )
    assert headline_measure(made) == RIGHT
    assert headline_measure(wider) == INVENTED
    lead = finding(wider, tallies(wider, answered(wider))).lead
    assert lead.startswith("“a” has the best figure for “Invented”, 40 %")


@pytest.mark.parametrize(
    ("status", "right", "answerable", "expected"),
    [
        ("answered", 1.0, True, "right"),
        ("answered", 0.0, True, "wrong"),
        ("answered", None, True, "unjudged"),
        ("answered", None, False, "wrong"),
        ("answered", 1.0, False, "wrong"),
        ("refused", 0.0, True, "refused"),
        ("refused", None, False, "declined"),
        ("failed", 0.0, True, "failed"),
        ("failed", None, False, "failed"),
    ],
)
def test_every_reply_comes_to_something(
    status: str, right: float | None, answerable: bool, expected: Outcome
) -> None:
    """What is not right is not hidden under another word."""
    reply = Reply("q", "a", status)  # type: ignore[arg-type]
    scored = Scored(reply, (), {"right": right})
    assert outcome_of(scored, question("q", answerable=answerable)) == expected
    assert outcome_of(None, question("q")) == "missing"
    assert outcome_of(scored, question("q", answerable=False), "retrieval") in (
        "unjudged",
        "failed",
    )
    unknown = dataclasses.replace(question("q"), said="unknown")
    assert outcome_of(Scored(Reply("q", "a", "refused")), unknown) == "silent"


@pytest.mark.parametrize(
    ("answerable", "metrics", "expected"),
    [
        (False, {"refusal_recall": 1.0}, "declined"),
        (False, {"refusal_recall": 0.0}, "wrong"),
        (True, {"wrongly_refused": 1.0, "right": 0.0}, "refused"),
        (True, {"wrongly_refused": 0.0, "right": 1.0}, "right"),
    ],
)
@pytest.mark.parametrize("status", ["answered", "refused"])
def test_what_a_reply_comes_to_agrees_with_the_measures(
    status: str, answerable: bool, metrics: dict[str, float], expected: Outcome
) -> None:
    """A table that counts another number of refusals than the share beside it helps nobody."""
    scored = Scored(Reply("q", "a", status), (), metrics)  # type: ignore[arg-type]
    assert outcome_of(scored, question("q", answerable=answerable)) == expected


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("supported", "supported"), "supported"),
        (("supported", "unsupported"), "unsupported"),
        (("unsupported", "contradicted", "supported"), "contradicted"),
        (("unjudged",), "unjudged"),
        (("refusal",), "refused"),
        ((), "unjudged"),
    ],
)
def test_a_reply_has_the_colour_of_the_worst_in_it(
    kinds: tuple[SpanKind, ...], expected: Colour
) -> None:
    """So that no blue hides a red."""
    spans = tuple(Span(number, number + 1, kind, "verifier") for number, kind in enumerate(kinds))
    assert colour_of(Scored(Reply("q", "a", "answered", "so so so"), spans)) == expected


def test_nothing_is_left_uncounted() -> None:
    """Failed, refused, not judged and not asked add up to all questions, by type as well."""
    questions = tuple(
        question(f"q{number}", answerable=number % 4 > 0, kind=f"k{number % 3}")
        for number in range(12)
    )
    statuses = ("answered", "refused", "failed")
    replies = tuple(
        Scored(
            Reply(each.id, "a", statuses[number % 3]),  # type: ignore[arg-type]
            (),
            {"right": (1.0, 0.0, None)[number % 3] if number % 5 else None},
        )
        for number, each in enumerate(questions[:10])
    )
    made = EvaluationRun("r", "stopped", (System("a", "rag"),), questions, {"a": replies}, (RIGHT,))
    tally = tallies(made, answered(made))["a"]
    assert sum(tally.outcomes.values()) == tally.total == 12
    assert tally.outcomes["missing"] == 2
    assert sum(tally.colours.values()) == 10
    judged = sum(shares["a"].of for shares in reliability(made, answered(made)).values())
    assert judged == 12 - tally.outcomes["unjudged"] - tally.outcomes["missing"]
    told = finding(made, tallies(made, answered(made))).counted
    assert any("3 of 12 replies of “a” failed; they count as wrong." in each for each in told)
    assert any("was not asked 2 of 12 questions yet" in each for each in told)
    assert any(each.startswith("12 questions are few") for each in not_shown(made, {"a": tally}))


def test_a_share_is_not_of_refusals_alone() -> None:
    """Where what is stated cannot be told right from wrong, the refusals beside it are no share."""
    questions = (question("long", kind="text"), question("short"))
    systems = (System("a", "rag"), System("b", "rag"))
    scored = {
        "a": (
            Scored(Reply("long", "a", "answered", "so"), (), {"right": None}),
            Scored(Reply("short", "a", "answered", "so"), (), {"right": 1.0}),
        ),
        "b": (
            Scored(Reply("long", "b", "refused"), (), {"wrongly_refused": 1.0}),
            Scored(Reply("short", "b", "refused"), (), {"wrongly_refused": 1.0}),
        ),
    }
    made = EvaluationRun("r", "whole", systems, questions, scored)
    shares = reliability(made, answered(made))
    assert {kind: (of["a"].of, of["b"].of) for kind, of in shares.items()} == {"fact": (1, 1)}


def test_disagreement_is_of_outcomes_first() -> None:
    """Systems that came to something else stand before those that only used other words."""
    questions = (question("same"), question("words"), question("outcome"))

    def replies(name: str, *texts: tuple[str, float]) -> tuple[Scored, ...]:
        return tuple(
            Scored(Reply(each.id, name, "answered", text), (), {"right": right})
            for each, (text, right) in zip(questions, texts, strict=True)
        )

    scored = {
        "a": replies("a", ("so", 1.0), ("one two", 1.0), ("so", 1.0)),
        "b": replies("b", ("so", 1.0), ("three four", 1.0), ("so", 0.0)),
    }
    systems = (System("a", "rag"), System("b", "rag"))
    made = answered(EvaluationRun("r", "whole", systems, questions, scored))
    assert made[0].disagreement == 0
    assert 0 < made[1].disagreement < made[2].disagreement <= 1


def test_a_measure_that_says_nothing_is_named_with_what_it_wants() -> None:
    """It is no column then; another primary measure that has values is."""
    silent = dataclasses.replace(INVENTED, wants="a reference answer")
    prices = Measure("cost", "Cost", "lower", wants="prices")
    made = dataclasses.replace(run(pair()), measures=(RIGHT, silent, WORDS, prices))
    assert primary_measures(made) == (RIGHT,)
    assert unsaid(made, primary=True) == (
        "Nothing could be said by: Invented (for want of a reference answer)."
    )
    assert (
        unsaid(made, primary=False) == "Nothing could be said by: Words; Cost (for want of prices)."
    )
    nothing = dataclasses.replace(made, comparisons=None)
    assert primary_measures(nothing) == (RIGHT, silent)


def test_right_and_wrong_are_columns_where_something_was_judged() -> None:
    """Else they would say that nothing is right."""
    asked = dataclasses.replace(question("q"), answer="", answer_groups=())
    open_ = dataclasses.replace(asked, said="unknown")
    reply = Reply("q", "a", "answered", "It is so.")
    made = EvaluationRun(
        "r", "whole", (System("a", "rag"),), (open_,), {"a": (Scored(reply),)}, (RIGHT,)
    )
    assert shown_outcomes(made, tallies(made, answered(made))) == ("failed", "unjudged")
    wrong = Scored(reply, metrics={"right": 0.0})
    made = dataclasses.replace(made, questions=(question("q"),), scored={"a": (wrong,)})
    assert shown_outcomes(made, tallies(made, answered(made))) == ("right", "wrong", "failed")
