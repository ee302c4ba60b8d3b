"""How a run trains: one frozen record, of which a fingerprint names the run.  No torch."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from esrag.errors import UsageError

Method = Literal["lora", "dora", "qlora", "prompt", "full"]
Schedule = Literal["cosine", "linear", "constant"]
Dtype = Literal["auto", "bfloat16", "float32"]
StopOn = Literal["loss", "grounded"]

ADAPTERS: tuple[Method, ...] = ("lora", "dora", "qlora", "prompt")
# what each method usually takes; a prompt of few parameters wants large steps
_LEARNING_RATES: dict[Method, float] = {
    "lora": 5e-4,
    "dora": 5e-4,
    "qlora": 5e-4,
    "prompt": 1e-2,
    "full": 2e-5,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the weights, besides data, base model and machine.

    ``batch`` counts the examples of one step of the optimizer, packed or not; ``max_tokens`` is the
    longest example, ``pack_tokens`` what one pass through the model holds.  ``target_modules`` and
    ``last_layers`` say where LoRA works: empty and 0 mean on all linear layers but the head.
    ``warmup`` is a share of all steps.  ``learning_rate`` 0 takes the usual one of the method;
    ``evaluate_every`` and ``checkpoint_every`` count steps; 0 means an evaluation an epoch, at
    most ten a run, and ten checkpoints a run: a run shorter than an epoch has them as well.
    ``patience`` evaluations without a better one end the run; 0 trains to the end.
    """

    method: Method = "lora"
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: tuple[str, ...] = ()
    last_layers: int = 0
    virtual_tokens: int = 20
    epochs: float = 3.0
    max_steps: int = 0
    batch: int = 16
    max_tokens: int = 2048
    pack_tokens: int = 1024
    packing: bool = True
    learning_rate: float = 0.0
    schedule: Schedule = "cosine"
    warmup: float = 0.05
    weight_decay: float = 0.0
    clip: float = 1.0
    dtype: Dtype = "auto"
    gradient_checkpointing: bool = False
    evaluate_every: int = 0
    checkpoint_every: int = 0
    patience: int = 0
    stop_on: StopOn = "loss"
    grounded_examples: int = 0
    seed: int = 7

    def __post_init__(self) -> None:
        """Raise UsageError for what cannot be trained with."""
        for wrong, what in (
            (self.lora_rank < 1, "the LoRA rank must be at least 1"),
            (self.lora_alpha < 1, "LoRA's alpha must be at least 1"),
            (not 0 <= self.lora_dropout < 1, "LoRA's dropout must be from 0 to below 1"),
            (self.last_layers < 0, "the number of last layers cannot be negative"),
            (self.virtual_tokens < 1, "a prompt needs at least one virtual token"),
            (not (self.epochs > 0 and math.isfinite(self.epochs)), "epochs must be positive"),
            (self.max_steps < 0, "the number of steps cannot be negative"),
            (self.batch < 1, "a batch has at least one example"),
            (self.max_tokens < 8, "examples need at least 8 tokens"),
            (self.pack_tokens < 8, "a pack needs at least 8 tokens"),
            (
                not 0 <= self.learning_rate < math.inf,
                "the learning rate must be a positive number",
            ),
            (not 0 <= self.warmup <= 1, "the warm-up is a share of the steps, from 0 to 1"),
            (self.weight_decay < 0, "the weight decay cannot be negative"),
            (not self.clip > 0, "the gradient's norm must be clipped at a positive number"),
            (self.seed < 0, "the seed cannot be negative"),
        ):
            if wrong:
                raise UsageError(what, hint="See: esrag finetune --help")

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.learning_rate or _LEARNING_RATES[self.method]

    def steps(self, rows: int) -> int:
        """Steps of the optimizer with so many examples."""
        return self.max_steps or math.ceil(self.epochs * math.ceil(rows / self.batch))

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return {**asdict(self), "target_modules": list(self.target_modules)}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Recipe:
        """Read what ``to_json`` wrote; raises UsageError for fields that are not known."""
        try:
            return cls(**{**body, "target_modules": tuple(body.get("target_modules", ()))})
        except TypeError as error:
            raise UsageError(f"this recipe is of another version of esrag: {error}") from error


def fingerprint(*parts: object) -> str:
    """A name of 64 hexadecimal digits for what can be written as JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def rate_at(step: int, *, recipe: Recipe, total: int) -> float:
    """The learning rate of ``step``, from 0, of ``total``: a linear warm-up, then the schedule.

    The warm-up ends at full rate; cosine and linear fall to a tenth of it, so that the last steps
    still teach.
    """
    warmup = round(recipe.warmup * total)
    if step < warmup:
        return recipe.rate * (step + 1) / (warmup + 1)
    if recipe.schedule == "constant":
        return recipe.rate
    along = (step - warmup) / max(1, total - warmup)
    fallen = (1 + math.cos(math.pi * along)) / 2 if recipe.schedule == "cosine" else 1 - along
    return recipe.rate * (0.1 + 0.9 * fallen)
