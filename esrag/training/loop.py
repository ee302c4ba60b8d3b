"""The loop: steps, evaluations and checkpoints, from wherever a run stands to its end.

Everything that a step computes follows from recipe, rows, weights and the number of the step: its
rows, its learning rate, its seed.  So a run that was killed goes on from its last checkpoint with
the same numbers as one that was not.  With several processes (``accelerate launch``) each takes a
share of a step's rows; loss and gradients are those of the whole step.

Not transformers' Trainer: its checkpoints are pickles, its packing changes what a step is, and it
applies the head to every position.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch

from esrag.costs.records import Costs, Meter
from esrag.errors import UsageError
from esrag.training.attention import Rows
from esrag.training.checkpoints import (
    Checkpoint,
    checkpoint_of,
    load_optimizer,
    load_weights,
    prune,
    save_checkpoint,
    whole_checkpoints,
)
from esrag.training.company import company
from esrag.training.loading import Trainee
from esrag.training.losses import AnswerLoss, pack_of
from esrag.training.packing import Order, Row, packed, shares
from esrag.training.recipe import Recipe, rate_at
from esrag.training.run_folder import RunFolder

# called after each step: (steps taken, steps in all, the line for metrics.jsonl)
Tell = Callable[[int, int, Mapping[str, Any]], None]
# measures on held-out examples; the loop stops on one of them
Evaluate = Callable[[Trainee], Mapping[str, Any]]
_KEPT = 2


def silent(step: int, total: int, line: Mapping[str, Any]) -> None:
    """Tells nobody."""
    del step, total, line


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    ``tokens`` went through the model, ``answer_tokens`` of them carried loss, ``passes`` is how
    many packs they were in, ``rows`` how many examples.  ``best`` is the best value of the
    evaluations, at ``best_step``; ``worse`` counts those since.  ``stopped`` is set when these were
    too many.
    """

    step: int = 0
    tokens: int = 0
    answer_tokens: int = 0
    rows: int = 0
    passes: int = 0
    step_seconds: float = 0.0
    best: float | None = None
    best_step: int = 0
    worse: int = 0
    stopped: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return asdict(self)


