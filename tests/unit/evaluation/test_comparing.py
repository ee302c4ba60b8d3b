"""Comparisons of systems: what is paired, left out, counted and corrected."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from esrag import statistics
from esrag.errors import UsageError
from esrag.evaluation.comparing import compare, values_of
from esrag.evaluation.gates import check_gates
from esrag.evaluation.records import Comparison, Scored
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import Outcome, read_outcome, write_outcome
from tests.scored_replies import F1, INVENTED, MEASURES, RIGHT, SECONDS, WORDS, scored


def only(pairs: tuple[Comparison, ...]) -> Comparison:
    """The one pair."""
    (pair,) = pairs
    return pair


def test_a_yes_or_no_measure_gets_mcnemars_test_and_wilsons_interval() -> None:
    """The figures are those of esrag.statistics."""
    before, after = [0.0] * 12 + [1.0] * 8, [1.0] * 9 + [0.0] * 3 + [1.0] * 6 + [0.0] * 2
    found = compare(
        {"base": scored("base", "right", before), "rag": scored("rag", "right", after)},
        baseline="base",
        measures=[RIGHT],
    )
    known = statistics.change([v == 1 for v in before], [v == 1 for v in after])
    pair = only(found.pairs)
    assert pair.test == "mcnemar"
    assert (pair.difference, pair.p_value) == (known.difference, known.p_value)
    assert (pair.low, pair.high) == known.interval
    assert (pair.wins, pair.ties, pair.losses) == (9, 9, 2)
    assert (pair.baseline_value, pair.contender_value) == (0.4, 0.75)
    assert (found.estimates[0].low, found.estimates[0].high) == statistics.Proportion(
        8, 20
    ).interval
    assert pair.detectable == statistics.detectable_change(12 / 22, 20)


def test_numbers_get_the_bootstrap_and_the_randomisation_test() -> None:
    """Also a measure that says yes or no, and then does not."""
    before = np.random.default_rng(1).random(30)
    after = before + np.random.default_rng(2).normal(0.1, 0.2, 30)
    for measure in (F1, dataclasses.replace(RIGHT, name="f1")):
        found = compare(
            {"a": scored("a", "f1", before.tolist()), "b": scored("b", "f1", after.tolist())},
            baseline="a",
            measures=[measure],
        )
        pair, known = only(found.pairs), statistics.paired_interval(after - before)
        assert pair.test == "randomisation"
        assert (pair.low, pair.high) == pytest.approx((known.low, known.high))
        assert pair.p_value == statistics.sign_flip(after - before)
        assert found.estimates[0].low == statistics.interval(before).low


def test_a_difference_of_shares_ends_where_shares_end() -> None:
    """Few questions make intervals that reach farther; nothing lies there."""
    systems = {
        "a": scored("a", "f1", [0.0, 0.0, 0.0, 0.0, 0.1]),
        "b": scored("b", "f1", [1.0, 1.0, 1.0, 0.2, 1.0]),
    }
    share = dataclasses.replace(F1, unit="share")
    for measure, ends_at_one in ((F1, False), (share, True)):
        pair = only(compare(systems, baseline="a", measures=[measure]).pairs)
        assert (pair.high == 1.0) is ends_at_one
        assert pair.high >= 1.0
        assert 0 < pair.low < pair.difference


def test_lower_is_a_win_where_lower_is_better() -> None:
    """The difference stays as measured; without a direction nobody wins."""
    systems = {
        "a": scored("a", "seconds", [2.0, 3.0, 4.0]),
        "b": scored("b", "seconds", [1.0, 3.0, 3.0]),
    }
    pair = only(compare(systems, baseline="a", measures=[SECONDS]).pairs)
    assert (pair.wins, pair.ties, pair.losses) == (2, 1, 0)
    assert pair.difference < 0
    neither = dataclasses.replace(WORDS, name="seconds")
    pair = only(compare(systems, baseline="a", measures=[neither]).pairs)
    assert (pair.wins, pair.ties, pair.losses) == (0, 0, 0)


def test_an_abstention_of_either_leaves_the_question_out_and_is_counted() -> None:
    """A value that is no finite number is one; a question that one was not asked is missing."""
    systems = {
        "a": scored("a", "f1", {"q1": 0.5, "q2": None, "q3": 0.5, "q4": math.nan, "q5": 0.1}),
        "b": scored("b", "f1", {"q1": 0.7, "q2": 0.5, "q3": None, "q4": 0.5, "q6": 0.1}),
    }
    found = compare(systems, baseline="a", measures=[F1])
    pair = only(found.pairs)
    assert [each.question_id for each in pair.values] == ["q1"]
    assert (pair.questions, pair.abstained, pair.missing) == (1, 3, 2)
    assert [(each.questions, each.abstained) for each in found.estimates] == [(3, 2), (4, 1)]


def test_nothing_in_common_is_said_and_not_corrected_for() -> None:
    """No test was made, so it costs the others nothing."""
    systems = {
        "a": scored("a", "f1", [None] * 4),
        "b": scored("b", "f1", [0.1] * 4),
        "c": scored("c", "f1", [0.9] * 4),
    }
    found = compare(systems, baseline="a", measures=[F1])
    assert [pair.test for pair in found.pairs] == ["none", "none", "randomisation"]
    assert found.pairs[0].note
    assert found.pairs[0].corrected is None
    assert found.pairs[2].corrected == found.pairs[2].p_value
    assert (found.estimates[0].value, found.estimates[0].abstained) == (None, 4)


def test_a_failed_reply_counts_as_wrong() -> None:
    """Without a metric of its own, where others have one: neither dropped nor an abstention."""
    systems = {
        "a": scored("a", "f1", {"q1": 0.5, "q2": None, "q3": None}, failed=["q2", "q3"]),
        "b": scored("b", "f1", {"q1": 0.7, "q2": 0.5, "q3": None}),
        "quiet": scored("quiet", "f1", {"q1": None, "q2": None, "q3": None}, failed=["q2"]),
        "down": scored("down", "f1", {"q1": None, "q3": None}, failed=["q1", "q3"]),
    }
    values = values_of(systems, F1)
    assert values["a"] == {"q1": 0.5, "q2": 0.0, "q3": None}
    assert values["quiet"] == {"q1": None, "q2": None, "q3": None}
    assert values["down"] == {"q1": 0.0, "q3": None}
    found = compare(systems, baseline="a", measures=[F1])
    counted = [(each.questions, each.failed) for each in found.estimates]
    assert counted == [(2, 1), (2, 0), (0, 0), (1, 1)]
    assert found.pairs[0].questions == 2
    seconds = dataclasses.replace(SECONDS, name="f1")
    assert values_of(systems, seconds)["a"]["q2"] is None


def test_a_failed_reply_that_was_scored_keeps_its_metric() -> None:
    """Scoring knows the question."""
    systems = {
        "a": scored("a", "f1", {"q1": 0.0, "q2": 1.0}, failed=["q1"]),
        "b": scored("b", "f1", {"q1": 0.7, "q2": 0.5}),
    }
    assert values_of(systems, F1)["a"] == {"q1": 0.0, "q2": 1.0}


def test_holms_correction_is_over_all_pairs_and_primary_measures() -> None:
    """Three systems and two primary measures make six tests; others keep their own p value."""
    draws = np.random.default_rng(5)

    def system(name: str, shift: float) -> tuple[Scored, ...]:
        values = np.clip(draws.normal(0.5 + shift, 0.2, 40), 0, 1)
        return tuple(
            dataclasses.replace(
                each, metrics={"f1": value, "right": float(value > 0.5), "seconds": value}
            )
            for each, value in zip(scored(name, "f1", [0.0] * 40), values.tolist(), strict=True)
        )

    systems = {"a": system("a", 0), "b": system("b", 0.2), "c": system("c", 0.05)}
    found = compare(systems, baseline="b", measures=[RIGHT, F1, SECONDS])
    primary = [pair for pair in found.pairs if pair.measure != "seconds"]
    assert [pair.corrected for pair in primary] == statistics.holm([p.p_value for p in primary])
    assert all(pair.corrected is None for pair in found.pairs if pair.measure == "seconds")
    assert [(p.baseline, p.contender) for p in found.pairs[:3]] == [
        ("b", "a"),
        ("b", "c"),
        ("a", "c"),
    ]


def test_the_order_of_questions_does_not_matter() -> None:
    """Pairs are made by id; figures are the same to the last digit."""
    values = {f"q{number}": number % 7 / 7 for number in range(40)}
    others = {key: value**2 for key, value in values.items()}
    there = compare(
        {"a": scored("a", "f1", values), "b": scored("b", "f1", others)},
        baseline="a",
        measures=[F1],
    )
    turned = compare(
        {
            "a": scored("a", "f1", dict(reversed(values.items()))),
            "b": scored("b", "f1", others),
        },
        baseline="a",
        measures=[F1],
    )
    assert there == turned


def test_figures_are_plain_json() -> None:
    """Neither NaN nor infinity, also of nothing, of one question, and of equal answers."""
    for values in ([], [0.5], [0.5] * 9, [None]):
        found = compare(
            {name: scored(name, "f1", values) for name in "ab"}, baseline="a", measures=[F1]
        )
        json.dumps(dataclasses.asdict(found), allow_nan=False)
        assert only(found.pairs).note


def test_few_questions_and_equal_differences_carry_a_note() -> None:
    """What the figures cannot show stands beside them."""
    few = compare(
        {name: scored(name, "right", [1.0] * 5) for name in "ab"}, baseline="a", measures=[RIGHT]
    )
    assert "fewer than 6" in only(few.pairs).note
    equal = compare(
        {name: scored(name, "f1", [0.5] * 9) for name in "ab"}, baseline="a", measures=[F1]
    )
    assert "all differences are equal" in only(equal.pairs).note
    assert only(equal.pairs).detectable is None


def test_mistakes_of_the_caller_are_named() -> None:
    """A baseline that is none of the systems; two replies to one question."""
    items = scored("a", "f1", [0.5])
    with pytest.raises(UsageError, match="'gone' is none of the systems: a"):
        compare({"a": items}, baseline="gone", measures=MEASURES)
    with pytest.raises(ValueError, match="two replies to question q000"):
        compare({"a": items + items}, baseline="a", measures=[F1])


def test_one_system_has_estimates_and_no_pairs() -> None:
    """Nothing to compare with is no error."""
    found = compare({"a": scored("a", "invented", [1.0, 0.0])}, baseline="a", measures=[INVENTED])
    assert found.pairs == ()
    assert found.estimates[0].value == 0.5


def test_figures_come_back_from_a_run_folder_without_what_scored_has(tmp_path: Path) -> None:
    """Every figure; the values of each question are not written twice."""
    systems = {
        "a": scored("a", "f1", [0.1, None, 0.3, 0.5, 0.2, 0.4, 0.9]),
        "b": scored("b", "f1", [0.2, 0.5, 0.3, 0.6, 0.1, 0.9, 1.0]),
    }
    found = compare(systems, baseline="a", measures=[F1])
    gates = check_gates(systems, systems, {"f1": 0.1}, measures=[F1])
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        write_outcome(folder, Outcome(comparisons=found, gates=gates))
    back = read_outcome(folder)
    assert only(found.pairs).values
    kept = dataclasses.replace(only(found.pairs), values=())
    assert back.comparisons == dataclasses.replace(found, pairs=(kept,))
    assert back.gates == gates
