"""The training loop: pairs in, tuned weights out; goes on exactly where it was cut off.

Losses are those of sentence-transformers.  The loop is our own because a step must be decided by
seed and number alone: then a checkpoint needs weights, moments and a number, no pickled state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate
from typing import Any

import torch

from esrag.errors import UnsupportedError, UsageError
from esrag.retriever_tuning.batches import Batch, batches_of
from esrag.retriever_tuning.encoder import Encoder
from esrag.retriever_tuning.material import Text
from esrag.retriever_tuning.negatives import Pair
from esrag.retriever_tuning.recipe import TuningRecipe
from esrag.training.checkpoints import (
    last_checkpoint,
    load_optimizer,
    load_weights,
    prune,
    save_checkpoint,
)
from esrag.training.run_folder import RunFolder

Scores = Callable[[str, Sequence[str]], Sequence[float]]
_CHECKPOINT_SECONDS = 120.0  # between two checkpoints inside an epoch


class DivergedError(UsageError):
    """The loss is no number any more: the learning rate was too high."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What the loop did: steps in all, those of this call, tokens and seconds of these."""

    steps: int
    epochs_dev: tuple[float, ...]
    tokens: int
    seconds: float


class Loop:
    """Trains ``encoder`` on ``pairs``; ``scores`` are a cross-encoder's, for the loss margin.

    ``evaluate`` gives the measure on dev after each epoch, ``tell`` hears of every step.
    """

    def __init__(
        self,
        encoder: Encoder,
        pairs: Sequence[Pair],
        texts: Sequence[Text],
        recipe: TuningRecipe,
        folder: RunFolder,
        *,
        evaluate: Callable[[], float],
        scores: Scores | None = None,
        tell: Callable[[int, int, float], None] = lambda *_: None,
    ) -> None:
        self._encoder, self._pairs, self._texts = encoder, pairs, texts
        self._recipe, self._folder = recipe, folder
        self._evaluate, self._scores, self._tell = evaluate, scores, tell
        self._documents = [text.document for text in texts]
        self._trained = encoder.trained()
        self._optimizer = torch.optim.AdamW(
            self._trained.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self._tokens = 0
        self._epochs = [self._batches(epoch) for epoch in range(recipe.epochs)]

    @property
    def ends(self) -> tuple[int, ...]:
        """The number of the last step of each epoch; its checkpoint is kept."""
        return tuple(accumulate(map(len, self._epochs)))

    def run(self) -> Trained:
        """Train to the end of the last epoch.

        Raises DivergedError when the loss is no number any more.
        """
        total = self.ends[-1]
        done, dev, tokens, before = self._begin()
        self._tokens, started, saved = tokens, time.monotonic(), time.monotonic()
        step = 0
        for epoch, batches in enumerate(self._epochs):
            for batch in batches:
                step += 1
                if step <= done:
                    continue
                self._step(batch, step, total)
                if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                    self._save(step, dev, before + time.monotonic() - started)
                    saved = time.monotonic()
            if epoch >= len(dev):
                dev.append(self._evaluate())
                self._folder.log(
                    {"step": step, "kind": "evaluation", "epoch": epoch + 1, "dev_ndcg": dev[-1]}
                )
                self._save(step, dev, before + time.monotonic() - started)
                saved = time.monotonic()
        return Trained(total, tuple(dev), self._tokens, before + time.monotonic() - started)

    def _begin(self) -> tuple[int, list[float], int, float]:
        """Go on from the last checkpoint, if there is one."""
        checkpoint = last_checkpoint(self._folder.checkpoints)
        if checkpoint is None:
            self._folder.rewind(0)
            return 0, [], 0, 0.0
        load_weights(checkpoint, self._trained)
        load_optimizer(checkpoint, self._trained, self._optimizer)
        self._folder.rewind(checkpoint.step)
        facts = checkpoint.facts
        return checkpoint.step, list(facts["dev"]), int(facts["tokens"]), float(facts["seconds"])

    def _save(self, step: int, dev: Sequence[float], seconds: float) -> None:
        save_checkpoint(
            self._folder.checkpoints,
            step=step,
            trained=self._trained,
            optimizer=self._optimizer,
            facts={"dev": list(dev), "tokens": self._tokens, "seconds": round(seconds, 3)},
        )
        keep = set(self.ends[: len(dev)])
        prune(self._folder.checkpoints, keep=keep, newest=1)

    def _batches(self, epoch: int) -> tuple[Batch, ...]:
        recipe = self._recipe
        return batches_of(
            self._pairs,
            self._documents,
            size=recipe.batch,
            negatives=recipe.negatives,
            seed=recipe.seed,
            epoch=epoch,
        )

    def _step(self, batch: Batch, step: int, total: int) -> None:
        rate = self._recipe.rate_at(step - 1, total=total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(self._recipe.seed * 1_000_003 + step)  # dropout of this step
        self._encoder.model.train()
        loss = self._margin(batch) if self._recipe.loss == "margin" else self._ranking(batch)
        norm = float(torch.nn.utils.clip_grad_norm_(self._trained.values(), self._recipe.clip))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise DivergedError(
                f"the loss is {loss} and its gradient's norm {norm} at step {step}",
                hint="Use a smaller --learning-rate under another --name; checkpoints up to the "
                "last epoch are kept.",
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._folder.log({"step": step, "kind": "train", "loss": loss, "rate": rate, "norm": norm})
        self._tell(step, total, loss)

    def _columns(self, batch: Batch) -> list[list[str]]:
        """Questions, positives, and a column for each negative, with prefixes."""
        prefixes = self._encoder.prefixes
        rows = [
            [pair.positive for pair in batch.pairs],
            *map(list, zip(*batch.negatives, strict=True)),
        ]
        return [
            [prefixes.search + pair.question.text for pair in batch.pairs],
            *([prefixes.ingest + self._texts[row].text for row in column] for column in rows),
        ]

    def _features(self, columns: Sequence[Sequence[str]]) -> list[dict[str, torch.Tensor]]:
        features = [self._encoder.features(column) for column in columns]
        self._tokens += sum(int(each["attention_mask"].sum()) for each in features)
        return features

    def _ranking(self, batch: Batch) -> float:
        loss = _losses().CachedMultipleNegativesRankingLoss(
            self._encoder.model,
            scale=self._recipe.scale,
            similarity_fct=_cosines,
            mini_batch_size=self._recipe.at_once,
        )
        with self._encoder.precision():  # the texts pass through the model again in backward
            value = loss(self._features(self._columns(batch)), None)
            value.backward()
        return float(value.detach())

    def _margin(self, batch: Batch) -> float:
        loss = _losses().MarginMSELoss(self._encoder.model, similarity_fct=_pairwise)
        size = max(1, self._recipe.at_once // (2 + self._recipe.negatives))
        whole = 0.0
        for start in range(0, len(batch.pairs), size):
            part = Batch(batch.pairs[start : start + size], batch.negatives[start : start + size])
            share = len(part.pairs) / len(batch.pairs)
            labels = torch.tensor(self._wanted(part), device=self._encoder.device)
            with self._encoder.precision():
                value = loss(self._features(self._columns(part)), labels) * share
            value.backward()
            whole += float(value.detach())
        return whole

    def _wanted(self, batch: Batch) -> list[list[float]]:
        """For each question the cross-encoder's score of the positive less that of each other."""
        if self._scores is None:
            raise ValueError("the loss margin needs scores")
        found = []
        for pair, rows in zip(batch.pairs, batch.negatives, strict=True):
            texts = [self._texts[row].text for row in (pair.positive, *rows)]
            first, *others = self._scores(pair.question.text, texts)
            found.append([first - other for other in others])
        return found


def _losses() -> Any:
    """Where sentence-transformers has its losses; they moved in 5.4."""
    for name in (
        "sentence_transformers.sentence_transformer.losses",
        "sentence_transformers.losses",
    ):
        with suppress(ModuleNotFoundError):
            return import_module(name)
    raise UnsupportedError(
        "this version of sentence-transformers has no losses where they are looked for",
        hint='Install one that fits: pip install "esrag[tune]"',
    )


def _cosines(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Cosines of all rows with all rows in float32: times 20, bfloat16 would round to 1/16."""
    with torch.autocast(one.device.type, enabled=False):
        return (
            torch.nn.functional.normalize(one.float(), dim=-1)
            @ torch.nn.functional.normalize(other.float(), dim=-1).T
        )


def _pairwise(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    with torch.autocast(one.device.type, enabled=False):
        return torch.nn.functional.cosine_similarity(one.float(), other.float(), dim=-1)
