"""Retrieval of several systems on judged questions: metrics, figures, and the files that keep them.

    judgements + a run of each system ─► metrics by question ─► estimates, differences ─► folder

Every judged question counts for every system: one without hits, one that failed and one that could
not be asked count 0.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from esrag.errors import UsageError
from esrag.evaluation import junit, report, storage
from esrag.evaluation.comparing import compare
from esrag.evaluation.gates import check_gates
from esrag.evaluation.judged_folder import Judged, counted
from esrag.evaluation.qrels import Qrels, relevant, write_qrels
from esrag.evaluation.records import (
    Comparisons,
    EvaluationRun,
    GateResult,
    Measure,
    Reply,
    Scored,
    System,
    Usage,
)
from esrag.evaluation.retrieval_measures import describe, metrics_of
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.trec import Run, write_run
from esrag.questions import Evidence, KnownQuestion

QRELS = "qrels.tsv"
_SHOWN = 10  # documents of a ranking in a report
_CUTOFF = re.compile(r"@(\d+)$")


@dataclass(frozen=True, slots=True)
class Entrant:
    """A system with what it found.  ``failed`` has an error by question, ``seconds`` a duration.

    ``asked_for`` is how many hits were fetched at most, 0 for a run of others; ``full`` counts the
    questions for which so many came, so that there may be more.
    """

    system: System
    run: Run
    failed: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    asked_for: int = 0
    full: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """The metrics of an earlier run by system, and how much worse each measure may be than then.

    ``before`` has the questions that ask and accept the same today; ``notes`` say how many do not.
    """

    before: Mapping[str, Sequence[Scored]]
    allowed: Mapping[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it; ``notes`` say what a reader has to know, ``failed`` is by system."""

    judged: Judged
    measures: tuple[Measure, ...]
    scored: Mapping[str, tuple[Scored, ...]]
    comparisons: Comparisons
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    failed: Mapping[str, Mapping[str, str]]
    gates: tuple[GateResult, ...] = ()

    @property
    def failures(self) -> int:
        """Questions that failed, summed over the systems."""
        return sum(map(len, self.failed.values()))


def evaluate(
    judged: Judged,
    entrants: Sequence[Entrant],
    measures: Mapping[str, Any],
    *,
    baseline: str = "",
    gate: Gate | None = None,
    seed: int,
) -> Result:
    """Measure and compare; the baseline is the first system unless another is named.

    ``measures`` are those of ``parse_measures``; the systems' names differ.  Raises UsageError for
    a baseline that is none of the systems.
    """
    described = describe(measures)
    scored = {each.system.name: scored_of(each, judged.qrels, measures) for each in entrants}
    return Result(
        judged,
        described,
        scored,
        compare(
            scored, baseline=baseline or entrants[0].system.name, measures=described, seed=seed
        ),
        (
            *judged.notes,
            *_notes(judged, entrants, described),
            *(gate.notes if gate else ()),
        ),
        {e.system.name: median(e.seconds.values()) for e in entrants if e.seconds},
        {e.system.name: e.failed for e in entrants if e.failed},
        check_gates(scored, gate.before, gate.allowed, measures=described, seed=seed)
        if gate
        else (),
    )


def scored_of(entrant: Entrant, qrels: Qrels, measures: Mapping[str, Any]) -> tuple[Scored, ...]:
    """A reply without text for each judged question, with its metrics."""
    metrics = metrics_of(entrant.run, qrels, measures)
    name = entrant.system.name
    found = []
    for question in qrels:
        error = entrant.failed.get(question, "")
        seconds = entrant.seconds.get(question, 0.0)
        reply = Reply(
            question,
            name,
            "failed" if error else "answered",
            usage=Usage(seconds=seconds, retrieve_seconds=seconds),
            error=error,
        )
        values = {measure: of_question[question] for measure, of_question in metrics.items()}
        found.append(Scored(reply, metrics=values))
    return tuple(found)


