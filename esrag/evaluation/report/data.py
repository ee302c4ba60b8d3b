"""report.json: what the page says, for programs; the whole replies lie beside it in the run folder.

Pure ASCII without a bare ``<``, so that it can stand in a page or a log as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from esrag.evaluation.records import EvaluationRun, Scored
from esrag.evaluation.report.findings import (
    baseline_of,
    finding,
    not_shown,
    primary_measures,
    standing,
)
from esrag.evaluation.report.outcomes import (
    Answered,
    Tally,
    answered,
    colour_of,
    reliability,
    tallies,
)

SCHEMA = 1
_INDENTED_UP_TO = 3000  # replies; beyond, spaces are a third of the file


def report_data(run: EvaluationRun) -> dict[str, Any]:
    """The report as plain values: finding, figures, comparisons, costs, and a line a question."""
    questions = answered(run)
    tallied = tallies(run, questions)
    told = finding(run, tallied)
    return {
        "schema": SCHEMA,
        "run": run.name,
        "status": run.status,
        "started": run.started,
        "finished": run.finished,
        "facts": dict(run.facts),
        "baseline": baseline_of(run),
        "finding": asdict(told),
        "not_shown": list(not_shown(run, tallied)),
        "systems": [_system(run, system.name, tallied) for system in run.systems],
        "measures": [asdict(measure) for measure in run.measures],
        "primary": [measure.name for measure in primary_measures(run)],
        "estimates": [
            asdict(each) for each in (run.comparisons.estimates if run.comparisons else ())
        ],
        "pairs": _pairs(run),
        "gates": [asdict(gate) for gate in run.gates],
        "reliability": {
            kind: {name: asdict(share) for name, share in shares.items()}
            for kind, shares in reliability(run, questions).items()
        },
        "costs": [asdict(cost) for cost in run.costs],
        "updates": [asdict(story) for story in run.updates],
        "questions": [_question(run, each) for each in questions],
    }


def render_json(run: EvaluationRun) -> str:
    """``report_data`` as text; what is not a number is null."""
    many = len(run.questions) * len(run.systems) > _INDENTED_UP_TO
    text = json.dumps(_finite(report_data(run)), indent=None if many else 1, allow_nan=False)
    return text.replace("<", "\\u003c") + "\n"


def _system(run: EvaluationRun, name: str, tallied: Mapping[str, Tally]) -> dict[str, Any]:
    system = next(each for each in run.systems if each.name == name)
    return {
        "name": system.name,
        "kind": system.kind,
        "note": system.note,
        "runs": list(system.runs),
        "overrides": {key: _value(value) for key, value in system.overrides.items()},
        "outcomes": {key: tallied[name].outcomes[key] for key in sorted(tallied[name].outcomes)},
        "verdicts": {key: tallied[name].colours[key] for key in sorted(tallied[name].colours)},
    }


def _value(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _pairs(run: EvaluationRun) -> list[dict[str, Any]]:
    by_name = {measure.name: measure for measure in run.measures}
    return [
        {**asdict(replace(pair, values=())), "standing": standing(pair, by_name[pair.measure])}
        for pair in (run.comparisons.pairs if run.comparisons else ())
        if pair.measure in by_name
    ]


def _question(run: EvaluationRun, each: Answered) -> dict[str, Any]:
    return {
        "number": each.number,
        "id": each.question.id,
        "question": each.question.text,
        "type": each.question.kind,
        "answerable": each.question.answerable,
        "reference": each.question.answer,
        "disagreement": round(each.disagreement, 4),
        "replies": [
            {"system": system.name, "outcome": outcome, **_reply(scored)}
            for system, scored, outcome in zip(
                run.systems, each.replies, each.outcomes, strict=True
            )
        ],
    }


def _reply(scored: Scored | None) -> dict[str, Any]:
    if scored is None:
        return {}
    reply = scored.reply
    return {
        "status": reply.status,
        "text": reply.text,
        "error": reply.error,
        "error_code": reply.error_code,
        "verdict": colour_of(scored),
        "spans": [asdict(span) for span in scored.spans],
        "metrics": dict(scored.metrics),
        "cited": [cited.chunk_id for cited in reply.cited],
        "passages": [
            {"rank": passage.rank, "chunk_id": passage.chunk_id, "document_id": passage.document_id}
            for passage in reply.passages
        ],
        "usage": asdict(reply.usage),
    }


def _finite(value: Any) -> Any:
    """With None for what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
