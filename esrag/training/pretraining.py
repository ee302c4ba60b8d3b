"""Continued pre-training, whole: from texts and a base model to a model and a verdict.

    texts ──► corpus of token rows ──► loss before ──► loop ──► loss after ──► verdict
                                                         └────► model/, fine-tuned like any base

The learning rate is warmed up again from nothing and decays again, and general text is replayed
against forgetting, as Ibrahim et al. 2024 (arXiv 2403.08763) found sufficient.  What is published
is a model whatever the method: LoRA's matrices are merged, so that fine-tuning can go on from it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from esrag.costs.memory import estimate_memory
from esrag.disk import replace_text
from esrag.errors import ConflictError, UsageError
from esrag.model_files import Manifest, check_manifest, check_model_folder, weights_fingerprint
from esrag.training.curves import draw_curves
from esrag.training.finetuning import Base, machine, versions
from esrag.training.loading import Device, Trainee, device_of, dtype_of, load_trainee
from esrag.training.loop import Loop, Progress, Tell
from esrag.training.memory import Need, free_memory, known_shape, require_room, work_done
from esrag.training.perplexity import Losses, document_losses, perplexity_of
from esrag.training.pretraining_card import pretraining_card
from esrag.training.pretraining_corpus import (
    BASE_CONTROL,
    BASE_DOMAIN,
    CONTROL,
    CORPUS,
    DOMAIN,
    REPLAY,
    TRAIN,
    Corpus,
    CorpusPlan,
    prepare_corpus,
)
from esrag.training.publishing import MODEL, publish_model
from esrag.training.recipe import Recipe, fingerprint
from esrag.training.run_folder import RunFolder, writing
from esrag.training.texts import Text
from esrag.training.token_rows import JoinedRows, TokenRows
from esrag.training.verdict import judge, paired
from esrag.training.vocabulary import grow

_FORMAT = 1
_EXTENDED, _BEFORE = "extended", "before.json"
METHODS = ("full", "lora")


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do; ``place`` says in words where its texts come from.

    ``readers`` are those for whom documents were used that are not for everybody.
    """

    base: Base
    recipe: Recipe
    corpus: CorpusPlan
    place: str
    device: Device = "auto"
    readers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for methods that make no model."""
        if self.recipe.method not in METHODS:
            raise UsageError(
                f"pre-training by {self.recipe.method} makes no model",
                hint=f"Methods: {', '.join(METHODS)}",
            )
        if self.corpus.extend and self.recipe.method != "full":
            raise UsageError(
                "an extended tokenizer wants --method full: the new embeddings must be trained"
            )

    @property
    def fingerprint(self) -> str:
        """A name for all that was asked for, whatever the corpus holds."""
        return fingerprint(
            _FORMAT,
            self.recipe.to_json(),
            self.corpus.to_json(),
            self.place,
            weights_fingerprint(self.base.folder),
        )


@dataclass(frozen=True, slots=True)
class PretrainingOutcome:
    """What came of a run; ``verdict`` is that of run.json."""

    folder: RunFolder
    published: Path
    manifest: Manifest
    verdict: Mapping[str, Any]
    progress: Progress
    resumed_at: int
    done_before: bool = False


def _nothing(*said: object) -> None:
    del said


def pretrain(
    request: Request,
    folder: RunFolder,
    texts: Callable[[], Iterable[Text]],
    *,
    anyway: bool = False,
    safe_point: Callable[[], None] = _nothing,
    tell: Tell = _nothing,
    say: Callable[[str], None] = _nothing,
) -> PretrainingOutcome:
    """Train on the texts, from wherever the run in ``folder`` stands, measure, and publish.

    ``texts`` is called once in a run's life.  Raises ConflictError when the folder is at work or
    holds another run, UnsupportedError when memory will not do (unless ``anyway``), UsageError
    when there is too little text or the loss is no number, UnavailableError when the disk is full.
    """
    check_model_folder(request.base.folder)
    with folder.held():
        known = folder.facts()
        _require_same(folder, known, request)
        if known.get("status") == "complete":
            return _found(folder, known)
        if not known:
            folder.note(**_facts(request, folder.name))
        try:
            corpus = prepare_corpus(folder, request.base.folder, request.corpus, texts, say=say)
            folder.note_documents(corpus.documents)
            say(_in_words(corpus))
            need = need_of(request, corpus)
            if need is not None:
                say(
                    f"memory: some {need.total / 2**30:.1f} GiB of {need.free / 2**30:.1f} GiB free"
                )
                if not anyway:
                    require_room(need)
            folder.note(data=_data(request, corpus), memory=need.to_json() if need else None)
            return _trained(request, folder, corpus, safe_point=safe_point, tell=tell, say=say)
        except BaseException as error:
            stopped = not isinstance(error, Exception)
            folder.note(status="stopped" if stopped else "failed", reason=str(error))
            raise


def _in_words(corpus: Corpus) -> str:
    parts = corpus.facts
    return (
        f"{parts[TRAIN]['documents']:,} documents of {parts[TRAIN]['tokens']:,} tokens to learn, "
        f"{parts[REPLAY]['tokens']:,} tokens of replay; measured on {parts[DOMAIN]['documents']:,} "
        f"held-out documents and {parts[CONTROL]['documents']:,} from outside"
    )


def need_of(request: Request, corpus: Corpus) -> Need | None:
    """The memory that one pass wants; None for a shape that is not known."""
    import torch

    shape = known_shape(request.base.folder)
    if shape is None:
        return None
    recipe, device = request.recipe, device_of(request.device)
    tokens = max(recipe.pack_tokens, request.corpus.block)
    shape = replace(shape, vocabulary=shape.vocabulary + len(corpus.new))
    parts = estimate_memory(
        shape,
        recipe.method,
        trainable=shape.lora_parameters(recipe.lora_rank),
        tokens=tokens,
        weight_bytes=2 if dtype_of(recipe.dtype, device) is torch.bfloat16 else 4,
        square=0 if device.type == "cuda" else request.corpus.block,
        checkpointing=recipe.gradient_checkpointing,
        gpu=device.type == "cuda",
    )
    return Need(parts, free_memory(device))


def _trained(
    request: Request,
    folder: RunFolder,
    corpus: Corpus,
    *,
    safe_point: Callable[[], None],
    tell: Tell,
    say: Callable[[str], None],
) -> PretrainingOutcome:
    recipe, device = request.recipe, device_of(request.device)
    trainee = load_trainee(_base_of(request, folder, corpus), recipe, device=device)
    held, outside = (TokenRows(corpus.folder, name, kind=name) for name in (DOMAIN, CONTROL))

    def measured(model: Trainee) -> tuple[Losses, Losses]:
        capacity = recipe.pack_tokens
        return (
            document_losses(model, held, capacity=capacity),
            document_losses(model, outside, capacity=capacity),
        )

    def evaluate(model: Trainee) -> Mapping[str, Any]:
        inside, control = measured(model)
        domain, other = perplexity_of(inside), perplexity_of(control)
        return {"loss": _mean(inside), "perplexity": domain, "control_perplexity": other}

    rows = JoinedRows(
        TokenRows(corpus.folder, TRAIN, kind=TRAIN), TokenRows(corpus.folder, REPLAY, kind=REPLAY)
    )
    loop = Loop(
        trainee,
        rows,
        recipe,
        folder=folder,
        evaluate=evaluate if recipe.patience or recipe.evaluate_every else None,
        safe_point=safe_point,
        tell=tell,
    )
    before = _before(request, folder, corpus, trainee, measured, say)
    resumed_at = loop.resume()
    folder.note(
        status="running",
        reason="",
        total_steps=loop.total,
        trained_parameters=sum(each.numel() for each in trainee.trained().values()),
        packs=trainee.packs,
    )
    try:
        progress = loop.run()
    finally:
        _note_progress(request, folder, trainee, loop)
    say("Measuring what it has learnt.")
    after = measured(trainee)
    verdict = judge(paired(before[0], after[0]), paired(before[1], after[1]), seed=recipe.seed)
    folder.note(verdict=verdict.to_json())
    _note_progress(request, folder, trainee, loop)
    manifest = _published(request, folder, corpus, trainee)
    folder.note(
        status="complete",
        published=MODEL,
        sha256={name: each for name, each in manifest.sha256.items() if "safetensors" in name},
    )
    _clear(folder)
    return PretrainingOutcome(
        folder, folder.path / MODEL, manifest, verdict.to_json(), progress, resumed_at
    )


def _base_of(request: Request, folder: RunFolder, corpus: Corpus) -> Path:
    """The folder that is trained: the base, or the base with the extended tokenizer."""
    if not corpus.new:
        return request.base.folder
    target = folder.path / _EXTENDED
    if not target.is_dir():
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(
            request.base.folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
        vocabulary = json.loads((corpus.tokenizer / "tokenizer.json").read_text("utf-8"))
        ids = vocabulary["model"]["vocab"]
        grow(model, corpus.new, {each.token: ids[each.token] for each in corpus.new})
        with folder.publishing(_EXTENDED) as working:
            model.save_pretrained(working, safe_serialization=True)
            for file in (*request.base.folder.glob("*.jinja"), *corpus.tokenizer.iterdir()):
                shutil.copyfile(file, working / file.name)
            check_model_folder(working)
    return target


def _before(
    request: Request,
    folder: RunFolder,
    corpus: Corpus,
    trainee: Trainee,
    measured: Callable[[Trainee], tuple[Losses, Losses]],
    say: Callable[[str], None],
) -> tuple[Losses, Losses]:
    """The base model's losses, measured once: on a resume they are read."""
    file = folder.path / _BEFORE
    if not file.is_file():
        say("Measuring the base model.")
        if corpus.new:
            base = load_trainee(
                request.base.folder, request.recipe, device=device_of(request.device)
            )
            found = tuple(
                document_losses(
                    base,
                    TokenRows(corpus.folder, name, kind=name),
                    capacity=request.recipe.pack_tokens,
                )
                for name in (BASE_DOMAIN, BASE_CONTROL)
            )
        else:
            found = measured(trainee)
        replace_text(file, json.dumps(found) + "\n")
    try:
        inside, outside = json.loads(file.read_text(encoding="utf-8"))
        return tuple(  # type: ignore[return-value]
            {key: (float(loss), int(count)) for key, (loss, count) in side.items()}
            for side in (inside, outside)
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}", hint="Remove it; it is measured again."
        ) from error


