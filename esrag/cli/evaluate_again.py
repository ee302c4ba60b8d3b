"""``esrag evaluate --from RUN``: measures and reports a run again; nothing is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from esrag.errors import UsageError
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.cli.evaluate_run import Wanted
    from esrag.evaluation.retrieval_run import Result

_OF_ASKING = ("retrievers", "runs", "split", "ingest", "name", "out", "set_name")
_FLAGS = {"retrievers": "retriever", "runs": "run", "set_name": "set"}


def measure_again(settings: Settings, wanted: Wanted, from_run: str) -> tuple[Result, Path]:
    """The figures of a run that is there, by other measures if such are wanted, and its folder.

    Raises UsageError for options that only asking has a use for, and for a run that holds answers.
    """
    from esrag.cli.evaluate_run import gate_in, require_names
    from esrag.evaluation.remeasuring import (
        facts_of,
        kept_entrant,
        kept_judged,
        kept_measures,
        read_ranked,
    )
    from esrag.evaluation.retrieval_measures import parse_measures
    from esrag.evaluation.retrieval_run import evaluate, keep
    from esrag.evaluation.run_folder import RunFolder

    if wanted.source is not None:
        raise UsageError("--from asks nothing, so SOURCE has no meaning with it")
    for name in _OF_ASKING:
        if getattr(wanted, name):
            flag = _FLAGS.get(name, name)
            raise UsageError(f"--from asks nothing, so --{flag} has no meaning with it")
    folder = RunFolder.found(from_run, data_dir=settings.data_dir)
    measures = parse_measures(wanted.measures or kept_measures(read_ranked(folder)))
    with folder.held():
        record = read_ranked(folder)
        judged = kept_judged(folder, record)
        gate = gate_in(settings, wanted, folder, measures, judged)
        require_names([each.name for each in record.systems], wanted.baseline)
        record = replace(
            record,
            baseline=wanted.baseline or record.baseline,
            seed=record.seed if wanted.seed is None else wanted.seed,
            facts={**record.facts, **facts_of(judged, tuple(measures))},
        )
        entrants = [kept_entrant(folder, each) for each in record.systems]
        result = evaluate(
            judged, entrants, measures, baseline=record.baseline, gate=gate, seed=record.seed
        )
        notes = tuple(dict.fromkeys([*record.notes, *result.notes]))
        left_out = keep(folder, result, entrants, replace(record, notes=notes))
        return replace(result, notes=(*notes, *left_out)), folder.path
