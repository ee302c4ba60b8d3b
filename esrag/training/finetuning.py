"""Fine-tuning, whole: from a data set and a base model to a published adapter or model."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from esrag import __version__
from esrag.disk import replace_text
from esrag.errors import ConflictError, EsragError, UsageError
from esrag.model_files import (
    Manifest,
    check_manifest,
    check_model_folder,
    weights_fingerprint,
)
from esrag.training.answer_scores import chosen, grounded_score
from esrag.training.cards import adapter_card
from esrag.training.company import Bystander, company
from esrag.training.curves import draw_curves
from esrag.training.encoding import ChatEncoder, Encoded, require_rows
from esrag.training.held_out import held_out_loss
from esrag.training.loading import Device, Trainee, device_of, load_trainee
from esrag.training.loop import Evaluate, Loop, Progress, Tell, silent
from esrag.training.memory import Need, need_of, require_room, work_done
from esrag.training.probes import probes
from esrag.training.publishing import ADAPTER, MODEL, publish_adapter, publish_model
from esrag.training.recipe import Recipe, fingerprint
from esrag.training.run_folder import RunFolder
from esrag.types import Example

_FORMAT = 1
_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "bitsandbytes")


@dataclass(frozen=True, slots=True)
class Base:
    """A base model in a folder, and the name that others know it by."""

    folder: Path
    model_id: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """Examples to train on and to hold out; ``fingerprint`` is the sha256 of their file."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    place: str
    fingerprint: str

    @property
    def documents(self) -> tuple[str, ...]:
        """Ids of the documents that the model will have seen."""
        found = {document for each in self.train for document in each.source.documents}
        return tuple(sorted(found))

    @property
    def readers(self) -> tuple[str, ...]:
        """Who may read those of its documents that are not for everybody."""
        return tuple(sorted({name for each in self.train for name in each.source.acl}))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: shown before it starts."""

    base: Base
    base_fingerprint: str
    data: DataSet
    recipe: Recipe
    train: Encoded
    held_out: Encoded
    need: Need | None
    encoder: ChatEncoder
    device: Device

    @property
    def fingerprint(self) -> str:
        """A name for all that decides the weights on one machine."""
        return fingerprint(
            _FORMAT, self.recipe.to_json(), self.data.fingerprint, self.base_fingerprint
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run; ``manifest`` is that of the published folder."""

    folder: RunFolder
    published: Path
    manifest: Manifest
    progress: Progress
    resumed_at: int
    done_before: bool = False


def plan(base: Base, data: DataSet, recipe: Recipe, *, device: Device) -> Plan:
    """Check base and data, encode all examples and estimate the memory; trains nothing.

    Raises UnsupportedError for a base model that cannot be trained, UsageError for data without
    a single example that fits.
    """
    from esrag.training.loading import quiet_transformers

    quiet_transformers()
    check_model_folder(base.folder)
    place = device_of(device)
    encoder = ChatEncoder.from_folder(base.folder)
    train = encoder.rows(data.train, max_tokens=recipe.max_tokens)
    require_rows(train, max_tokens=recipe.max_tokens, what=f"{data.place}, split train,")
    return Plan(
        base=base,
        base_fingerprint=weights_fingerprint(base.folder),
        data=data,
        recipe=recipe,
        train=train,
        held_out=encoder.rows(data.held_out, max_tokens=recipe.max_tokens),
        need=need_of(base.folder, recipe, train.rows, device=place),
        encoder=encoder,
        device=device,
    )