def keep(
    folder: RunFolder,
    result: Result,
    entrants: Sequence[Entrant],
    record: storage.RunRecord,
) -> tuple[str, ...]:
    """Write everything into a folder that is held; returns what could not be written, in words."""
    judged = result.judged
    storage.write_questions(folder, questions_of(judged))
    names = [each.system.name for each in entrants]
    folder.leave_out(storage.systems_of(storage.read_outcome(folder)), scored=names, found=names)
    left_out = []
    for file, trec in ((QRELS, False), ("qrels.trec", True)):
        try:
            write_qrels(folder.path / file, judged.qrels, trec=trec)
        except UsageError as error:
            (folder.path / file).unlink(missing_ok=True)  # those of an earlier call
            left_out.append(f"{file} was not written: {error.message}")
    for entrant in entrants:
        name = entrant.system.name
        storage.write_scored(folder, name, result.scored[name])
        try:
            write_run(folder.trec(name), Run(name, entrant.run.scores))
        except UsageError as error:
            folder.trec(name).unlink(missing_ok=True)
            left_out.append(f"runs/{name}.trec was not written: {error.message}")
    storage.write_outcome(folder, storage.Outcome(result.comparisons, result.gates))
    storage.write_run(folder, record)
    told = evaluation_run(result, record, {each.system.name: each.run for each in entrants})
    junit.write(told, folder.path / "junit.xml")
    report.write(told, folder.path)
    return tuple(left_out)


def evaluation_run(
    result: Result, record: storage.RunRecord, runs: Mapping[str, Run]
) -> EvaluationRun:
    """The run as reports read it: a reply is the ranking, in words."""
    qrels = result.judged.qrels
    return EvaluationRun(
        name=record.name,
        status=record.status,
        systems=record.systems,
        questions=questions_of(result.judged),
        scored={
            name: tuple(
                replace(each, reply=_shown(each.reply, runs[name], qrels)) for each in scored
            )
            for name, scored in result.scored.items()
        },
        measures=result.measures,
        comparisons=result.comparisons,
        gates=result.gates,
        facts=record.facts,
        notes=record.notes,
        started=record.started,
        finished=record.finished,
    )


def questions_of(judged: Judged) -> tuple[KnownQuestion, ...]:
    """The judged questions with the relevant documents as evidence, without quotes."""
    return tuple(
        KnownQuestion(
            id=name,
            text=judged.questions.get(name, ""),
            kind="retrieval",
            split=judged.split,
            answer="; ".join(_graded(name, grade) for name, grade in relevant(grades).items()),
            answer_groups=(),
            evidence=tuple(Evidence(document, "") for document in relevant(grades)),
        )
        for name, grades in judged.qrels.items()
    )


def _shown(reply: Reply, run: Run, qrels: Qrels) -> Reply:
    """With the first ten documents."""
    if reply.status == "failed":
        return reply
    grades = qrels[reply.question_id]
    lines = [
        f"{rank}. {_graded(name, grades[name])}" if name in grades else f"{rank}. {name}"
        for rank, name in enumerate(run.ranked(reply.question_id)[:_SHOWN], start=1)
    ]
    return replace(reply, text="\n".join(lines) or "no hits")


def _graded(name: str, grade: int) -> str:
    return f"{name} (grade {grade})"


def fingerprint(value: object) -> str:
    """The sha256 of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _notes(
    judged: Judged, entrants: Sequence[Entrant], measures: Sequence[Measure]
) -> Sequence[str]:
    notes = []
    cutoffs = [int(found[1]) for each in measures if (found := _CUTOFF.search(each.name))]
    for entrant in entrants:
        name, scores = entrant.system.name, entrant.run.scores
        others = sum(question not in judged.qrels for question in scores)
        if others:
            notes.append(f"{name}: {counted(others, 'question')} without judgements: not measured")
        empty = sum(
            not scores.get(question) and question not in entrant.failed for question in judged.qrels
        )
        if empty:
            notes.append(f"{name}: {counted(empty, 'question')} without hits: 0")
        shallow = sum(
            len(scores.get(question, ())) < max(cutoffs, default=0) for question in entrant.full
        )
        if shallow:
            notes.append(
                f"{name}: the {entrant.asked_for} passages fetched are of fewer than "
                f"{max(cutoffs)} documents for {counted(shallow, 'question')}; with more, "
                "measures at that depth would not be lower"
            )
    return notes
