"""Measures of rankings, as ir_measures computes them: what of a run is relevant, and how early.

    run + judgements ─► a metric by each measure, for each judged question

ir_measures takes the value of each measure from the program that defines it, mostly trec_eval.
Those programs order equal scores each in its own way, part lines at spaces, and some of them end
the process at a cutoff of 0; so they are handed rankings without ties, ids of our own, and only
measures that were looked at.  Every judged question has a value: without hits it is 0.
"""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Mapping, Sequence
from subprocess import SubprocessError
from typing import Any

from esrag.errors import UnsupportedError, UsageError
from esrag.evaluation.qrels import Qrels, relevant
from esrag.evaluation.records import Better, Measure
from esrag.evaluation.trec import Run

DEFAULT = ("nDCG@10", "R@10", "R@50", "RR@10", "AP", "Success@1", "Success@10", "Judged@10")
INSTALL_LINE = "pip install 'esrag[evaluate]'"
_ABOUT = {
    "nDCG": "gain by grade, discounted by rank, as a share of the best ranking there could be",
    "R": "share of the relevant documents that were found",
    "RR": "1 divided by the rank of the first relevant document",
    "AP": "mean, over the relevant documents, of the precision at their ranks",
    "P": "share of the first documents that are relevant",
    "Success": "whether a relevant document is among the first",
    "Judged": "share of the first documents that anybody judged",
}
_COUNTS = ("NumQ", "NumRel", "NumRet", "Judged")  # neither more nor less of them is better
_EXAMPLES = "nDCG@10, R@50, RR@10, AP, P@5, Success@1, Judged@10, P(rel=2)@5"
_LARGEST = 1_000_000
_FAILURES = (
    ArithmeticError, AssertionError, LookupError, OSError, RuntimeError, SubprocessError,
    TypeError, ValueError,
)  # fmt: skip

Metrics = Mapping[str, Mapping[str, float | None]]
"""By measure and question; None where a measure has no value."""


def parse_measures(names: Sequence[str]) -> dict[str, Any]:
    """The measures of ir_measures that ``names`` spell, by the name that it prints.

    Raises UsageError for what is none, UnsupportedError for what nothing installed computes.
    """
    module = _ir_measures()
    found = [_parsed(module, name) for name in names]
    return {str(measure): measure for measure in found}


def describe(measures: Mapping[str, Any]) -> tuple[Measure, ...]:
    """For tables and tests; the first is the primary one."""
    return tuple(
        Measure(
            name=name,
            title=name,
            better=_better(measure),
            kind="yes/no" if measure.NAME == "Success" else "number",
            primary=place == 0,
            about=_ABOUT.get(measure.NAME, ""),
            when_failed=0.0,
            wants="evidence of the question, and systems that find passages",
        )
        for place, (name, measure) in enumerate(measures.items())
    )


def metrics_of(run: Run, qrels: Qrels, measures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The metric of each judged question by each measure, in the order of the judgements.

    ``measures`` are those of ``parse_measures``.  Questions without judgements are left out: say
    how many there are.  Raises UnsupportedError when a program that computes a measure fails.
    """
    module = _ir_measures()
    keys = {question: str(place) for place, question in enumerate(qrels, start=1)}
    judged, hits = _plain(run, qrels, keys)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions of Python to come
            found = {
                (str(each.measure), each.query_id): float(each.value)
                for each in module.iter_calc(list(measures.values()), judged, hits)
            }
    except _FAILURES as error:
        raise UnsupportedError(
            f"ir_measures cannot compute {', '.join(measures)}: {type(error).__name__} {error}",
            hint="Leave out the measure that needs another program; --measure names those to use.",
        ) from error
    return {
        name: {question: _value(found.get((name, key), 0.0)) for question, key in keys.items()}
        for name in measures
    }


def without_relevant(qrels: Qrels) -> list[str]:
    """Questions that nothing can answer, as no judged document is relevant; they count 0."""
    return [question for question, grades in qrels.items() if not relevant(grades)]


def _plain(
    run: Run, qrels: Qrels, keys: Mapping[str, str]
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Judgements and rankings with ids that no program stumbles over, and without ties.

    Grades below 0 become 0: trec_eval would count them as not judged, and pytrec_eval writes to
    memory that is not its own.
    """
    judged: dict[str, dict[str, int]] = {}
    hits: dict[str, dict[str, float]] = {}
    for question, key in keys.items():
        order = run.ranked(question)
        names = {name: f"d{place}" for place, name in enumerate(order)}
        for name in qrels[question]:
            names.setdefault(name, f"d{len(names)}")
        judged[key] = {names[name]: max(grade, 0) for name, grade in qrels[question].items()}
        if order:  # one measure divides by the number of hits
            hits[key] = {names[name]: float(len(order) - at) for at, name in enumerate(order)}
    return judged, hits


def _parsed(module: Any, name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measure = module.parse_measure(name.strip())
        measure.validate_params()
        _require_sane(measure)
    except (ValueError, NameError, TypeError, AssertionError, RecursionError) as error:
        like = difflib.get_close_matches(name, list(_known(module)), n=3)
        raise UsageError(
            f"{name[:80]!r} is no measure of ir_measures: {str(error)[:200]}",
            hint=(f"Is {' or '.join(like)} meant? " if like else "") + f"Examples: {_EXAMPLES}",
        ) from error
    if not module.DefaultPipeline.supports(measure):
        raise UnsupportedError(
            f"nothing that is installed computes {measure}",
            hint="ir_measures' documentation names the package that does.",
        )
    return measure


def _require_sane(measure: Any) -> None:
    """Raise ValueError for what ends a process or counts nothing, but passes ir_measures."""
    for name in ("cutoff", "rel"):
        value = measure.params.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST:
            raise ValueError(f"{name} is a whole number from 1 to {_LARGEST:,}")
    gains = measure.params.get("gains") or {}
    if not isinstance(gains, dict) or not all(
        isinstance(number, int) for pair in gains.items() for number in pair
    ):
        raise ValueError("gains are whole numbers, as in nDCG(gains={0:0,1:1,2:3})@10")


def _known(module: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = module.measures.registry
    return found


def _better(measure: Any) -> Better:
    return "neither" if measure.NAME.startswith(_COUNTS) else "higher"


def _value(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _ir_measures() -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise UnsupportedError(
            f"measuring retrieval needs {error.name}", hint=f"Install it with: {INSTALL_LINE}"
        ) from error
    return ir_measures