def finetune(
    plan: Plan,
    folder: RunFolder,
    *,
    anyway: bool = False,
    safe_point: Callable[[], None] = lambda: None,
    tell: Tell = silent,
) -> Outcome:
    """Train as planned, from wherever the run in ``folder`` stands, and publish the outcome.

    Raises ConflictError when the folder is at work or holds another run, UnsupportedError when
    memory will not do (unless ``anyway``), UsageError when the loss is no number any more, and
    UnavailableError when the disk is full.  What ``safe_point`` raises ends the run after a
    checkpoint.
    """
    ours = company(device_of(plan.device))
    folder = folder if ours.is_main_process else Bystander(folder.path)
    with folder.held():
        known = folder.facts()
        _require_same(folder, known, plan)
        if known.get("status") == "complete":
            return _found(folder, known)
        if plan.need is not None and not anyway:
            require_room(plan.need)
        folder.note(**_facts(plan, folder.name))
        folder.note_documents(plan.data.documents)
        try:
            return _trained(plan, folder, ours, safe_point=safe_point, tell=tell)
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "stopped"
            with suppress(EsragError):  # a full disk must not hide what ended the run
                folder.note(status=status, reason=str(error))
            raise


def _trained(
    plan: Plan,
    folder: RunFolder,
    ours: Any,
    *,
    safe_point: Callable[[], None],
    tell: Tell,
) -> Outcome:
    trainee = load_trainee(plan.base.folder, plan.recipe, device=device_of(plan.device))
    loop = Loop(
        trainee,
        plan.train.rows,
        plan.recipe,
        folder=folder,
        evaluate=evaluation(plan),
        better=_better(plan.recipe),
        safe_point=safe_point,
        tell=tell,
    )
    resumed_at = loop.resume()
    folder.note(
        status="running",
        reason="",
        total_steps=loop.total,
        steps_per_epoch=loop.steps_per_epoch,
        trained_parameters=sum(each.numel() for each in trainee.trained().values()),
        packs=trainee.packs,
        **({"whole_rows": trainee.whole_rows} if trainee.whole_rows else {}),
    )
    try:
        progress = loop.run()
    except BaseException:
        if ours.is_main_process:
            with suppress(EsragError):  # the same
                _note_progress(plan, folder, trainee, loop)
        raise
    published = folder.path / _target(plan)
    if ours.is_main_process:
        _note_progress(plan, folder, trainee, loop)  # for the card of what is published
        _published(plan, folder, trainee)
        _note_progress(plan, folder, trainee, loop)  # publishing takes its time too
    ours.wait_for_everyone()
    manifest = check_manifest(published)
    folder.note(status="complete", published=published.name, sha256=_weights_sha256(manifest))
    return Outcome(folder, published, manifest, progress, resumed_at)


def evaluation(plan: Plan) -> Evaluate | None:
    """What is measured on held-out examples; None without any."""
    rows = plan.held_out.rows
    examples = chosen(plan.data.held_out, plan.recipe.grounded_examples)
    if not rows and not examples:
        return None

    def evaluate(trainee: Trainee) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        if rows:
            found |= held_out_loss(trainee, rows, capacity=plan.recipe.pack_tokens)
        if examples:
            found |= grounded_score(trainee, plan.encoder, examples)
        return found

    return evaluate


def _better(recipe: Recipe) -> Callable[[Mapping[str, Any]], float | None]:
    """What an evaluation is worth, the lower the better."""

    def worth(found: Mapping[str, Any]) -> float | None:
        if recipe.stop_on == "grounded":
            return -float(found["grounded"]) if "grounded" in found else None
        return float(found["loss"]) if "loss" in found else None

    return worth


def _published(plan: Plan, folder: RunFolder, trainee: Trainee) -> Manifest:
    facts = {
        "base": {"model": plan.base.model_id, "fingerprint": plan.base_fingerprint},
        "data": {
            "fingerprint": plan.data.fingerprint,
            "documents": list(plan.data.documents),
            "readers": list(plan.data.readers),
        },
        "method": plan.recipe.method,
        "run": plan.fingerprint,
        "seed": plan.recipe.seed,
        "versions": versions(),
    }
    card = adapter_card(folder.facts(), folder.metrics())
    if plan.recipe.method == "full":
        return publish_model(folder, trainee, base=plan.base.folder, card=card, facts=facts)
    return publish_adapter(
        folder,
        trainee,
        base=plan.base.folder,
        base_id=plan.base.model_id,
        probe=probes(trainee, plan.encoder, plan.data.train, plan.data.held_out),
        card=card,
        facts=facts,
    )


