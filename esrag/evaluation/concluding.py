"""From the kept replies of a run to verdicts, figures and the report; no server is asked.

    replies + evidence ─ scoring ─► scored ─ comparing ─► comparison.json ─► report

So a run can be judged and rendered again as often as wished, also by a later esrag.  An earlier
run that a gate compares with is judged anew too: a change of the judging is no change of a system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shlex import quote

from esrag.errors import UnsupportedError, UsageError
from esrag.evaluation import junit, report
from esrag.evaluation.answer_metrics import MEASURES, OF_ALL, Prices
from esrag.evaluation.comparing import compare
from esrag.evaluation.finding import finding_measures, run_of, with_finding
from esrag.evaluation.fingerprints import index_name, model_name, reply_key
from esrag.evaluation.gates import allowances, asked_alike, check_gates
from esrag.evaluation.judge import Judge, agreement, judged_pairs
from esrag.evaluation.judged_folder import counted
from esrag.evaluation.pool import build_pool
from esrag.evaluation.qrels import qrels_of_questions, write_qrels
from esrag.evaluation.records import (
    EvaluationRun,
    GateResult,
    Measure,
    Passage,
    Reply,
    Scored,
    System,
    SystemCost,
)
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.scoring import score
from esrag.evaluation.storage import (
    KeptEvidence,
    Outcome,
    RunRecord,
    ranks_only,
    read_evidence,
    read_outcome,
    read_questions,
    read_replies,
    read_run,
    systems_of,
    write_outcome,
    write_scored,
)
from esrag.evaluation.system_costs import costs_of
from esrag.evaluation.systems import SEARCHING
from esrag.evaluation.trec import write_run
from esrag.questions import KnownQuestion

Pair = tuple[str, str | None]
"""The rules' verdict on a span and the judge's, None where it abstains."""


@dataclass(frozen=True, slots=True)
class Gate:
    """An earlier run, and how much worse each measure may be than there."""

    before: RunFolder
    allowed: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Means:
    """What replies are judged with besides the rules: prices of tokens, and a second opinion.

    ``tell`` hears of which run how many questions of how many are judged; training runs lie in
    ``data_dir``.
    """

    data_dir: Path | None = None
    prices: Prices | None = None
    judge: Judge | None = None
    tell: Callable[[str, int, int], None] = lambda *_: None


@dataclass(frozen=True, slots=True)
class Judged:
    """A run's replies with verdicts and metrics, by system; and the evidence by question."""

    record: RunRecord
    questions: tuple[KnownQuestion, ...]
    scored: Mapping[str, tuple[Scored, ...]]
    pools: Mapping[str, tuple[Passage, ...]]
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def gate_from(before: RunFolder, texts: Sequence[str]) -> Gate:
    """The gate of ``--gate`` and ``--no-worse-than``, checked before anything is asked.

    Raises UsageError for an unknown measure, a wrong form, and a run that cannot be read or holds
    no replies.
    """
    measures, _ = all_measures()
    read_answered(before)
    if not texts:
        raise UsageError(
            "--gate wants to know which measure may be how much worse",
            hint="Add, for example: --no-worse-than right=0.05",
        )
    return Gate(before, allowances(texts, measures))


def read_answered(folder: RunFolder) -> RunRecord:
    """run.json of a run that holds replies; raises UsageError for one of ``esrag evaluate``."""
    record = read_run(folder)
    if ranks_only(record):
        raise UsageError(
            f"{folder.path} is a run of esrag evaluate: it holds rankings, and no answers",
            hint=f"Measure and report it again: esrag evaluate --from {quote(str(folder.path))}",
        )
    return record


def all_measures(systems: Sequence[System] = ()) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    """What is measured, and what is to be said of what is not.

    Systems that only find passages are compared by what they find: the first of its measures is
    primary, and of the measures of answers there is the time alone.
    """
    try:
        found = finding_measures()
    except UnsupportedError as error:
        return MEASURES, (f"Retrieval was not measured: {error.message}. {error.hint}",)
    if systems and all(system.kind == "retrieval" for system in systems):
        first, *others = found
        timed = (measure for measure in MEASURES if measure.name in OF_ALL)
        return (replace(first, primary=True), *others, *timed), ()
    return (*MEASURES, *found), ()


def judged_run(folder: RunFolder, means: Means) -> Judged:
    """Judge all replies of a run that are to what it asks now.

    Those of earlier settings, of another index or model stay in their file and do not count.
    """
    record = read_answered(folder)
    questions = read_questions(folder)
    replies, notes = _current(folder, record, questions)
    kept = read_evidence(folder)
    pools = _pools(kept, questions, replies)
    qrels = qrels_of_questions(questions)
    _, unmeasured = all_measures()
    scored, pairs = _all_scored(
        record, questions, replies, pools, means, partial(means.tell, folder.name)
    )
    for system in record.systems:
        if system.kind in SEARCHING and not unmeasured:
            own = scored[system.name]
            run = run_of(system.name, [each.reply for each in own])
            scored[system.name] = with_finding(own, run, qrels)
    facts = told_agreement(means.judge, pairs) if means.judge else {}
    silent = silent_judge(means.judge) if means.judge else ()
    notes = (*notes, *_unfetched(scored, kept), *unmeasured, *silent)
    return Judged(record, questions, scored, pools, facts, notes)


