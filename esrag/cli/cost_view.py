"""How costs look on a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from esrag.cli.printable import printable
from esrag.cli.size import duration

if TYPE_CHECKING:
    from esrag.costs.comparison import Corpus, Plan, Way
    from esrag.costs.estimates import Estimate
    from esrag.costs.gpus import Gpu
    from esrag.costs.published import Check, Throughput
    from esrag.costs.runs import MeasuredRun
    from esrag.costs.shapes import ModelShape
    from esrag.costs.work import TrainingWork

_GIB = 2**30
_WIDEST = 96


def show_run(run: MeasuredRun) -> None:
    """One run: what it took, and how well the device was used."""
    costs = run.costs
    rows = {
        "run": f"{run.name} ({run.status})" if run.status else run.name,
        "device": f"{costs.devices} × {costs.device}" if costs.devices > 1 else costs.device,
        "time": f"{hours(costs.wall_seconds / 3600)}, of it {hours(run.step_seconds / 3600)} in "
        "training steps",
        "processor": hours(costs.cpu_seconds / 3600),
    }
    if costs.gpu_seconds:
        rows["GPU hours"] = f"{costs.gpu_hours:.3g}"
    rows["trained"] = f"{costs.tokens_trained:,} tokens, {run.tokens_a_second:,.0f} a second"
    if costs.tokens_generated:
        rows["teacher"] = (
            f"{costs.tokens_prompted:,} tokens read, {costs.tokens_generated:,} written"
        )
    rows["memory"] = gib(costs.peak_memory)
    if costs.peak_gpu_memory:
        rows["GPU memory"] = gib(costs.peak_gpu_memory)
    rows["FLOPs"] = f"{run.work.model_flops:.3g}, {run.flops_a_second / 1e9:,.1f} G a second"
    if run.utilisation:
        rows["utilisation"] = f"{run.utilisation:.1%} of the peak"
    _show(rows)


def show_estimate(
    work: TrainingWork, gpu: Gpu, found: Estimate, *, gpus: int, price: float
) -> None:
    """One estimate with its range, and what memory it wants."""
    shape, memory = work.shape, found.memory
    rows = {
        "model": f"{shape.name}, {_amount(shape.parameters)} parameters, {work.method}",
        "work": f"{work.tokens:,} tokens, {found.flops:.3g} FLOPs",
        "utilisation": f"{found.utilisation:.0%} of {gpu.peak / 1e12:,.0f} TFLOP/s ({gpu.name})",
        "GPU hours": f"{found.gpu_hours:.3g} "
        f"(between {found.gpu_hours_low:.3g} and {found.gpu_hours_high:.3g})",
        "time": f"{hours(found.seconds / 3600)} on {gpus}",
        "memory": f"{gib(memory.total)} of {gib(gpu.memory)}: weights {gib(memory.weights)}, "
        f"gradients and optimizer {gib(memory.gradients + memory.optimizer)}, "
        f"activations {gib(memory.activations + memory.logits)}",
    }
    if found.gpus_needed == 0:
        rows["fits"] = "no: less in --batch-tokens, or --gradient-checkpointing"
        if memory.weights > gpu.memory:
            rows["fits"] += "; and its weights alone are more than one holds"
    elif found.gpus_needed > 1:
        rows["fits"] = (
            f"not on one: its states would have to be spread over {found.gpus_needed}, which esrag"
            " finetune does not do; a smaller method or model"
        )
    if price:
        rows["money"] = f"{found.money:,.2f} at {price:g} an hour"
    _show(rows)


def show_published(checks: Sequence[Check], measured: Sequence[Throughput]) -> None:
    """The published runs, then the utilisations that others measured."""
    click.secho(f"{'run':<24}{'published':>10}{'estimate':>10}{'factor':>8}  right at", bold=True)
    for check in checks:
        click.echo(
            f"{check.run.name:<24}{check.run.gpu_hours:>8.0f} h{check.gpu_hours:>8.1f} h"
            f"{check.factor:>8.2f}  {check.utilisation:.0%} utilisation"
        )
        for line in check.run.assumed:
            click.echo(
                textwrap.fill(
                    f"assumed: {line}", _width(), initial_indent="  ", subsequent_indent="    "
                )
            )
    click.echo()
    click.secho(f"{'measured by others':<24}{'method':>8}{'tokens/s':>10}  utilisation", bold=True)
    for row in measured:
        where = f"{row.gpus} × {row.gpu}"
        click.echo(
            f"{row.work.shape.name + ', ' + where:<28}{row.work.method:>4}"
            f"{row.tokens_a_second:>10,.0f}  {row.utilisation:.0%}"
        )


def show_comparison(ways: Sequence[Way], corpus: Corpus, shape: ModelShape, plan: Plan) -> None:
    """The ways one below the other, as the four have little in common but their questions."""
    from esrag.costs.comparison import thousand_questions_hours

    head = (
        f"{corpus.documents:,} documents, {corpus.chunks:,} chunks, some "
        f"{corpus.tokens(plan.characters_a_token):,} tokens; {shape.name} on {plan.gpu.name} at "
        f"{plan.utilisation:.0%} of its peak.  "
        "Loading a model, evaluating it and writing it are not counted."
    )
    click.echo(textwrap.fill(head, _width()))
    for way in ways:
        unit = "of embedding" if way.name == "retrieval" else "on one GPU"
        click.echo()
        click.secho(way.name, bold=True)
        rows = {
            "training time": f"{hours(way.hours)} {unit}"
            + (f", {way.tokens:,} tokens" if way.tokens else ""),
            "an update": f"{hours(way.update_hours)} (1 document in 100 changed)",
            "customises": way.customises,
            "objective": way.objective,
            "expertise": way.expertise,
        }
        if way.question_flops:
            rows["1,000 questions"] = f"{hours(thousand_questions_hours(way, plan))} more of a GPU"
        if plan.price:
            rows["money"] = f"{_money(way.money)}, an update {_money(way.update_money)}"
        rows["note"] = way.notes
        _show(rows)


def _show(rows: dict[str, str]) -> None:
    for name, words in rows.items():
        words = printable(words)  # device and status are what a run's file says
        click.echo(textwrap.fill(f"{name:<16} {words}", _width(), subsequent_indent=" " * 17))


def _width() -> int:
    """Columns of the terminal, and no more than read well; of a pipe as many as read well."""
    return min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)


def _money(amount: float) -> str:
    return "less than 0.01" if 0 < amount < 0.01 else f"{amount:,.2f}"


def hours(number: float) -> str:
    """Hours as a person says them, down to seconds and up to years."""
    if number * 3600 < 100:
        seconds = f"{number * 3600:.2g}"
        return f"{seconds} second{'' if seconds == '1' else 's'}"
    if number > 2 * 365 * 24:
        return f"{number / 365 / 24:,.0f} years"
    return duration(number)


def _amount(number: int) -> str:
    """Parameters as a person says them."""
    for size, name in ((10**9, " billion"), (10**6, " million")):
        if number >= size:
            return f"{number / size:.3g}{name}"
    return f"{number:,}"


def gib(number: float) -> str:
    """Bytes in GiB."""
    return f"{number / _GIB:,.1f} GiB" if number < 100 * _GIB else f"{number / _GIB:,.0f} GiB"