def _note_progress(plan: Plan, folder: RunFolder, trainee: Trainee, loop: Loop) -> None:
    progress = loop.progress
    folder.note(
        progress=progress.to_json(),
        costs=loop.costs().to_json(),
        work=work_done(plan.base.folder, plan.recipe, trainee, progress),
        step_seconds=round(progress.step_seconds, 3),
    )
    replace_text(folder.path / "curves.svg", draw_curves(folder.metrics(), title=folder.name))
    replace_text(folder.path / "README.md", adapter_card(folder.facts(), folder.metrics()))


def _facts(plan: Plan, name: str) -> dict[str, Any]:
    kinds = Counter(example.kind for example in plan.data.train)
    return {
        "format": _FORMAT,
        "kind": "finetune",
        "name": name,
        "status": "starting",
        "fingerprint": plan.fingerprint,
        "recipe": plan.recipe.to_json(),
        "base": {
            "model": plan.base.model_id,
            "folder": str(plan.base.folder),
            "fingerprint": plan.base_fingerprint,
        },
        "data": {
            "place": plan.data.place,
            "fingerprint": plan.data.fingerprint,
            "train": len(plan.train.rows),
            "held_out": len(plan.held_out.rows),
            "kinds": dict(sorted(kinds.items())),
            "too_long": len(plan.train.too_long) + len(plan.held_out.too_long),
            "documents": len(plan.data.documents),
            "readers": list(plan.data.readers),
        },
        "memory": plan.need.to_json() if plan.need else None,
        "versions": versions(),
        "machine": machine(),
    }


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    found = {"esrag": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The machine as far as it decides the numbers."""
    import torch

    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
    }


def _require_same(folder: RunFolder, known: Mapping[str, Any], plan: Plan) -> None:
    if not known or known.get("fingerprint") == plan.fingerprint:
        return
    if known.get("kind") != "finetune":
        raise ConflictError(
            f"the run {folder.name} is there already and is no fine-tuning",
            hint="Give this one another --name.",
        )
    recipe, planned = known.get("recipe", {}), plan.recipe.to_json()
    other = [
        f"{name} was {recipe.get(name)!r} and is {value!r}"
        for name, value in planned.items()
        if recipe.get(name) != value
    ]
    if known.get("data", {}).get("fingerprint") != plan.data.fingerprint:
        other.append("the data set has changed")
    if known.get("base", {}).get("fingerprint") != plan.base_fingerprint:
        other.append("the base model is another one")
    raise ConflictError(
        f"the run {folder.name} is there already, and is another one: {'; '.join(other)}",
        hint="Give this one another --name, or go on with that one: --resume " + folder.name,
    )


def _found(folder: RunFolder, known: Mapping[str, Any]) -> Outcome:
    published = folder.path / str(known.get("published", ADAPTER))
    if not published.is_dir():
        raise UsageError(
            f"the run {folder.name} is complete, and its {published.name} is gone",
            hint=f"Remove {folder.path} to train again.",
        )
    try:
        progress = Progress(**known["progress"])
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{folder.path / 'run.json'} does not say what came of the run",
            hint=f"Remove {folder.path} to train again.",
        ) from error
    return Outcome(
        folder, published, check_manifest(published), progress, progress.step, done_before=True
    )


def _target(plan: Plan) -> str:
    return MODEL if plan.recipe.method == "full" else ADAPTER


def _weights_sha256(manifest: Manifest) -> dict[str, str]:
    return {
        name: digest for name, digest in manifest.sha256.items() if name.endswith(".safetensors")
    }
