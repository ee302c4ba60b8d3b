"""One tuning from end to end, in a run folder: mine, train, choose, judge, publish.

The same call goes on where it was cut off, and of a run that is complete gives the outcome again.
``model/`` appears only when the gate accepts; what a rejected run measured stays in run.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from esrag.costs.records import Costs, Meter
from esrag.disk import replace_text
from esrag.errors import ConflictError, UsageError
from esrag.model_files import weights_fingerprint, write_manifest
from esrag.retriever_tuning.base_vectors import kept_vectors
from esrag.retriever_tuning.card import card_of
from esrag.retriever_tuning.choosing import DevMeasure, choose
from esrag.retriever_tuning.encoder import Encoder, Prefixes
from esrag.retriever_tuning.held_out import write_held_out
from esrag.retriever_tuning.loop import Loop, Scores
from esrag.retriever_tuning.material import Material, Question
from esrag.retriever_tuning.measures import Verdict, judge
from esrag.retriever_tuning.negatives import Search, mine
from esrag.retriever_tuning.ranking import values_of
from esrag.retriever_tuning.recipe import TuningRecipe
from esrag.retriever_tuning.splitting import Divided, divide
from esrag.training.checkpoints import checkpoint_of, load_weights
from esrag.training.curves import draw_curves
from esrag.training.recipe import fingerprint
from esrag.training.run_folder import RunFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL = "model"
_AT_ONCE = 512  # texts embedded between two looks at the clock


class Listener(Protocol):
    """Hears how a run comes along."""

    def begin(self, title: str) -> None:
        """A step starts."""

    def advance(self, done: int, total: int) -> None:
        """How far it is."""

    def end(self) -> None:
        """It is finished."""


@dataclass(frozen=True, slots=True)
class Base:
    """The model to begin with: its name, its checked folder, and what it wants before texts."""

    name: str
    folder: Path
    prefixes: Prefixes = field(default_factory=Prefixes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run; ``model`` is None when the gate rejected it."""

    facts: dict[str, Any]
    model: Path | None

    @property
    def accepted(self) -> bool:
        """Whether the gate let it pass."""
        return self.model is not None


@dataclass(frozen=True, slots=True)
class Machine:
    """What computes."""

    device: torch.device
    dtype: torch.dtype


def tune(
    material: Material,
    base: Base,
    recipe: TuningRecipe,
    folder: RunFolder,
    *,
    machine: Machine,
    listener: Listener,
    search: Search | None = None,
    scores: Scores | None = None,
    scored_by: str = "",
) -> Outcome:
    """Tune ``base`` on ``material``; ``scored_by`` names whoever gives ``scores``.

    Raises ConflictError when the folder holds another run or is at work, UsageError when there are
    too few questions, DivergedError, and UnavailableError when the disk is full.
    """
    if (recipe.loss == "margin") != (scores is not None):
        raise UsageError("the loss margin and a cross-encoder belong together")
    divided = divide(
        material.pool,
        material.held_out,
        dev=recipe.dev,
        test=recipe.test,
        seed=recipe.seed,
        fewest=recipe.fewest,
    )
    with folder.held():
        facts = _facts(material, divided, base, recipe, machine, scored_by)
        known = folder.facts()
        _require_same(folder, known, facts)
        if known.get("status") in ("accepted", "rejected"):
            return _outcome(folder, known)
        folder.note(**facts, status="running")
        folder.note_documents(text.document for text in material.texts)
        meter = Meter(device=_device_name(machine), gpus=int(machine.device.type == "cuda"))
        before = Costs.from_json(known.get("costs", {}), where=str(folder.path / "run.json"))
        tokens = [0]
        try:
            run = _Run(material, divided, base, recipe, folder, machine, listener)
            found = run.carry_out(search, scores, tokens)
        except BaseException:
            costs = before + meter.read(peak_gpu_memory=_gpu_memory(machine))
            folder.note(status="stopped", costs=costs.to_json())
            raise
        costs = before + meter.read(peak_gpu_memory=_gpu_memory(machine))
        found["costs"] = {**costs.to_json(), "tokens_trained": tokens[0]}
        run.publish({**folder.facts(), **found})
        folder.note(**found)  # last, so that who says accepted has a model
        return _outcome(folder, folder.facts())


