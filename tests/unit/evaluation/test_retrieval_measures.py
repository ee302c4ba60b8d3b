"""Measures of rankings: against pytrec_eval used directly, against formulas, and at the edges."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.errors import UnsupportedError, UsageError
from esrag.evaluation.retrieval_measures import (
    DEFAULT,
    describe,
    metrics_of,
    parse_measures,
    without_relevant,
)
from esrag.evaluation.trec import Run, ranked
from esrag.retriever_tuning.measures import ndcg

TREC_EVAL = {
    "nDCG@10": "ndcg_cut_10",
    "nDCG": "ndcg",
    "R@5": "recall_5",
    "R@100": "recall_100",
    "RR": "recip_rank",
    "AP": "map",
    "AP@10": "map_cut_10",
    "P@5": "P_5",
    "Success@1": "success_1",
    "Success@5": "success_5",
    "Rprec": "Rprec",
    "NumRet": "num_ret",
}
FORMULAS = ("nDCG@10", "R@5", "RR@3", "AP", "P@5", "Success@5", "Judged@10")
FIRST_ID = "1"

# few ids and few scores, so that ties and overlaps are the rule
names = st.sampled_from(["a", "b", "B", "é", "d 1", "d 2", "\U00010348", *map(str, range(8))])
grades = st.dictionaries(names, st.integers(-2, 3), min_size=1, max_size=8)
scores = st.dictionaries(
    names,
    st.sampled_from([0.0, 1.0, 1.00000001, 2.0, 0.1, -3.0]) | st.floats(-1e30, 1e30),
    max_size=12,
)
questions = st.sampled_from(["1", "2", "q 3", "ü"])
qrels_cases = st.dictionaries(questions, grades, min_size=1)
run_cases = st.dictionaries(questions, scores)


def of(run: dict[str, Any], qrels: dict[str, Any], *measures: str) -> dict[str, dict[str, Any]]:
    """The metrics by measure and question."""
    return metrics_of(Run("r", run), qrels, parse_measures(measures))


def one(run: dict[str, float], qrels: dict[str, int], measure: str) -> float:
    """The metric of one question."""
    (values,) = of({FIRST_ID: run}, {FIRST_ID: qrels}, measure).values()
    return float(values[FIRST_ID])


@settings(max_examples=300, deadline=None)
@given(run=run_cases, qrels=qrels_cases)
def test_metrics_are_those_of_trec_eval(run: dict[str, Any], qrels: dict[str, Any]) -> None:
    """pytrec_eval gets what was generated, with its ties and missing questions.

    Only grades below 0 are raised to 0, as pytrec_eval writes to memory that is not its own then.
    """
    found = of(run, qrels, *TREC_EVAL)
    plain = {key: {name: max(0, each) for name, each in row.items()} for key, row in qrels.items()}
    expected = pytrec_eval.RelevanceEvaluator(plain, set(TREC_EVAL.values())).evaluate(run)
    for measure, theirs in TREC_EVAL.items():
        assert list(found[measure]) == list(qrels)
        for question in qrels:
            wanted = expected.get(question, {}).get(theirs, 0.0)
            assert found[measure][question] == pytest.approx(wanted, abs=1e-9), measure


@settings(max_examples=300, deadline=None)
@given(run=scores, qrels=grades)
def test_metrics_are_those_of_the_formulas(run: dict[str, float], qrels: dict[str, int]) -> None:
    """Written out here, on the order that trec_eval defines."""
    found = of({FIRST_ID: run}, {FIRST_ID: qrels}, *FORMULAS)
    order = sorted(run, key=lambda name: (as_float(run[name]), name.encode()), reverse=True)
    assert order == ranked(run)
    gains = [max(qrels.get(name, 0), 0) for name in order]
    best = sorted((max(grade, 0) for grade in qrels.values()), reverse=True)
    count = sum(grade > 0 for grade in qrels.values())
    hits = [place for place, gain in enumerate(gains, start=1) if gain]
    expected = {
        "nDCG@10": share(discounted(gains[:10]), discounted(best[:10])),
        "R@5": share(sum(map(bool, gains[:5])), count),
        "RR@3": 1 / hits[0] if hits and hits[0] <= 3 else 0.0,
        "AP": share(sum(nth / place for nth, place in enumerate(hits, start=1)), count),
        "P@5": sum(map(bool, gains[:5])) / 5,
        "Success@5": float(any(gains[:5])),
        "Judged@10": share(sum(name in qrels for name in order[:10]), len(order[:10])),
    }
    for measure, wanted in expected.items():
        assert found[measure][FIRST_ID] == pytest.approx(wanted, abs=1e-9), measure
    tuning = ndcg(order, {name: grade for name, grade in qrels.items() if grade > 0})
    assert tuning == pytest.approx(expected["nDCG@10"])  # the gate of retriever tuning has its own


def as_float(value: float) -> float:
    """In single precision, by another way than the package's."""
    import numpy as np

    return float(np.float32(value))


def share(part: float, whole: float) -> float:
    """0 of nothing."""
    return part / whole if whole else 0.0


def discounted(gains: list[int]) -> float:
    """Sum of gains, each divided by the logarithm of its rank and one."""
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


@settings(max_examples=100, deadline=None)
@given(run=run_cases, qrels=qrels_cases)
def test_a_metric_does_not_depend_on_what_else_is_measured(
    run: dict[str, Any], qrels: dict[str, Any]
) -> None:
    """Asked for alone, with other levels of relevance, or twice."""
    every = of(run, qrels, "P(rel=2)@5", *DEFAULT, "nDCG@10", "RR(rel=2)@5", "AP(rel=3)")
    for measure in (*DEFAULT, "P(rel=2)@5"):
        assert of(run, qrels, measure)[measure] == pytest.approx(every[measure])


