"""What of a model decides its costs: layers, widths, vocabulary; parameters follow exactly.

Known models by name, from each one's config.json on its hub page, and any other from its own
config.json.  Counted is the Llama family's decoder (and Falcon's, with its two-matrix MLP):
attention, MLP, RMSNorm and embeddings; biases are left out, some 0.01 % where there are any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from esrag.errors import UnsupportedError, UsageError

_TIED_BY_DEFAULT = {"gemma", "gemma2", "gemma3_text", "gpt2", "falcon", "cohere", "cohere2"}
_UNGATED = {"falcon", "gpt2", "gpt_neox", "phi", "opt", "bloom"}
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a decoder.  ``gated``: three matrices in the MLP (SwiGLU), else two."""

    name: str
    layers: int
    hidden: int
    heads: int
    key_value_heads: int
    intermediate: int
    vocabulary: int
    head_dim: int
    tied: bool = False
    gated: bool = True

    @property
    def attention_width(self) -> int:
        """Heads times their dimension: PaLM's HQ."""
        return self.heads * self.head_dim

    def linear_layers(self) -> dict[str, tuple[int, int]]:
        """The matrices of one layer by their usual names: inputs and outputs."""
        keys = self.key_value_heads * self.head_dim
        mlp = {"up_proj": (self.hidden, self.intermediate)}
        if self.gated:
            mlp["gate_proj"] = (self.hidden, self.intermediate)
        return {
            "q_proj": (self.hidden, self.attention_width),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (self.attention_width, self.hidden),
            **mlp,
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def layer_matrices(self) -> int:
        """Parameters of one layer that are multiplied with."""
        return sum(inputs * outputs for inputs, outputs in self.linear_layers().values())

    @property
    def body(self) -> int:
        """Parameters of all layers that are multiplied with."""
        return self.layers * self.layer_matrices

    @property
    def head(self) -> int:
        """Parameters of the output matrix, whether it is the embedding's or its own."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All parameters; the embedding counts once where it is tied."""
        embeddings = self.head if self.tied else 2 * self.head
        return self.body + embeddings + (2 * self.layers + 1) * self.hidden

    def lora_parameters(self, rank: int, targets: tuple[str, ...] | None = None) -> int:
        """Parameters of LoRA matrices of ``rank`` on the named matrices of every layer, or on all.

        Each adapted matrix of m inputs and n outputs gets rank·(m + n) (Hu et al., arXiv
        2106.09685, section 4.1).  Raises UsageError for a matrix that the model does not have.
        """
        linear = self.linear_layers()
        unknown = [name for name in targets or () if name not in linear]
        if unknown:
            raise UsageError(
                f"{self.name} has no {', '.join(unknown)}", hint=f"It has: {', '.join(linear)}"
            )
        chosen = linear if targets is None else {name: linear[name] for name in targets}
        return self.layers * sum(rank * (inputs + outputs) for inputs, outputs in chosen.values())

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return asdict(self)


def _shape(
    name: str,
    layers: int,
    hidden: int,
    heads: int,
    key_value_heads: int,
    intermediate: int,
    vocabulary: int,
    *,
    head_dim: int = 0,
    tied: bool = False,
    gated: bool = True,
) -> ModelShape:
    return ModelShape(
        name,
        layers,
        hidden,
        heads,
        key_value_heads,
        intermediate,
        vocabulary,
        head_dim or hidden // heads,
        tied,
        gated,
    )


KNOWN: Mapping[str, ModelShape] = {
    shape.name: shape
    for shape in (
        _shape("smollm2-135m", 30, 576, 9, 3, 1536, 49152, tied=True),
        _shape("smollm2-360m", 32, 960, 15, 5, 2560, 49152, tied=True),
        _shape("smollm2-1.7b", 24, 2048, 32, 32, 8192, 49152, tied=True),
        _shape("llama-3.2-1b", 16, 2048, 32, 8, 8192, 128256, tied=True),
        _shape("llama-3.2-3b", 28, 3072, 24, 8, 8192, 128256, tied=True),
        _shape("qwen2.5-0.5b", 24, 896, 14, 2, 4864, 151936, tied=True),
        _shape("qwen2.5-1.5b", 28, 1536, 12, 2, 8960, 151936, tied=True),
        _shape("qwen2.5-7b", 28, 3584, 28, 4, 18944, 152064),
        _shape("qwen2.5-14b", 48, 5120, 40, 8, 13824, 152064),
        _shape("qwen2.5-32b", 64, 5120, 40, 8, 27648, 152064),
        _shape("qwen2.5-72b", 80, 8192, 64, 8, 29568, 152064),
        _shape("llama-7b", 32, 4096, 32, 32, 11008, 32000),
        _shape("llama-13b", 40, 5120, 40, 40, 13824, 32000),
        _shape("llama-3-8b", 32, 4096, 32, 8, 14336, 128256),
        _shape("llama-3-70b", 80, 8192, 64, 8, 28672, 128256),
        _shape("mistral-7b", 32, 4096, 32, 8, 14336, 32000),
        _shape("falcon-40b", 60, 8192, 128, 8, 32768, 65024, head_dim=64, tied=True, gated=False),
    )
}


def shape_of(model: str) -> ModelShape:
    """The shape of a known name, or of the config.json at this path or in this folder.

    Raises UsageError for what is neither.
    """
    if model.lower() in KNOWN:
        return KNOWN[model.lower()]
    if model == "packaged":
        return KNOWN["smollm2-135m"]
    path = Path(model)
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"the shape of the model {model!r} is not known",
            hint=f"Give the folder of a model, its config.json, or one of: {', '.join(KNOWN)}",
        )
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise UsageError(f"{file} is no object")
    return shape_from_config(config, name=file.parent.name or model)


