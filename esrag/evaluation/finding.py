"""How well a system's passages were found, question by question: judged by the evidence.

    passages of the replies + documents of the evidence ─► metrics, runs/SYSTEM.trec, qrels.tsv

A document's rank is that of its best passage.  A question that failed found nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from esrag.evaluation.qrels import Qrels
from esrag.evaluation.records import Measure, Reply, Scored
from esrag.evaluation.retrieval_measures import describe, metrics_of, parse_measures
from esrag.evaluation.trec import Run, scores_of_ranking

MEASURES = ("nDCG@10", "R@10", "RR@10", "Success@1", "Success@10")


def finding_measures() -> tuple[Measure, ...]:
    """What is measured of passages; beside answers none of it is primary.

    Raises UnsupportedError where ir_measures is not installed.
    """
    found = describe(parse_measures(MEASURES))
    return tuple(replace(measure, primary=False) for measure in found)


def run_of(system: str, replies: Sequence[Reply]) -> Run:
    """The ranking of documents of each question; one that failed has no hits."""
    return Run(
        system,
        {
            reply.question_id: scores_of_ranking(
                [passage.document_id for passage in reply.passages],
                [passage.score for passage in reply.passages],
            )
            for reply in replies
        },
    )


def with_finding(scored: Sequence[Scored], run: Run, qrels: Qrels) -> tuple[Scored, ...]:
    """The replies with the metrics of their passages; None where nothing is judged."""
    asked = {each.reply.question_id for each in scored}
    judged = {question: grades for question, grades in qrels.items() if question in asked}
    found: Mapping[str, Mapping[str, float | None]] = (
        metrics_of(run, judged, parse_measures(MEASURES)) if judged else {}
    )
    return tuple(
        replace(
            each,
            metrics={
                **each.metrics,
                **{name: found.get(name, {}).get(each.reply.question_id) for name in MEASURES},
            },
        )
        for each in scored
    )
