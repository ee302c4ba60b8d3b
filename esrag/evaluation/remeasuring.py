"""A run of ``esrag evaluate`` read back, so that it is measured and reported without a cluster.

questions.jsonl + qrels.tsv ─► Judged
runs/ + scored/ ─► what each system found, what failed, how long it took
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import Any

from esrag.errors import UsageError
from esrag.evaluation import storage
from esrag.evaluation.judged_folder import Judged, counted, told
from esrag.evaluation.qrels import read_qrels
from esrag.evaluation.records import Scored, System
from esrag.evaluation.retrieval_measures import DEFAULT
from esrag.evaluation.retrieval_run import QRELS, Entrant, Gate, questions_of, scored_of
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.trec import read_run

NAME, SPLIT, MEASURES = "judged questions", "split", "measures"
"""Facts of run.json that are read back here."""
_PARTED = "; "
_GONE = "Give the command that made the run once more."


def facts_of(judged: Judged, measures: tuple[str, ...]) -> dict[str, str]:
    """What run.json says of the questions and the measures."""
    split = {SPLIT: judged.split} if judged.split else {}
    return {NAME: judged.name, **split, MEASURES: _PARTED.join(measures)}


def read_ranked(folder: RunFolder) -> storage.RunRecord:
    """run.json of a run that holds rankings; raises UsageError for one of ``esrag compare``."""
    record = storage.read_run(folder)
    if not storage.ranks_only(record):
        raise UsageError(
            f"{folder.path} is a run of esrag compare: it holds answers, to be judged again",
            hint=f"Judge and report it again: esrag compare --from {quote(str(folder.path))}",
        )
    if not record.systems:
        raise UsageError(
            f"{folder.path} holds no figures: no system was asked everything", hint=_GONE
        )
    return record


def kept_measures(record: storage.RunRecord) -> tuple[str, ...]:
    """The measures that the run was made with."""
    kept = record.facts.get(MEASURES, "")
    return tuple(kept.split(_PARTED)) if kept else DEFAULT


def kept_judged(folder: RunFolder, record: storage.RunRecord) -> Judged:
    """What was asked and judged; raises UsageError where that was not kept."""
    file = folder.path / QRELS
    if not file.is_file():
        raise UsageError(f"{folder.path} keeps no {QRELS}", hint=_GONE)
    qrels = read_qrels(file)
    questions = {each.id: each.text for each in storage.read_questions(folder) if each.text}
    name = record.facts.get(NAME, folder.name)
    return Judged(name, record.facts.get(SPLIT, ""), questions, qrels, notes=tuple(told(qrels)))


def kept_entrant(folder: RunFolder, system: System) -> Entrant:
    """What a system found; raises UsageError where that was not kept."""
    file = folder.trec(system.name)
    if not file.is_file():
        raise UsageError(f"{folder.path} keeps no ranking of {system.name}", hint=_GONE)
    replies = [each.reply for each in storage.read_scored(folder, system.name)]
    return Entrant(
        system,
        read_run(file),
        {each.question_id: each.error for each in replies if each.status == "failed"},
        {
            each.question_id: each.usage.seconds
            for each in replies
            if each.status != "failed" and each.usage.seconds
        },
    )


def gate_of(
    before: RunFolder,
    allowed: Mapping[str, float],
    judged: Judged,
    measures: Mapping[str, Any],
) -> Gate:
    """A gate of ``judged`` against an earlier run, on the questions that are the same in both.

    The earlier rankings are measured anew, so that the measures need not be those of that time.
    Raises UsageError when that run cannot be read, or holds answers in the place of rankings.
    """
    record = storage.read_run(before)
    if not storage.ranks_only(record):
        raise UsageError(
            f"{before.path} is a run of esrag compare: it holds answers, and no rankings",
            hint="--gate takes an earlier run of esrag evaluate.",
        )
    changed = _judged_otherwise(before, judged)
    scored = {
        each.name: tuple(
            one
            for one in _measured(before, record, each, measures)
            if one.reply.question_id not in changed
        )
        for each in record.systems
    }
    note = (
        f"gate: {counted(len(changed), 'question')} with another text or other judgements than in "
        f"{before.name}: not compared"
    )
    return Gate(scored, allowed, (note,) if changed else ())


def _measured(
    folder: RunFolder, record: storage.RunRecord, system: System, measures: Mapping[str, Any]
) -> tuple[Scored, ...]:
    """The metrics of a kept ranking; where an id kept it out of the folder, those of that time."""
    if not (folder.trec(system.name).is_file() and (folder.path / QRELS).is_file()):
        return storage.read_scored(folder, system.name)
    return scored_of(kept_entrant(folder, system), kept_judged(folder, record).qrels, measures)


def _judged_otherwise(before: RunFolder, judged: Judged) -> frozenset[str]:
    """The questions of both that ask something else now, or are judged in another way."""
    asked = {each.id: each for each in storage.read_questions(before)}
    now = {each.id: each for each in questions_of(judged)}
    file = before.path / QRELS
    grades = read_qrels(file) if file.is_file() else None
    changed = set()
    for name in asked.keys() & now.keys():
        one, other = asked[name], now[name]
        # judgements alone have no texts: then nobody can say that they differ
        texts = bool(one.text and other.text) and one.text != other.text
        alike = grades.get(name) == judged.qrels[name] if grades else one.answer == other.answer
        if texts or not alike:
            changed.add(name)
    return frozenset(changed)