def shape_from_config(config: Mapping[str, Any], *, name: str) -> ModelShape:
    """The shape that a model's config.json describes.

    Raises UsageError for a missing size, UnsupportedError for a mixture of experts, of which only
    a part is multiplied with.
    """
    if any(config.get(key) for key in _EXPERTS):
        raise UnsupportedError(
            f"{name} is a mixture of experts, whose costs are not estimated",
            hint="Give the name of a dense model of as many active parameters: --model",
        )

    def size(*names: str, default: int | None = None) -> int:
        for key in names:
            value = config.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
        if default is None:
            raise UsageError(f"the config of {name} does not say {names[0]}")
        return default

    family = str(config.get("model_type", ""))
    hidden = size("hidden_size", "n_embd")
    heads = size("num_attention_heads", "n_head")
    return ModelShape(
        name=name,
        layers=size("num_hidden_layers", "n_layer"),
        hidden=hidden,
        heads=heads,
        key_value_heads=size("num_key_value_heads", "num_kv_heads", default=heads),
        intermediate=size("intermediate_size", "ffn_hidden_size", default=4 * hidden),
        vocabulary=size("vocab_size"),
        head_dim=size("head_dim", default=hidden // heads),
        tied=bool(config.get("tie_word_embeddings", family in _TIED_BY_DEFAULT)),
        gated=family not in _UNGATED,
    )


def shape_from_json(body: object, *, where: str) -> ModelShape:
    """Read what ``to_json`` wrote; raises UsageError, naming ``where``, for anything else."""
    if not isinstance(body, Mapping):
        raise UsageError(f"{where}: the shape of the model is missing")
    blank = ModelShape("", 1, 1, 1, 1, 1, 1, 1)
    known = asdict(blank)
    values = {key: body[key] for key in known if key in body}
    for key, value in values.items():
        if type(value) is not type(known[key]) or (type(value) is int and value < 1):
            raise UsageError(f"{where}: {key} of the model's shape is {value!r}")
    if len(values) != len(known):
        raise UsageError(f"{where}: the model's shape is not whole")
    return replace(blank, **values)