class Loop:
    """Trains one model on rows, in a run folder that is held."""

    def __init__(
        self,
        trainee: Trainee,
        rows: Sequence[Row],
        recipe: Recipe,
        *,
        folder: RunFolder,
        evaluate: Evaluate | None = None,
        better: Callable[[Mapping[str, Any]], float | None] = lambda found: _number(found, "loss"),
        safe_point: Callable[[], None] = lambda: None,
        tell: Tell = silent,
    ) -> None:
        """``better`` says what an evaluation is worth, the lower the better; None does not count.

        ``safe_point`` is called where the run may be stopped; it raises when it should be.
        """
        self._trainee, self._rows, self._recipe, self._folder = trainee, rows, recipe, folder
        self._evaluate, self._better = evaluate, better
        self._safe_point, self._tell = safe_point, tell
        self._company = company(trainee.device)
        self._trained = trainee.trained()
        self._optimizer = torch.optim.AdamW(
            list(self._trained.values()),
            lr=recipe.rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self._loss = AnswerLoss(trainee.model, virtual=trainee.virtual)
        processes = self._company.num_processes
        self._many = processes > 1
        self._rank = int(self._company.process_index)
        self._model = self._company.prepare(trainee.model) if self._many else trainee.model
        self._order = Order(len(rows), batch=recipe.batch, seed=recipe.seed)
        self.total = recipe.steps(len(rows))
        tenth = math.ceil(self.total / 10)
        self._evaluate_every = recipe.evaluate_every or max(self._order.steps_per_epoch, tenth)
        self._checkpoint_every = recipe.checkpoint_every or tenth
        self._progress = Progress()
        self._earlier = Costs()
        gpus = processes if trainee.device.type == "cuda" else 0
        self._meter = Meter(device=device_name(trainee.device), devices=processes, gpus=gpus)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every row is seen once."""
        return self._order.steps_per_epoch

    @property
    def main(self) -> bool:
        """Whether this is the process that writes."""
        return bool(self._company.is_main_process)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._progress

    def costs(self) -> Costs:
        """What the run has cost, with what was before a resume."""
        gpu = torch.cuda.max_memory_allocated() if self._trainee.device.type == "cuda" else 0
        trained = self._progress.tokens - self._earlier.tokens_trained
        return self._earlier + self._meter.read(tokens_trained=trained, peak_gpu_memory=gpu)

    def resume(self) -> int:
        """Take up the last checkpoint, if there is one; returns the step that it stands at.

        One whose best checkpoint was damaged is passed over: its best weights are trained again.
        """
        checkpoint = next(filter(self._goes_on, whole_checkpoints(self._folder.checkpoints)), None)
        if checkpoint is None:
            self._forget_after(0)
            return 0
        load_weights(checkpoint, self._trained)
        load_optimizer(checkpoint, self._trained, self._optimizer)
        self._progress = Progress(**checkpoint.facts["progress"])
        self._earlier = Costs.from_json(checkpoint.facts["costs"], where=str(checkpoint.folder))
        self._forget_after(checkpoint.step)
        return checkpoint.step

    def _goes_on(self, checkpoint: Checkpoint) -> bool:
        best = Progress(**checkpoint.facts["progress"]).best_step
        if not self._recipe.patience or best in (0, checkpoint.step):
            return True
        return checkpoint_of(self._folder.checkpoints, best) is not None

    def run(self) -> Progress:
        """Train to the end; the model then has the weights to be published.

        Those are the last ones, or the best where ``patience`` says that evaluations decide.
        Raises UsageError when the loss is no number any more; what ``safe_point`` raises goes
        through after a checkpoint was written.
        """
        self._trainee.model.train()
        while self._progress.step < self.total and not self._progress.stopped:
            self.one_step()
            step = self._progress.step
            last = step == self.total
            evaluated = self._evaluate is not None and (last or step % self._evaluate_every == 0)
            if evaluated:
                self._measure()
            if evaluated or last or step % self._checkpoint_every == 0:
                self._save()
            self._stop_if_asked()
        if self._recipe.patience and self._progress.best_step:
            self._take_best()
        return self._progress

    def one_step(self) -> None:
        """The next step: forward and backward of its packs, and the optimizer."""
        begun = time.perf_counter()
        step, recipe = self._progress.step, self._recipe
        rows = [self._rows[number] for number in self._order.batch(step)]
        answers = sum(row.answer_tokens for row in rows)
        passes, weight = self._share(rows)
        rate = rate_at(step, recipe=recipe, total=self.total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(_seed(recipe.seed, step, self._rank))
        loss = torch.zeros((), device=self._trainee.device)
        for number, part in enumerate(passes):
            loss += self._backward(part, weight / answers, last=number == len(passes) - 1)
        norm = torch.nn.utils.clip_grad_norm_(list(self._trained.values()), recipe.clip)
        mean = float(self._company.reduce(loss, "mean")) if self._many else float(loss)
        self._require_number("loss", mean, step + 1)
        self._require_number("gradient", float(norm), step + 1)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - begun
        tokens = sum(len(row.tokens) for row in rows)
        self._progress = _advanced(
            self._progress,
            step=1,
            rows=len(rows),
            tokens=tokens,
            answer_tokens=answers,
            passes=len(passes),
            step_seconds=seconds,
        )
        line = {
            "step": step + 1,
            "kind": "train",
            "loss": mean,
            "rate": rate,
            "norm": float(norm),
            "tokens": tokens,
            "seconds": round(seconds, 4),
        }
        self._log(line)

    def _share(self, rows: Sequence[Row]) -> tuple[list[list[Row]], float]:
        """This process's part of a step's rows, in passes through the model, and its weight.

        Gradients of processes are averaged, and the mean is over the whole step, so that the weight
        is how many they are.  One that is left without rows computes with weight 0: the exchange
        of gradients waits for all.
        """
        mine, weight = list(rows), 1.0
        if self._many:
            lengths = [len(row.tokens) for row in rows]
            processes = self._company.num_processes
            part = shares(lengths, processes=processes)[self._rank]
            weight = float(processes) if part else 0.0
            mine = [rows[number] for number in part] or mine[:1]
        return in_passes(mine, self._trainee, capacity=self._recipe.pack_tokens), weight

    def _backward(self, rows: Sequence[Row], weight: float, *, last: bool) -> torch.Tensor:
        """Forward and backward of one pack; returns its share of the step's mean loss."""
        pack = pack_of(rows, self._trainee.device)
        waiting: AbstractContextManager[Any] = nullcontext()
        if self._many and not last:  # gradients are exchanged once, after the last pack
            waiting = self._company.no_sync(self._model)
        with waiting, Rows.of(pack.lengths):
            with autocast(self._trainee):
                loss = self._loss(pack, self._model) * weight
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _require_number(self, what: str, value: float, step: int) -> None:
        if math.isfinite(value):
            return
        rate = self._optimizer.param_groups[0]["lr"]
        raise UsageError(
            f"at step {step} the {what} of the run {self._folder.name} is no "
            f"number any more (learning rate {rate:.2g}); nothing was published, and the "
            "checkpoints before are kept",
            hint="Going on would end the same way. Begin again under another --name with a lower "
            "--learning-rate, a longer --warmup or --dtype float32.",
        )

    def _measure(self) -> None:
        if self._evaluate is None:
            return
        found = dict(self._evaluate(self._trainee))
        self._trainee.model.train()
        progress = self._progress
        self._require_number("held-out loss", float(found.get("loss", 0.0)), progress.step)
        value = self._better(found)
        if value is not None and (progress.best is None or value < progress.best):
            changes: dict[str, Any] = {"best": value, "best_step": progress.step, "worse": 0}
        else:
            worse = progress.worse + 1
            patience = self._recipe.patience
            changes = {"worse": worse, "stopped": bool(patience) and worse >= patience}
        self._progress = Progress(**{**asdict(progress), **changes})
        self._log({"step": progress.step, "kind": "evaluation", **found})

    def _save(self) -> Checkpoint | None:
        if not self.main:
            return None
        checkpoint = save_checkpoint(
            self._folder.checkpoints,
            step=self._progress.step,
            trained=self._trained,
            optimizer=self._optimizer,
            facts={"progress": self._progress.to_json(), "costs": self.costs().to_json()},
        )
        prune(self._folder.checkpoints, keep={self._progress.best_step}, newest=_KEPT)
        return checkpoint

    def _take_best(self) -> None:
        best = checkpoint_of(self._folder.checkpoints, self._progress.best_step)
        if best is not None:
            load_weights(best, self._trained)

    def _stop_if_asked(self) -> None:
        try:
            self._safe_point()
        except BaseException:
            self._save()
            raise

    def _log(self, line: Mapping[str, Any]) -> None:
        if self.main:
            self._folder.log(line)
            self._tell(self._progress.step, self.total, line)

    def _forget_after(self, step: int) -> None:
        if self.main:
            self._folder.rewind(step)


def in_passes(rows: Sequence[Row], trainee: Trainee, *, capacity: int) -> list[list[Row]]:
    """Rows in packs, or each alone where the model does not pack."""
    if not trainee.packs:
        return [[row] for row in rows]
    lengths = [len(row.tokens) for row in rows]
    return [[rows[number] for number in pack] for pack in packed(lengths, capacity=capacity)]


def autocast(trainee: Trainee) -> AbstractContextManager[Any]:
    """Where a model in float32 multiplies in a shorter type."""
    if trainee.autocast is None:
        return nullcontext()
    return torch.autocast(trainee.device.type, dtype=trainee.autocast)


def device_name(device: torch.device) -> str:
    """The device in words, for records of costs."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"cpu ({torch.get_num_threads()} threads)"


def _advanced(progress: Progress, **by: float) -> Progress:
    values = asdict(progress)
    return Progress(**{**values, **{name: values[name] + more for name, more in by.items()}})


def _number(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _seed(seed: int, step: int, rank: int) -> int:
    """One seed a step and process; far apart, as torch's generator mixes it itself."""
    return (seed * 1_000_003 + step) * 4_099 + rank
