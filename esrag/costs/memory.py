"""What training needs of memory, before it starts: weights, gradients, optimizer, activations.

    weights       bytes of their type; 4.127 bits a parameter of the layers in QLoRA's NF4
                  (Dettmers et al. 2023, arXiv 2305.14314, section 3)
    gradients     one for each trained parameter, in that parameter's type
    optimizer     AdamW: two moments for each, in the same type
    activations   what a layer keeps for the way back, counted tensor by tensor in the manner of
                  Korthikanti et al. 2022 (2205.05198), for the Llama family
    logits        32-bit outputs and their gradients, where a loss is taken

``docs/costs.md`` sets it beside what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from esrag.costs.shapes import ModelShape
from esrag.costs.work import Method

NF4_BYTES = 4.127 / 8
BF16 = 2
FP32 = 4
# Python, torch and transformers, imported and idle: resident memory, and a CUDA context.
RUNTIME = 600 * 2**20
CUDA_CONTEXT = 800 * 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one device; ``runtime`` is what the program takes before there is a model.

    ``fragments``: what the allocator keeps and cannot use again.
    """

    weights: float
    gradients: float
    optimizer: float
    activations: float
    logits: float
    runtime: float
    fragments: float = 0.0

    @property
    def total(self) -> float:
        """All of it at once: the way back begins with everything there."""
        return (
            self.weights
            + self.gradients
            + self.optimizer
            + self.activations
            + self.logits
            + self.runtime
            + self.fragments
        )


def activation_bytes(
    shape: ModelShape,
    *,
    element: int = BF16,
    adapted: tuple[str, ...] = (),
    trained_bytes: int = FP32,
    square: float = 0.0,
) -> float:
    """Bytes that one layer keeps of one token for the way back.

    Trained whole, each norm keeps its input and the normed form in 32 bits and what it hands on;
    attention keeps queries, keys and values, repeated for all heads, and its output; the MLP its
    halves, the activated one and their product.  Of frozen weights the norms keep their input
    only, while each ``adapted`` matrix keeps its input in the adapter's type.  ``square`` is the
    length of the rows where attention keeps all their pairs, in 32 bits, as it does on a CPU.

    Checked against the tensors that transformers' Llama really saves, to 1 %.
    """
    width, linear = shape.attention_width, shape.linear_layers()
    inputs = sum(linear[name][0] for name in adapted)
    norms = 2 * shape.hidden * (FP32 if adapted else 2 * FP32 + element)
    if square:
        attention = (3 * width + shape.heads * square) * FP32 + (0 if adapted else width * element)
    else:
        attention = 4.0 * width * element
    halves = (3 if shape.gated else 1) + (0 if adapted else 1)
    return norms + attention + halves * shape.intermediate * element + inputs * trained_bytes


# On a CPU glibc keeps about as much again as one pass takes: SmolLM2, passes of 1,024 tokens,
# LoRA 5.1 GiB and full training 7.1 GiB resident at most, against 3.1 and 4.9 without this.
FRAGMENTS_ON_CPU = 1.0


def estimate_memory(
    shape: ModelShape,
    method: Method,
    *,
    trainable: int,
    tokens: int,
    loss_tokens: int | None = None,
    weight_bytes: int = BF16,
    trained_bytes: int = FP32,
    adapted: tuple[str, ...] | None = None,
    square: float = 0.0,
    checkpointing: bool = False,
    gpu: bool = False,
) -> Memory:
    """What one device needs for ``tokens`` at a time, of which ``loss_tokens`` have a loss.

    ``trainable`` parameters are kept in ``trained_bytes`` each; with method full these are the
    weights themselves, in every other one they come on top.  ``adapted`` names the matrices of a
    layer that have an adapter (None: all); ``square`` is as in ``activation_bytes``.
    """
    if method == "full":
        weights = float(trained_bytes * shape.parameters)
        trainable = shape.parameters
    else:
        layers = NF4_BYTES if method == "qlora" else float(weight_bytes)
        rest = shape.parameters - shape.body
        weights = layers * shape.body + weight_bytes * rest + trained_bytes * trainable
    names = tuple(shape.linear_layers()) if adapted is None else adapted
    one_layer = tokens * activation_bytes(
        shape,
        element=trained_bytes if method == "full" else weight_bytes,
        adapted=() if method in ("full", "prompt") else names,
        trained_bytes=trained_bytes,
        square=square,
    )
    if checkpointing:
        activations = shape.layers * shape.hidden * weight_bytes * tokens + one_layer
    else:
        activations = shape.layers * one_layer
    positions = tokens if loss_tokens is None else loss_tokens
    logits = float(positions * shape.vocabulary * (2 * FP32 + weight_bytes))
    return Memory(
        weights=weights,
        gradients=float(trained_bytes * trainable),
        optimizer=2.0 * trained_bytes * trainable,
        activations=activations,
        logits=logits,
        runtime=float(CUDA_CONTEXT if gpu else RUNTIME),
        fragments=0.0 if gpu else FRAGMENTS_ON_CPU * (activations + logits),
    )