def conclude(
    folder: RunFolder,
    *,
    baseline: str | None = None,
    gate: Gate | None = None,
    means: Means | None = None,
) -> EvaluationRun:
    """Judge, compare and report the run in ``folder``, which the caller holds.

    ``baseline`` stands for the one the run was made with.  Raises UsageError, naming file and line,
    when what is kept is damaged.
    """
    means = means or Means()
    judged = judged_run(folder, means)
    record = judged.record
    measures, _ = all_measures(record.systems)
    before = read_outcome(folder)
    folder.leave_out(
        systems_of(before),
        scored=judged.scored,
        found=[system.name for system in record.systems if system.kind in SEARCHING],
    )
    for name, scored in judged.scored.items():
        write_scored(folder, name, scored)
    left_out = _write_runs(folder, judged)
    wanted = baseline or record.baseline
    comparisons = compare(judged.scored, baseline=wanted, measures=measures, seed=record.seed)
    gates = _gates(judged, gate, measures, means)
    costs = _costs(judged, means, before.costs)
    run = EvaluationRun(
        name=record.name,
        status=record.status,
        systems=record.systems,
        questions=judged.questions,
        scored=judged.scored,
        measures=measures,
        comparisons=comparisons,
        gates=gates,
        pools=judged.pools,
        facts={**_facts(record), **judged.facts},
        notes=(*record.notes, *judged.notes, *left_out, *_unmeasured_costs(costs)),
        started=record.started,
        finished=record.finished,
        costs=costs,
        updates=before.updates,
    )
    write_outcome(folder, Outcome(comparisons, gates, run.costs, run.updates))
    report.write(run, folder.path)
    junit.write(run, folder.path / "junit.xml")
    return run


def _pools(
    kept: Mapping[str, KeptEvidence],
    questions: Sequence[KnownQuestion],
    replies: Mapping[str, Sequence[Reply]],
) -> dict[str, tuple[Passage, ...]]:
    """The evidence of each question, the same for all systems."""
    given: dict[str, list[Reply]] = {question.id: [] for question in questions}
    for each in replies.values():
        for reply in each:
            if reply.question_id in given:
                given[reply.question_id].append(reply)
    pools = {}
    for question in questions:
        found = kept.get(question.id)
        pools[question.id] = build_pool(
            question,
            around=found.around if found else (),
            reference=found.reference if found else (),
            replies=given[question.id],
        )
    return pools


def _unfetched(
    scored: Mapping[str, Sequence[Scored]], kept: Mapping[str, KeptEvidence]
) -> tuple[str, ...]:
    """That replies are judged by less than those of a whole run are, where that is so.

    The evidence is fetched once all systems were asked: who stops the asking has none of it.
    """
    judged = {
        each.reply.question_id
        for own in scored.values()
        for each in own
        if any(span.kind not in ("refusal", "unjudged") for span in each.spans)
    }
    without = len(judged - kept.keys())
    if not without:
        return ()
    return (
        f"The asking ended before the evidence of {counted(without, 'question')} was fetched: "
        "replies to them are judged by what the questions quote and the systems were given alone, "
        "so more of what they say may stand as unsupported than in a whole run",
    )


def _current(
    folder: RunFolder, record: RunRecord, questions: Sequence[KnownQuestion]
) -> tuple[dict[str, tuple[Reply, ...]], tuple[str, ...]]:
    """The replies to what the run asks now, and a word on those that are not."""
    found: dict[str, tuple[Reply, ...]] = {}
    notes = []
    for system in record.systems:
        keys = {
            question.id: reply_key(
                question,
                system,
                record.settings.get(system.name, {}),
                model=record.fingerprints.get(model_name(system), ""),
                index=record.fingerprints.get(index_name(system), ""),
            )
            for question in questions
        }
        kept = read_replies(folder, system.name)
        found[system.name] = tuple(
            each.reply for each in kept if keys.get(each.reply.question_id) == each.key
        )
        asked = sum(each.reply.question_id in keys for each in kept)
        old = asked - len(found[system.name])
        if old:
            notes.append(f"{old} replies of {system.name} are to something else and do not count")
    return found, tuple(notes)