def _mean(losses: Losses) -> float:
    return sum(loss for loss, _ in losses.values()) / sum(count for _, count in losses.values())


def _published(request: Request, folder: RunFolder, corpus: Corpus, trainee: Trainee) -> Manifest:
    model = trainee.model
    if request.recipe.method != "full":
        model = model.merge_and_unload()
    base = folder.path / _EXTENDED if corpus.new else request.base.folder
    facts = {
        "base": {
            "model": request.base.model_id,
            "fingerprint": weights_fingerprint(request.base.folder),
        },
        "data": {
            "fingerprint": fingerprint(corpus.fingerprint),
            "documents": list(corpus.documents),
            "readers": list(request.readers),
        },
        "method": request.recipe.method,
        "run": request.fingerprint,
        "seed": request.recipe.seed,
        "versions": versions(),
    }
    return publish_model(
        folder,
        replace(trainee, model=model),
        base=base,
        card=pretraining_card(folder.facts()),
        facts=facts,
    )


def _note_progress(request: Request, folder: RunFolder, trainee: Trainee, loop: Loop) -> None:
    progress = loop.progress
    folder.note(
        progress=progress.to_json(),
        costs=loop.costs().to_json(),
        work=work_done(request.base.folder, request.recipe, trainee, progress),
        step_seconds=round(progress.step_seconds, 3),
    )
    replace_text(folder.path / "curves.svg", draw_curves(folder.metrics(), title=folder.name))
    replace_text(folder.path / "README.md", pretraining_card(folder.facts()))


