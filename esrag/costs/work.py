"""The floating point operations of training: what has to be multiplied, whoever does it.

    forward      2·N a token                      Kaplan et al. 2020 (arXiv 2001.08361), table 1
    attention    4·L·HQ·T forward, 12·L·HQ·T all  PaLM (Chowdhery et al. 2022, 2204.02311), app. B
    backward     2·N through the activations, 2·N for the gradients of the weights
    LoRA         the weights' gradients fall away: 4·N, and 6 for each parameter of the adapter
    recompute    checkpointing runs the layers forward once more (Korthikanti et al. 2022,
                 2205.05198): work for the hardware, not for the model

N are parameters that are multiplied with: the layers and the output matrix, not the look-up of
embeddings.  The output matrix counts only where a loss is taken, and T is the length of an example
and not of the packed row, because examples in one row do not see each other.  As in PaLM's MFU,
attention counts the whole square, although a causal kernel computes half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from esrag.costs.shapes import ModelShape, shape_from_json
from esrag.errors import UsageError

Method = Literal["full", "lora", "dora", "qlora", "prompt"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """What a training run does.

    ``tokens``: positions that go through the model, all passes together.  ``length``: the mean
    number of positions that see each other.  ``loss_share``: the share of positions whose output
    is computed.  ``trainable``: parameters that are trained.  ``trained_layers``: how many layers,
    from the last, have something to train; 0 means all.
    """

    shape: ModelShape
    method: Method
    tokens: int
    length: float = 512.0
    loss_share: float = 1.0
    trainable: int = 0
    trained_layers: int = 0
    checkpointing: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for numbers that no run can have."""
        layers = self.shape.layers
        if self.tokens < 0 or self.length < 1 or not 0 <= self.loss_share <= 1:
            raise UsageError("tokens, length and share of the loss do not describe a run")
        if not 0 <= self.trained_layers <= layers:
            raise UsageError(f"{self.shape.name} has {layers} layers, not {self.trained_layers}")

    @property
    def _trained(self) -> float:
        """The share of the layers through which gradients flow."""
        if self.method in ("full", "prompt") or not self.trained_layers:
            return 1.0
        return self.trained_layers / self.shape.layers

    @property
    def forward(self) -> float:
        """FLOPs of one pass forward over all tokens."""
        head = 2 * self.shape.head * self.loss_share
        return self.tokens * (2 * self.shape.body + head + self._attention)

    @property
    def _attention(self) -> float:
        """FLOPs a token of attention's two products, forward."""
        return 4 * self.shape.layers * self.shape.attention_width * self.length

    @property
    def backward(self) -> float:
        """FLOPs of the gradients: through the activations, and of what is trained."""
        head = 2 * self.shape.head * self.loss_share
        through = self._trained * (2 * self.shape.body + 2 * self._attention) + head
        own = 6.0 * self.trainable  # an adapter's forward and both its gradients
        weights = 2 * self.shape.body + head if self.method == "full" else own
        return self.tokens * (through + weights)

    @property
    def model_flops(self) -> float:
        """What has to be computed, however it is done; utilisation (MFU) is measured by it."""
        return self.forward + self.backward

    @property
    def hardware_flops(self) -> float:
        """What the hardware computes, recomputation included (HFU)."""
        again = self.tokens * self._trained * (2 * self.shape.body + self._attention)
        return self.model_flops + (again if self.checkpointing else 0.0)

    @property
    def flops_a_token(self) -> float:
        """``model_flops`` of one token; 0 for a run without tokens."""
        return self.model_flops / self.tokens if self.tokens else 0.0

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json, under ``work``."""
        return {
            "shape": self.shape.to_json(),
            "method": self.method,
            "tokens": self.tokens,
            "length": round(self.length, 2),
            "loss_share": round(self.loss_share, 4),
            "trainable": self.trainable,
            "trained_layers": self.trained_layers,
            "checkpointing": self.checkpointing,
        }

    @classmethod
    def from_json(cls, body: object, *, where: str) -> TrainingWork:
        """Read what ``to_json`` wrote; raises UsageError, naming ``where``, for anything else."""
        if not isinstance(body, Mapping):
            raise UsageError(f"{where}: it does not say what work was done")
        if body.get("method") not in METHODS:
            raise UsageError(f"{where}: the method is {body.get('method')!r}")
        wanted: dict[str, type] = {
            "tokens": int,
            "length": float,
            "loss_share": float,
            "trainable": int,
            "trained_layers": int,
            "checkpointing": bool,
        }
        values: dict[str, Any] = {}
        for name, kind in wanted.items():
            value = body.get(name, kind())
            fits = type(value) is kind or (kind is float and type(value) is int)
            if not fits or value < 0:
                raise UsageError(f"{where}: {name} of the work is {value!r}")
            values[name] = value
        values["length"] = max(1.0, float(values["length"]))
        shape = shape_from_json(body.get("shape"), where=where)
        return cls(shape=shape, method=body["method"], **values)


def embedding_flops(parameters: int, tokens: int) -> float:
    """FLOPs of embedding so many tokens with a model of so many multiplied parameters: forward."""
    return 2.0 * parameters * tokens


def scratch_tokens(parameters: int) -> int:
    """Tokens that a model of its own is trained on at least: 20 for each parameter.

    Hoffmann et al. 2022 (arXiv 2203.15556), table 3: what serves a given sum of FLOPs best.
    """
    return 20 * parameters
