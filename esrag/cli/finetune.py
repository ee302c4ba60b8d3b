"""``esrag finetune``: teach a model what a data set says, in a run that can go on after a break."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from esrag.cli.training_view import Progress, duration, shown_plan
from esrag.errors import UnsupportedError, UsageError
from esrag.run_names import require_run_name
from esrag.settings import Settings, load_settings
from esrag.training.recipe import Dtype, Method, Recipe, Schedule, StopOn
from esrag.training.run_folder import RunFolder

if TYPE_CHECKING:
    from esrag.training.finetuning import Base, DataSet, Outcome, Plan

_DEFAULT = Recipe()
_SHORT = 8


def _recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each field of a recipe; what is not given is left to the recipe."""
    for option in reversed(
        (
            _choice("--method", Method, "What is trained; lora suits most cases."),
            _number("--lora-rank", int, "LoRA rank."),
            _number("--lora-alpha", int, "LoRA's alpha; the update is scaled by alpha / rank."),
            _number("--lora-dropout", float, "Dropout before LoRA's matrices."),
            click.option(
                "--target-modules",
                metavar="NAME,…",
                help="Linear layers to adapt, such as q_proj,v_proj; all but the head by default.",
            ),
            _number("--last-layers", int, "Adapt only so many layers, from the last; 0: all."),
            _number("--virtual-tokens", int, "Length of a learnt prompt (method prompt)."),
            _number("--epochs", float, "How often every example is seen."),
            _number("--max-steps", int, "Steps in all, whatever --epochs says; 0: by epochs."),
            _number("--batch", int, "Examples of one step."),
            _number("--max-tokens", int, "Longest example; longer ones are left out and counted."),
            _number("--pack-tokens", int, "Tokens of one pass through the model."),
            click.option(
                "--packing/--no-packing",
                default=None,
                help="Let short examples share a pass; the numbers are the same.",
            ),
            _number("--learning-rate", float, "Highest learning rate; 0: the method's usual one."),
            _choice("--schedule", Schedule, "How the learning rate falls."),
            _number("--warmup", float, "Share of the steps in which it rises."),
            _number("--weight-decay", float, "AdamW's weight decay."),
            _number("--clip", float, "Greatest norm of the gradient."),
            _choice(
                "--dtype", Dtype, "Type of the frozen weights; auto: bfloat16 where it is fast."
            ),
            click.option(
                "--gradient-checkpointing/--no-gradient-checkpointing",
                default=None,
                help="Compute activations twice to save memory.",
            ),
            _number("--evaluate-every", int, "Steps between evaluations; 0: at most ten a run."),
            _number("--checkpoint-every", int, "Steps between checkpoints; 0: ten a run."),
            _number("--patience", int, "Stop after so many evaluations without a better one."),
            _choice("--stop-on", StopOn, "What makes an evaluation better."),
            _number(
                "--grounded-examples", int, "Held-out grounded examples answered at evaluations."
            ),
        )
    ):
        command = option(command)
    return command


def _choice(flag: str, kind: Any, text: str) -> Callable[..., Any]:
    default = getattr(_DEFAULT, _field(flag))
    return click.option(flag, type=click.Choice(get_args(kind)), help=f"{text} [{default}]")


def _number(flag: str, kind: type, text: str) -> Callable[..., Any]:
    default = getattr(_DEFAULT, _field(flag))
    return click.option(flag, type=kind, metavar="NUMBER", help=f"{text} [{default:g}]")