class _Run:
    """The steps of a run, with what they share."""

    def __init__(
        self,
        material: Material,
        divided: Divided,
        base: Base,
        recipe: TuningRecipe,
        folder: RunFolder,
        machine: Machine,
        listener: Listener,
    ) -> None:
        self._material, self._divided = material, divided
        self._base, self._recipe = base, recipe
        self._folder, self._machine, self._listener = folder, machine, listener
        self._encoder = Encoder(
            base.folder, device=machine.device, dtype=machine.dtype, prefixes=base.prefixes
        )

    def carry_out(
        self, search: Search | None, scores: Scores | None, tokens: list[int]
    ) -> dict[str, Any]:
        """Everything up to the verdict; returns what run.json is to say of it."""
        encoder, texts = self._encoder, self._material.texts
        vectors = self._base_vectors()
        base_values = self._values(self._divided.test, vectors)
        self._listener.begin("mine hard negatives")
        train = self._divided.train
        pairs = mine(
            train,
            texts,
            encoder.questions([question.text for question in train]),
            vectors,
            search=search,
            most=self._recipe.most_alike,
            tell=lambda done: self._listener.advance(done, len(train)),
        )
        self._listener.end()
        if len(pairs) < 2:
            raise UsageError(
                "no training question has a chunk that answers it",
                hint="Do the judgements name documents of this index?",
            )
        before = {name: value.detach().clone() for name, value in encoder.trained().items()}
        measure = DevMeasure(encoder, self._divided.dev, texts, vectors)
        dev_base = measure()
        loop = Loop(
            encoder,
            pairs,
            texts,
            self._recipe,
            self._folder,
            evaluate=measure,
            scores=scores,
            tell=lambda step, total, _: self._listener.advance(step, total),
        )
        self._listener.begin(f"train on {len(pairs)} pairs")
        trained = loop.run()
        self._listener.end()
        tokens[0] = trained.tokens
        self._listener.begin("choose epoch and mixture on dev")
        choice = choose(
            encoder,
            before,
            epochs=trained.epochs_dev,
            load=lambda epoch: self._load(loop.ends[epoch]),
            measure=measure,
            dev_base=dev_base,
        )
        self._listener.end()
        verdict = self._verdict(base_values)
        return {
            "status": "accepted" if verdict.accepted else "rejected",
            "pairs": len(pairs),
            "steps": trained.steps,
            "step_seconds": round(trained.seconds, 3),
            "dev": {
                "chunks": len(measure),
                "base": round(choice.dev_base, 5),
                "epochs": [round(value, 5) for value in trained.epochs_dev],
                "epoch": choice.epoch,
                "shares": {str(share): round(value, 5) for share, value in choice.shares.items()},
                "share": choice.share,
            },
            "verdict": verdict.to_json(),
        }

    def publish(self, facts: dict[str, Any]) -> None:
        """Write the card, and the model when it was accepted."""
        card = card_of(self._folder.name, facts)
        if facts["status"] == "accepted":
            with self._folder.publishing(MODEL) as working:
                self._encoder.save(working)
                (working / "README.md").write_text(card, encoding="utf-8")
                write_manifest(
                    working,
                    facts={
                        "kind": "embedding model",
                        "base": facts["base"],
                        "data": {**facts["data"], "documents": list(self._documents())},
                        "verdict": facts["verdict"],
                    },
                )
        curves = draw_curves(self._folder.metrics(), title=self._folder.name)
        replace_text(self._folder.path / "curves.svg", curves)
        replace_text(self._folder.path / "README.md", card)

    def _documents(self) -> tuple[str, ...]:
        return tuple(sorted({text.document for text in self._material.texts}))

    def _verdict(self, base_values: Sequence[float]) -> Verdict:
        tuned = self._embedded("embed all chunks with the tuned model")
        values = self._values(self._divided.test, tuned)
        write_held_out(self._folder, self._divided.test, base_values, values)
        return judge(base_values, values, seed=self._recipe.seed)

    def _values(self, asked: Sequence[Question], vectors: NDArray[np.float32]) -> list[float]:
        questions = self._encoder.questions([question.text for question in asked])
        documents = [text.document for text in self._material.texts]
        return values_of(asked, questions, vectors, documents)

    def _load(self, step: int) -> None:
        checkpoint = checkpoint_of(self._folder.checkpoints, step)
        if checkpoint is None:
            raise UsageError(
                f"the checkpoint of step {step} is missing or damaged in {self._folder.path}",
                hint="Remove the run's folder and begin again.",
            )
        load_weights(checkpoint, self._encoder.trained())

    def _base_vectors(self) -> NDArray[np.float32]:
        key = fingerprint(
            [[text.id, text.text] for text in self._material.texts],
            weights_fingerprint(self._base.folder),
            self._base.prefixes.ingest,
            str(self._machine.dtype),
            _device_name(self._machine),
        )
        return kept_vectors(
            self._folder.path.parent,
            key,
            rows=len(self._material.texts),
            compute=lambda: self._embedded("embed all chunks with the base model"),
        )

    def _embedded(self, title: str) -> NDArray[np.float32]:
        texts = self._material.texts
        self._listener.begin(title)
        # by length, so that little is padding; sentence-transformers sorts within one call only
        order = sorted(range(len(texts)), key=lambda row: (len(texts[row].text), row))
        parts = []
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            parts.append(self._encoder.passages([texts[row].text for row in rows]))
            self._listener.advance(start + len(rows), len(order))
        found = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
        found[order] = np.concatenate(parts)
        self._listener.end()
        return found