def _all_scored(
    record: RunRecord,
    questions: Sequence[KnownQuestion],
    replies: Mapping[str, Sequence[Reply]],
    pools: Mapping[str, Sequence[Passage]],
    means: Means,
    tell: Callable[[int, int], None],
) -> tuple[dict[str, tuple[Scored, ...]], list[Pair]]:
    """Verdicts and metrics, in the order of the questions; what was not asked is not there.

    Question by question, since the evidence of one is read once for all systems.  The pairs are
    verdicts of the rules beside those of the judge.
    """
    by_id = {name: {each.question_id: each for each in own} for name, own in replies.items()}
    scored: dict[str, list[Scored]] = {system.name: [] for system in record.systems}
    pairs: list[Pair] = []
    for number, question in enumerate(questions):
        tell(number, len(questions))
        pool = pools[question.id]
        for system in record.systems:
            reply = by_id[system.name].get(question.id)
            if reply is None:
                continue
            found = score(question, reply, pool, kind=system.kind, prices=means.prices)
            if means.judge is not None:
                pairs += judged_pairs(means.judge, question, found, pool)
                found = score(
                    question,
                    reply,
                    pool,
                    kind=system.kind,
                    judge=means.judge,
                    prices=means.prices,
                )
            scored[system.name].append(found)
    tell(len(questions), len(questions))
    return {name: tuple(own) for name, own in scored.items()}, pairs


def told_agreement(judge: Judge, pairs: Sequence[Pair]) -> dict[str, str]:
    """How far judge and rules agree, in words, for the report."""
    found = agreement(pairs)
    share = f"{found.observed:.2f}" if found.observed is not None else "-"
    kappa = f"{found.kappa:.2f}" if found.kappa is not None else "says nothing here"
    table = "; ".join(
        f"rules {one}, judge {two}: {count}" for (one, two), count in found.confusion.items()
    )
    told = {
        "agreement of judge and rules": (
            f"{share} of {found.pairs} spans alike, Cohen's kappa {kappa}; the judge abstained "
            f"from {found.abstained}"
        ),
        "verdicts of rules and judge": table or "none",
    }
    if judge.last_error:
        told["last failure of the judge"] = judge.last_error
    return told


def silent_judge(judge: Judge) -> tuple[str, ...]:
    """That the judge was not to be reached, or said something else, and how often."""
    if not judge.last_error:
        return ()
    return (
        f"the judge abstained from {judge.abstained:,} of {judge.asked:,} questions, where the "
        f"rules stand; its last failure: {judge.last_error}",
    )


def _write_runs(folder: RunFolder, judged: Judged) -> tuple[str, ...]:
    """What was found, for other programs; ids that a line cannot hold leave a file out: told."""
    qrels = qrels_of_questions(judged.questions)
    writing: dict[Path, Callable[[Path], None]] = {
        folder.path / "qrels.tsv": lambda file: write_qrels(file, qrels)
    }
    for system in judged.record.systems:
        if system.kind in SEARCHING:
            run = run_of(system.name, [each.reply for each in judged.scored[system.name]])
            writing[folder.trec(system.name)] = partial(write_run, run=run)
    left_out = []
    for file, write in writing.items():
        try:
            write(file)
        except UsageError as error:
            file.unlink(missing_ok=True)  # that of an earlier call
            left_out.append(f"{file.name} was not written: {error.message}")
    return tuple(left_out)


def _gates(
    judged: Judged, gate: Gate | None, measures: Sequence[Measure], means: Means
) -> tuple[GateResult, ...]:
    if gate is None:
        return ()
    before = judged_run(gate.before, means)
    earlier = asked_alike(before.scored, judged.questions, before.questions)
    return check_gates(
        judged.scored, earlier, gate.allowed, measures=measures, seed=judged.record.seed
    )


def _costs(judged: Judged, means: Means, before: Sequence[SystemCost]) -> tuple[SystemCost, ...]:
    """What the systems took; what the update experiment measured, if it was made, stays."""
    if means.data_dir is None:
        return tuple(before)
    updates = {each.system: each for each in before}
    took = judged.record.index_seconds
    found = costs_of(
        judged.record.systems, judged.scored, data_dir=means.data_dir, prices=means.prices
    )
    return tuple(
        replace(
            each,
            index_seconds=took.get(each.system),
            update_seconds=known.update_seconds,
            update_how=known.update_how,
        )
        for each in found
        for known in [updates.get(each.system, SystemCost(each.system))]
    )


def _unmeasured_costs(costs: Sequence[SystemCost]) -> tuple[str, ...]:
    """What the cost table lacks, such as a training run that is not there."""
    return tuple(f"costs of {each.system}: {each.note}" for each in costs if each.note)


def _facts(record: RunRecord) -> dict[str, str]:
    """Where the run comes from, in words."""
    return {
        **record.facts,
        **record.fingerprints,
        "asked": f"{record.started} to {record.finished or 'now'}",
        "seed of the statistics": str(record.seed),
    }