def _facts(request: Request, name: str) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "kind": "pretrain",
        "name": name,
        "status": "starting",
        "fingerprint": request.fingerprint,
        "recipe": request.recipe.to_json(),
        "corpus": request.corpus.to_json(),
        "base": {
            "model": request.base.model_id,
            "folder": str(request.base.folder),
            "fingerprint": weights_fingerprint(request.base.folder),
        },
        "versions": versions(),
        "machine": machine(),
    }


def _data(request: Request, corpus: Corpus) -> dict[str, Any]:
    return {
        "place": request.place,
        "readers": list(request.readers),
        "fingerprint": fingerprint(corpus.fingerprint),
        "parts": corpus.facts,
        "fertility": corpus.fertility,
        "new_tokens": len(corpus.new),
        "documents": len(corpus.documents),
    }


def _require_same(folder: RunFolder, known: Mapping[str, Any], request: Request) -> None:
    if not known or known.get("fingerprint") == request.fingerprint:
        return
    if known.get("kind") != "pretrain":
        raise ConflictError(
            f"the run {folder.name} is there already and is no pre-training",
            hint="Give this one another --name.",
        )
    asked = {**request.recipe.to_json(), **request.corpus.to_json()}
    had = {**known.get("recipe", {}), **known.get("corpus", {})}
    other = [
        f"{name} was {had.get(name)!r} and is {value!r}"
        for name, value in asked.items()
        if had.get(name) != value
    ]
    raise ConflictError(
        f"the run {folder.name} is there already, and is another one"
        + (f": {'; '.join(other)}" if other else ", of another base model or place"),
        hint="Give this one another --name.",
    )


def _found(folder: RunFolder, known: Mapping[str, Any]) -> PretrainingOutcome:
    published = folder.path / MODEL
    if not published.is_dir():
        raise UsageError(
            f"the run {folder.name} is complete, and its model is gone",
            hint=f"Remove {folder.path} to train again.",
        )
    try:
        progress, verdict = Progress(**known["progress"]), known["verdict"]
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{folder.path / 'run.json'} does not say what came of the run",
            hint=f"Remove {folder.path} to train again.",
        ) from error
    return PretrainingOutcome(
        folder,
        published,
        check_manifest(published),
        verdict,
        progress,
        progress.step,
        done_before=True,
    )


def _clear(folder: RunFolder) -> None:
    """Remove what only a resume wants: the text, its tokens, and the extended base."""
    with writing(f"the run {folder.name}"):
        for name in (CORPUS, _EXTENDED):
            shutil.rmtree(folder.path / name, ignore_errors=True)