def _facts(
    material: Material,
    divided: Divided,
    base: Base,
    recipe: TuningRecipe,
    machine: Machine,
    scored_by: str,
) -> dict[str, Any]:
    """What run.json says before the work begins; all but versions and device decide the outcome."""
    decisive = {
        "kind": "retriever",
        "recipe": recipe.to_json(),
        "base": {
            "model": base.name,
            "fingerprint": weights_fingerprint(base.folder),
            "prefixes": {"ingest": base.prefixes.ingest, "search": base.prefixes.search},
        },
        "cross_encoder": scored_by,
        "data": {
            "fingerprint": material.fingerprint(),
            "chunks": len(material.texts),
            "documents": len({text.document for text in material.texts}),
            "questions": {
                "train": len(divided.train),
                "dev": len(divided.dev),
                "test": len(divided.test),
                "given up": divided.shared,
            },
            **material.origin,
        },
        "dtype": str(machine.dtype).removeprefix("torch."),
    }
    names = ("torch", "transformers", "sentence-transformers", "numpy")
    return {
        **decisive,
        "fingerprint": fingerprint(decisive),
        "device": _device_name(machine),
        "versions": {name: version(name) for name in names},
    }


def _require_same(folder: RunFolder, known: dict[str, Any], facts: dict[str, Any]) -> None:
    if known and known.get("fingerprint") != facts["fingerprint"]:
        differing = [
            name
            for name in ("kind", "recipe", "base", "cross_encoder", "data", "dtype")
            if known.get(name) != facts[name]
        ]
        raise ConflictError(
            f"the run {folder.name} was begun with other {', '.join(differing)}",
            hint="Give this one another --name, or remove the folder of that one.",
        )


def _outcome(folder: RunFolder, facts: dict[str, Any]) -> Outcome:
    model = folder.path / MODEL
    return Outcome(facts, model if facts["status"] == "accepted" else None)


def _device_name(machine: Machine) -> str:
    if machine.device.type == "cuda":
        return torch.cuda.get_device_name(machine.device)
    return f"cpu, {torch.get_num_threads()} threads"


def _gpu_memory(machine: Machine) -> int:
    return torch.cuda.max_memory_allocated() if machine.device.type == "cuda" else 0