def test_an_empty_run_is_zero_for_every_question() -> None:
    """By every default measure, and there is no question less."""
    found = of({}, {"1": {"a": 1}, "2": {"b": 2}}, *DEFAULT)
    assert found == {name: {"1": 0.0, "2": 0.0} for name in DEFAULT}


def test_a_question_without_hits_is_zero() -> None:
    """Whether it is missing from the run or has an empty ranking."""
    found = of({"1": {"a": 1.0}, "2": {}}, {"1": {"a": 1}, "2": {"a": 1}, "3": {"a": 1}}, "nDCG@10")
    assert found == {"nDCG@10": {"1": 1.0, "2": 0.0, "3": 0.0}}


def test_a_question_without_judgements_has_no_metric() -> None:
    """It can be neither right nor wrong."""
    assert of({"1": {"a": 1.0}, "x": {"a": 1.0}}, {"1": {"a": 1}}, "RR")["RR"] == {"1": 1.0}


@pytest.mark.parametrize(("answer", "expected"), [("a", 0.5), ("b", 1.0)])
def test_ties_go_to_the_greater_id(answer: str, expected: float) -> None:
    """As trec_eval orders them, however they stood in the run."""
    assert one({"a": 1.0, "b": 1.0}, {answer: 1}, "RR") == expected


@pytest.mark.parametrize("measure", ["RR", "RR@10", "P@1", "Judged@1"])
def test_all_programs_see_one_order(measure: str) -> None:
    """Of ir_measures' programs some put the lesser id first; here none can."""
    assert one({"a": 1.0, "b": 1.0}, {"b": 1}, measure) > 0


def test_scores_that_single_precision_cannot_tell_apart_are_ties() -> None:
    """As in trec_eval."""
    assert one({"a": 1.00000001, "b": 1.0}, {"a": 1}, "RR") == 0.5


def test_graded_relevance_is_the_gain() -> None:
    """The better document first is worth more."""
    grades = {"a": 3, "b": 1}
    assert one({"a": 2.0, "b": 1.0}, grades, "nDCG@10") == 1.0
    wanted = (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))
    assert one({"a": 1.0, "b": 2.0}, grades, "nDCG@10") == pytest.approx(wanted)


@pytest.mark.parametrize("grade", [0, -1, -2])
def test_a_document_of_grade_zero_or_less_is_judged_and_not_relevant(grade: int) -> None:
    """It brings nothing, and takes nothing but its place."""
    found = of({"1": {"x": 2.0, "a": 1.0}}, {"1": {"a": 1, "x": grade}}, "RR", "Judged@10", "R@10")
    assert [each["1"] for each in found.values()] == [0.5, 1.0, 1.0]


def test_a_question_whose_documents_are_all_irrelevant_is_zero_and_told() -> None:
    """It stays in the mean, as in trec_eval, and somebody can say so."""
    qrels = {"1": {"a": 0}, "2": {"a": -1}, "3": {"a": 1}}
    assert of({"1": {"a": 1.0}}, qrels, "nDCG@10")["nDCG@10"] == {"1": 0.0, "2": 0.0, "3": 0.0}
    assert without_relevant(qrels) == ["1", "2"]


def test_ids_that_would_break_other_programs_files_are_measured() -> None:
    """Spaces, line ends, half characters, a megabyte."""
    names = ["a b", "a\nb", "\ud800", "x" * 1_000_000]
    for name in names:
        assert one({name: 1.0, "b": 2.0}, {name: 1}, "RR") == 0.5
        assert one({name: 1.0, "b": 2.0}, {name: 1}, "RR@5") == 0.5


@pytest.mark.parametrize(
    "name",
    """nDCG@0 P@0 AP@0 RR@0 Judged@0 nDCG@-1 nDCG@1.5 nDCG@a nDCG@'a' nDCG@True P(rel=0)@5
    P(rel=1.5)@5 P(x=1)@5 nDCG@ R Foo ndcg@10 nDCG@10@5 nDCG@9999999999 nDCG(gains={1:1.5})@10
    nDCG(gains=1)@10 __import__('os')@1 1 ; P(5)""".split(),
)
def test_what_is_no_measure_is_a_wrong_usage(name: str) -> None:
    """Also what ir_measures would take and end the process with."""
    with pytest.raises(UsageError, match="no measure of ir_measures"):
        parse_measures([name])


def test_a_misspelt_measure_is_recognised() -> None:
    """By what is near."""
    with pytest.raises(UsageError) as caught:
        parse_measures(["Sucess@5"])
    assert "Success" in caught.value.hint


def test_what_no_installed_program_computes_is_unsupported() -> None:
    """Its parameters are right; the program is missing."""
    with pytest.raises(UnsupportedError, match="alpha_nDCG"):
        parse_measures(["alpha_nDCG@10"])


def test_a_missing_ir_measures_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(UnsupportedError) as caught:
        parse_measures(["AP"])
    assert "esrag[evaluate]" in caught.value.hint


def test_measures_are_called_as_ir_measures_prints_them() -> None:
    """Aliases are one measure; the first is the primary one; a count is neither good nor bad."""
    measures = describe(parse_measures(["NDCG@10", "nDCG@10", "MRR@10", "Success@1", "Judged@10"]))
    assert [each.name for each in measures] == ["nDCG@10", "RR@10", "Success@1", "Judged@10"]
    assert [each.primary for each in measures] == [True, False, False, False]
    assert [each.better for each in measures] == ["higher"] * 3 + ["neither"]
    assert [each.kind for each in measures] == ["number", "number", "yes/no", "number"]
