"""What each system took: its training runs, and the tokens and seconds of its replies.

    runs of a system ─► run.json of each ─► hours           replies ─► means and medians

What nobody measured is None, never 0.  What indexing and an update take, ``updating`` measures.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from esrag.adapters.registry import Registry
from esrag.costs.records import Costs
from esrag.costs.runs import RUN_FILE
from esrag.errors import EsragError, UsageError
from esrag.evaluation.answer_metrics import Prices, cost_of
from esrag.evaluation.records import Reply, Scored, System, SystemCost
from esrag.model_files.adapter_folders import WEIGHTS


def costs_of(
    systems: Sequence[System],
    scored: Mapping[str, Sequence[Scored]],
    *,
    data_dir: Path,
    prices: Prices | None = None,
) -> tuple[SystemCost, ...]:
    """The costs of each system; failed replies count for nothing here.

    A training run that is not in ``data_dir``, or measured nothing, is told in the note.
    """
    return tuple(
        _cost(
            system,
            [each.reply for each in scored.get(system.name, ()) if each.reply.status != "failed"],
            data_dir,
            prices,
        )
        for system in systems
    )


def _cost(
    system: System, replies: Sequence[Reply], data_dir: Path, prices: Prices | None
) -> SystemCost:
    runs: list[Costs] = []
    missing: list[str] = []
    for name in runs_of(system, data_dir):
        try:
            runs.append(costs_of_run(data_dir / "runs" / Path(name).name))
        except UsageError as error:
            missing.append(error.message)
    usages = [reply.usage for reply in replies]
    told = [usage for usage in usages if usage.prompt_tokens or usage.generated_tokens]
    return SystemCost(
        system.name,
        training_seconds=sum(run.wall_seconds for run in runs) if runs else None,
        gpu_hours=sum(run.gpu_hours for run in runs) if runs else None,
        prompt_tokens=_mean([usage.prompt_tokens for usage in told]),
        generated_tokens=_mean([usage.generated_tokens for usage in told]),
        answer_seconds=statistics.median(usage.seconds for usage in usages) if usages else None,
        money_per_thousand=_thousand(replies, prices),
        note="; ".join(missing),
    )


def runs_of(system: System, data_dir: Path) -> tuple[str, ...]:
    """The training runs of a system: those it names, else the one that its adapter came from.

    That is known by the weights: a run of the place it was registered from that made others, or
    none that is there, is left out.
    """
    if system.runs or not system.adapter:
        return system.runs
    try:
        adapter = Registry(data_dir / "adapters").find(system.adapter)
        source = Path(str(adapter.manifest.facts.get("source") or ""))
        name = source.parent.name if source.name == "adapter" else source.name
        found = json.loads((data_dir / "runs" / name / RUN_FILE).read_text(encoding="utf-8"))
    except (EsragError, OSError, ValueError, RecursionError):
        return ()
    made = found.get("sha256") if isinstance(found, dict) else None
    ours = isinstance(made, dict) and adapter.sha256 and made.get(WEIGHTS) == adapter.sha256
    return (name,) if ours else ()


def costs_of_run(folder: Path) -> Costs:
    """What a training run took, whatever it trained; raises UsageError when it does not say."""
    file = folder / RUN_FILE
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no run {folder.name}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    found = body.get("costs") if isinstance(body, dict) else None
    if not found:
        raise UsageError(f"the run {folder.name} has measured nothing yet")
    return Costs.from_json(found, where=str(file))


def _mean(values: Sequence[int]) -> float | None:
    return statistics.fmean(values) if values else None


def _thousand(replies: Sequence[Reply], prices: Prices | None) -> float | None:
    if prices is None or not replies:
        return None
    return 1000 * cost_of(replies, prices) / len(replies)
