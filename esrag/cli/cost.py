"""``esrag cost``: what runs have cost, what others would, and which way is worth it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connection_flags, settings_from
from esrag.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from esrag.costs.comparison import Corpus
    from esrag.costs.runs import MeasuredRun
    from esrag.costs.work import TrainingWork

_METHODS = click.Choice(["full", "lora", "dora", "qlora", "prompt"])
_SHARE = click.FloatRange(0, 1, min_open=True)
_LENGTH, _LORA_RANK = 512, 16


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A whole number, also written as 2e6 or 2,000,000."""
    del ctx, param
    if value is None:
        return None
    try:
        number = float(value.replace(",", "").replace("_", ""))
    except ValueError:
        number = 0.0
    if not 1 <= number <= 1e16:
        raise click.BadParameter(f"{value!r} is no number from 1 to 1e16")
    return round(number)


@click.group()
def cost() -> None:
    """Say what teaching a model has cost, would cost elsewhere, and how the ways compare.

    Formulas, sources and how far off they are: docs/costs.md.
    """


@cost.command("run", short_help="Show what runs have cost.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
def cost_run(*, runs: tuple[str, ...], as_json: bool) -> None:
    """Show what runs have cost: time, tokens, memory, FLOPs and utilisation.

    RUN is the name of a run or its folder.
    """
    found = [_read(name) for name in runs]
    if as_json:
        click.echo(json.dumps([_run_record(run) for run in found], indent=2))
        return
    from esrag.cli.cost_view import show_run

    for run in found:
        show_run(run)


@cost.command(short_help="Estimate hours, memory and money of a training run.")
@click.option("--model", help="Name such as llama-3-8b, or a model's folder; else the run's.")
@click.option("--method", type=_METHODS, help="What is trained; else the run's, or lora.")
@click.option("--gpu", default="a100-80gb", show_default=True, help="Such as h100, a100-80gb, l4.")
@click.option(
    "--gpus", type=click.IntRange(1, 4096), default=1, show_default=True, help="How many of them."
)
@click.option(
    "--tokens", callback=_number, metavar="NUMBER", help="Tokens of one pass, such as 5e6."
)
@click.option(
    "--epochs", type=click.IntRange(1), default=1, show_default=True, help="Passes over --tokens."
)
@click.option(
    "--length", type=click.IntRange(1), help="Tokens of an example; else the run's, or 512."
)
@click.option("--lora-rank", type=click.IntRange(1), help="LoRA rank; else the run's, or 16.")
@click.option(
    "--answer-share",
    type=_SHARE,
    help="Share of the tokens whose output is computed; else the run's, or 1.",
)
@click.option(
    "--gradient-checkpointing/--no-gradient-checkpointing",
    default=None,
    help="Compute activations twice to save memory; else as the run, or not.",
)
@click.option(
    "--batch-tokens",
    type=click.IntRange(1),
    default=4096,
    show_default=True,
    help="Tokens that one GPU has at a time; decides its memory.",
)
@click.option("--utilisation", type=_SHARE, help="Share of the GPU's peak that is reached.")
@click.option("--like", metavar="RUN", help="Take utilisation, and what is not given, of a run.")
@click.option("--gpu-hour-price", type=click.FloatRange(0), help="Price of a GPU hour.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
def estimate(*, as_json: bool, gpu_hour_price: float | None, **given: Any) -> None:
    """Estimate hours, memory and money of a training run on some GPU."""
    from esrag.cli.cost_view import hours, show_estimate
    from esrag.costs.comparison import hours_at
    from esrag.costs.estimates import UTILISATION
    from esrag.costs.estimates import estimate as estimated
    from esrag.costs.gpus import gpu_named

    like = _read(given["like"]) if given["like"] else None
    work, gpu = _work_from(given, like), gpu_named(given["gpu"])
    measured = like.utilisation if like else 0.0
    price = _price(gpu_hour_price)
    found = estimated(
        work,
        gpu,
        gpus=given["gpus"],
        utilisation=given["utilisation"] or measured or UTILISATION,
        batch_tokens=given["batch_tokens"],
        price=price,
    )
    here = hours_at(work, like.flops_a_second) if like and like.flops_a_second else 0.0
    if as_json:
        body = {
            "model": work.shape.name,
            "parameters": work.shape.parameters,
            "gpu": gpu.name,
            "gpus": given["gpus"],
            **work.to_json(),
            **asdict(found),
            "memory_total": found.memory.total,
            "measured": bool(measured and not given["utilisation"]),
            "hours_on_the_run_s_device": here,
        }
        click.echo(json.dumps(body, indent=2))
        return
    show_estimate(work, gpu, found, gpus=given["gpus"], price=price)
    if like and here:
        click.echo(f"{'as the run':<16} {hours(here)} on {like.costs.device or 'its device'}")


@cost.command(short_help="Set published runs beside their estimates.")
@click.option("--utilisation", type=_SHARE, help="Share of the peak to estimate with.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
def published(*, utilisation: float | None, as_json: bool) -> None:
    """Set published runs beside their estimates: how far off is the formula?"""
    from esrag.cli.cost_view import show_published
    from esrag.costs.estimates import UTILISATION
    from esrag.costs.published import THROUGHPUTS, check_runs

    checks = check_runs(utilisation or UTILISATION)
    if as_json:
        rows = [
            {
                "run": check.run.name,
                "data": check.run.data,
                "model": check.run.work.shape.name,
                "method": check.run.work.method,
                "tokens": check.run.work.tokens,
                "gpu": check.run.gpu,
                "gpu_hours": check.run.gpu_hours,
                "estimated_gpu_hours": check.gpu_hours,
                "factor": check.factor,
                "utilisation": check.utilisation,
                "source": check.run.source,
                "assumed": check.run.assumed,
            }
            for check in checks
        ]
        measured = [
            {
                "gpu": row.gpu,
                "gpus": row.gpus,
                "model": row.work.shape.name,
                "method": row.work.method,
                "tokens_a_second": row.tokens_a_second,
                "utilisation": row.utilisation,
                "source": row.source,
            }
            for row in THROUGHPUTS
        ]
        click.echo(json.dumps({"runs": rows, "throughputs": measured}, indent=2))
        return
    show_published(checks, THROUGHPUTS)


@cost.command(short_help="Compare pre-training, fine-tuning and retrieval.")
@connection_flags
@click.option("--model", help="Model to teach; else the setting training.base_model.")
@click.option("--gpu", default="a100-80gb", show_default=True, help="Such as h100, a100-80gb, l4.")
@click.option("--utilisation", type=_SHARE, help="Share of the GPU's peak that is reached.")
@click.option("--like", metavar="RUN", help="Take the utilisation of a run.")
@click.option("--gpu-hour-price", type=click.FloatRange(0), help="Price of a GPU hour.")
@click.option(
    "--documents",
    callback=_number,
    metavar="NUMBER",
    help="Instead of the index's; with --chunks and without this: one for each chunk.",
)
@click.option("--chunks", callback=_number, metavar="NUMBER", help="Instead of the index's.")
@click.option("--characters", callback=_number, metavar="NUMBER", help="Of all chunks together.")
@click.option("--examples", callback=_number, metavar="NUMBER", help="Else one for each chunk.")
@click.option(
    "--example-tokens",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="Tokens of an example.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How often every example is seen.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.001),
    default=60.0,
    show_default=True,
    help="Chunks a second that are embedded, as esrag ingest shows it.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
def compare(
    *,
    as_json: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
    gpu_hour_price: float | None,
    **given: Any,
) -> None:
    """Compare pre-training, fine-tuning and retrieval for this corpus.

    Counts what the index holds; with --chunks it needs no cluster.
    """
    from esrag.cli.cost_view import show_comparison
    from esrag.costs.comparison import Plan, thousand_questions_hours
    from esrag.costs.comparison import compare as compared
    from esrag.costs.estimates import UTILISATION
    from esrag.costs.gpus import gpu_named
    from esrag.costs.shapes import shape_of

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    like = _read(given["like"]) if given["like"] else None
    plan = Plan(
        gpu=gpu_named(given["gpu"]),
        utilisation=given["utilisation"] or (like.utilisation if like else 0.0) or UTILISATION,
        price=_price(gpu_hour_price),
        examples=given["examples"] or 0,
        example_tokens=given["example_tokens"],
        epochs=given["epochs"],
        embedding_rate=given["rate"],
    )
    shape = shape_of(given["model"] or settings.training.base_model)
    corpus = _corpus(given, elasticsearch_url=elasticsearch_url, set_name=set_name)
    ways = compared(corpus, shape, plan)
    if as_json:
        rows = [
            {**asdict(way), "thousand_questions_gpu_hours": thousand_questions_hours(way, plan)}
            for way in ways
        ]
        body = {
            **asdict(corpus),
            "model": shape.name,
            "gpu": plan.gpu.name,
            "utilisation": plan.utilisation,
            "price": plan.price,
            "ways": rows,
        }
        click.echo(json.dumps(body, indent=2))
        return
    show_comparison(ways, corpus, shape, plan)


def _corpus(given: dict[str, Any], **place: str | None) -> Corpus:
    """What is given by flags, the rest from the index."""
    from esrag.costs.comparison import Corpus

    chunks = given["chunks"]
    if chunks:
        return Corpus(given["documents"] or chunks, chunks, given["characters"] or 600 * chunks)
    from esrag.cli.connection import connect_with
    from esrag.cluster.extent import extent_of
    from esrag.names import Names

    settings = settings_from(**place)
    alias = Names(settings.index.set).alias
    try:
        with connect_with(settings) as client:
            found = extent_of(client, alias)
    except UnavailableError as error:
        raise UnavailableError(
            error.message, hint=f"{error.hint}\nOr say how much it is: --chunks 3000"
        ) from error
    if not found.chunks:
        raise UsageError(
            f"{alias} holds nothing to count", hint="Index documents, or give --chunks."
        )
    return Corpus(
        given["documents"] or found.documents,
        found.chunks,
        given["characters"] or found.characters or 600 * found.chunks,
    )


def _work_from(given: dict[str, Any], like: MeasuredRun | None) -> TrainingWork:
    """The work that the flags describe; what they leave open is that of the run ``like``."""
    from esrag.costs.shapes import shape_of
    from esrag.costs.work import TrainingWork

    run = like.work if like else None
    if given["model"] or run is None:
        shape = shape_of(given["model"] or settings_from().training.base_model)
    else:
        shape = run.shape
    if not given["tokens"] and run is None:
        raise UsageError(
            "it is not said how much is trained",
            hint="Give the tokens of one pass with --tokens, or a run with --like.",
        )

    def chosen(flag: str, of_run: Any, otherwise: Any) -> Any:
        if given[flag] is not None:
            return given[flag]
        return otherwise if run is None else of_run

    method = chosen("method", run and run.method, "lora")
    # the same adapter on the same model: its size and its layers are known
    same = run if run and run.shape == shape and run.method == method else None
    if same and given["lora_rank"] is None:
        trainable = same.trainable
    elif method in ("full", "prompt"):
        trainable = 0
    else:
        trainable = shape.lora_parameters(given["lora_rank"] or _LORA_RANK)
    return TrainingWork(
        shape,
        method,
        given["tokens"] * given["epochs"] if given["tokens"] else run.tokens if run else 0,
        length=chosen("length", run and run.length, _LENGTH),
        loss_share=chosen("answer_share", run and run.loss_share, 1.0),
        trainable=trainable,
        trained_layers=same.trained_layers if same else 0,
        checkpointing=chosen("gradient_checkpointing", run and run.checkpointing, False),
    )


def _read(name: str) -> MeasuredRun:
    """A run by its folder, or by its name among those of the data folder."""
    from esrag.costs.runs import read_run

    folder = Path(name)
    if not folder.is_dir():
        folder = settings_from().data_dir / "runs" / name
    if not folder.is_dir():
        raise UsageError(
            f"there is no run {name!r}", hint=f"Runs are folders in {folder.parent}, by name."
        )
    return read_run(folder)


def _run_record(run: MeasuredRun) -> dict[str, Any]:
    return {
        "run": run.name,
        "status": run.status,
        "costs": run.costs.to_json(),
        "work": run.work.to_json(),
        "step_seconds": run.step_seconds,
        "flops": run.work.model_flops,
        "flops_a_second": run.flops_a_second,
        "tokens_a_second": run.tokens_a_second,
        "utilisation": run.utilisation,
    }


def _price(given: float | None) -> float:
    return settings_from().training.gpu_hour_price if given is None else given