def _field(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


@click.command()
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option("--name", help="Name of the run; by default made of data set and recipe.")
@click.option("--base", metavar="MODEL", help="Base model: packaged, a folder, or a hub id.")
@click.option("--seed", type=int, metavar="NUMBER", help="Seed of order and initial weights.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="What trains.")
@click.option("--threads", type=int, metavar="NUMBER", help="CPU threads; 0 chooses.")
@click.option("--resume", metavar="NAME", help="Go on with this run, as it was begun.")
@click.option("--dry-run", is_flag=True, help="Show steps and memory; train nothing.")
@click.option("--anyway", is_flag=True, help="Train although memory will hardly do.")
@click.option("--tensorboard", is_flag=True, help="Write the curves for TensorBoard as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@_recipe_options
def finetune(
    data: Path | None,
    *,
    name: str | None,
    base: str | None,
    seed: int | None,
    device: str | None,
    threads: int | None,
    resume: str | None,
    dry_run: bool,
    anyway: bool,
    tensorboard: bool,
    as_json: bool,
    target_modules: str | None,
    **recipe: Any,
) -> None:
    """Fine-tune a base model on DATA: a data set's name, its folder, or a JSONL file.

    The run is kept in DATA_DIR/runs/NAME: checkpoints, curves, costs, and the adapter when it is
    complete.  The same command again goes on where a run was broken off.
    """
    settings = load_settings(
        training=_given(base_model=base, seed=seed, device=device, threads=threads)
    )
    changes = _given(**recipe)
    if target_modules is not None:
        changes["target_modules"] = tuple(part for part in target_modules.split(",") if part)
    if resume:
        if data is not None or name or base or seed is not None or changes:
            raise UsageError(
                "--resume takes data, base model and recipe from the run",
                hint=f"Give it alone: esrag finetune --resume {resume}",
            )
        folder, place, base, made = _begun(resume, settings)
    elif data is None:
        raise UsageError(
            "no data set is named", hint="esrag dataset list shows them; or a run: --resume NAME"
        )
    else:
        place, base = _place(data, settings), settings.training.base_model
        made = Recipe(**{"seed": settings.training.seed, **changes})
        folder = None
    if name:
        require_run_name(name)  # before examples are encoded, which takes its time
    require_libraries()
    plan = planned(data_set(place), base_of(base, settings), made, settings)
    folder = folder or RunFolder.named(name or _name(place, plan), data_dir=settings.data_dir)
    speaks = _speaks(plan)
    if speaks:
        shown_plan(plan, folder.name)
    if dry_run:
        if as_json:
            click.echo(json.dumps(_as_planned(plan, folder), indent=2))
        return
    outcome = carried_out(plan, folder, anyway=anyway, tensorboard=tensorboard)
    if speaks:
        _show(outcome, as_json=as_json)


def planned(data: DataSet, base: Base, recipe: Recipe, settings: Settings) -> Plan:
    """What a run would do, on the device and with the threads of the settings.

    Raises UnsupportedError when the extra that training needs is not installed.
    """
    require_libraries()
    import torch

    from esrag.training.finetuning import plan

    if settings.training.threads:
        torch.set_num_threads(settings.training.threads)
    return plan(base, data, recipe, device=settings.training.device)


def _speaks(planned: Plan) -> bool:
    """Whether this is the one of several processes that tells of the run."""
    from esrag.training.company import company
    from esrag.training.loading import device_of

    return bool(company(device_of(planned.device)).is_main_process)


def carried_out(
    plan: Plan, folder: RunFolder, *, anyway: bool = False, tensorboard: bool = False
) -> Outcome:
    """Train as planned; a signal ends it after the step that is under way, with a checkpoint."""
    from esrag.cli.stopping import stopping_at_safe_points
    from esrag.training.finetuning import finetune as train

    with (
        Progress(folder, tensorboard=tensorboard) as progress,
        _resumable(folder),
        stopping_at_safe_points("this step and its checkpoint") as safe_point,
    ):
        return train(plan, folder, anyway=anyway, safe_point=safe_point, tell=progress.tell)


@contextmanager
def _resumable(folder: RunFolder) -> Iterator[None]:
    """Tell whoever stops a run how it goes on."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception):
            click.echo(f"To go on: esrag finetune --resume {folder.name}", err=True)
        raise


def _place(data: Path, settings: Settings) -> Path:
    """The folder of a data set that is named, or the file that is."""
    from esrag.examples.folder import EXAMPLES, examples_file

    file = examples_file(settings.data_dir, str(data))
    return file.parent if file.name == EXAMPLES else file


def data_set(place: Path) -> DataSet:
    """The examples of a file, or of the folder that ``dataset build`` made."""
    from esrag.examples.rows import read_examples
    from esrag.model_files import file_sha256
    from esrag.training.finetuning import DataSet

    file = place / "examples.jsonl" if place.is_dir() else place
    examples = list(read_examples(file))
    return DataSet(
        train=tuple(each for each in examples if each.split == "train"),
        held_out=tuple(each for each in examples if each.split == "dev"),
        place=str(place.resolve()),
        fingerprint=file_sha256(file),
    )


def base_of(name: str, settings: Settings) -> Base:
    """The base model of this name, in a checked folder."""
    from esrag.base_models.source import find_model
    from esrag.training.finetuning import Base

    found = find_model(name, data_dir=settings.data_dir / "local" / "tgi")
    return Base(found.folder, found.model_id)


def _begun(name: str, settings: Settings) -> tuple[RunFolder, Path, str, Recipe]:
    """Folder, data, base and recipe of a run that is there already."""
    folder = RunFolder.named(name, data_dir=settings.data_dir)
    facts = folder.facts()
    if facts.get("kind") != "finetune":
        raise UsageError(
            f"there is no fine-tuning run {name} in {folder.path.parent}",
            hint="Begin it: esrag finetune DATA --name " + name,
        )
    return (
        folder,
        Path(facts["data"]["place"]),
        facts["base"]["folder"],
        Recipe.from_json(facts["recipe"]),
    )


def _name(place: Path, planned: Plan) -> str:
    """A name that the same command makes again: data set, method and a part of the fingerprint."""
    stem = "".join(
        each if each.isascii() and each.isalnum() else "-" for each in place.stem.lower()
    )
    named = stem.strip("-")[:40] or "run"
    return f"{named}-{planned.recipe.method}-{planned.fingerprint[:_SHORT]}"


def require_libraries() -> None:
    """Raise UnsupportedError when the extra that training needs is not installed."""
    from importlib.util import find_spec

    missing = [
        name for name in ("torch", "transformers", "peft", "accelerate") if not find_spec(name)
    ]
    if missing:
        raise UnsupportedError(
            f"training needs {', '.join(missing)}", hint="Install it: pip install 'esrag[tune]'"
        )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _as_planned(planned: Plan, folder: RunFolder) -> dict[str, Any]:
    return {
        "run": folder.name,
        "recipe": planned.recipe.to_json(),
        "train": len(planned.train.rows),
        "held_out": len(planned.held_out.rows),
        "too_long": len(planned.train.too_long),
        "tokens": sum(len(row.tokens) for row in planned.train.rows),
        "steps": planned.recipe.steps(len(planned.train.rows)),
        "memory": planned.need.to_json() if planned.need else None,
    }


def _show(outcome: Outcome, *, as_json: bool) -> None:
    facts: Mapping[str, Any] = outcome.folder.facts()
    if as_json:
        body = {
            "run": outcome.folder.name,
            "folder": str(outcome.folder.path),
            "published": str(outcome.published),
            "sha256": dict(outcome.manifest.sha256),
            "resumed_at": outcome.resumed_at,
            "done_before": outcome.done_before,
            "progress": dataclasses.asdict(outcome.progress),
            "evaluations": _evaluations(outcome),
            "costs": facts.get("costs"),
        }
        click.echo(json.dumps(body, indent=2))
        return
    for line in _told(outcome, facts):
        click.echo(line)


def _told(outcome: Outcome, facts: Mapping[str, Any]) -> Iterator[str]:
    """The outcome in words."""
    progress, name = outcome.progress, outcome.folder.name
    what = "was complete already" if outcome.done_before else "is complete"
    speed = progress.tokens / max(progress.step_seconds, 1e-4)
    yield (
        f"run {name} {what}: {progress.step} steps, {progress.tokens:,} tokens "
        f"in {duration(progress.step_seconds)} ({speed:,.0f} a second)"
    )
    yield from _held_out(outcome, facts)
    yield f"  {outcome.published}"
    if outcome.published.name == "model":
        yield f"  next: esrag tgi serve --model {outcome.published}"
    elif facts["recipe"]["method"] != "prompt":
        yield f"  next: esrag adapter add {name}"


def _evaluations(outcome: Outcome) -> list[dict[str, Any]]:
    return [line for line in outcome.folder.metrics() if line["kind"] == "evaluation"]


def _held_out(outcome: Outcome, facts: Mapping[str, Any]) -> Iterator[str]:
    """What evaluations said, and which weights were published therefore."""
    found = _evaluations(outcome)
    if not found:
        return
    first, last, progress = found[0], found[-1], outcome.progress
    for key, words in (("loss", "held-out loss"), ("grounded", "grounded score")):
        if key in last:
            before = f"{first[key]:.3f} at step {first['step']}, " if first is not last else ""
            yield f"  {words}: {before}{last[key]:.3f} at step {last['step']}"
    patience = facts["recipe"]["patience"]
    if progress.stopped:
        yield f"  stopped early: {patience} evaluations without a better one"
    if patience:
        yield f"  published: the weights of step {progress.best_step}, the best"
    elif progress.best_step != progress.step:
        yield (
            f"  step {progress.best_step} was better; --patience NUMBER publishes the best one "
            "(give that run another --name)"
        )
