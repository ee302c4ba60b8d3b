"""``adapter_config.json`` of peft: what is understood, and what is refused.

Some of its keys make peft import a module, read a pickle, fetch a model or run a pattern; others
mean that the base's weights have to be changed first, so that the matrices alone would say
something else.  Therefore: known keys with harmless values, and of all others only those that say
nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.model_files.reading import read_object, refuse

MOST_RANK = 512
_MODULE = re.compile(r"\w[\w.]*")
_HINT = "Plain LoRA, DoRA and prompt tuning are taken; save the adapter as one of these."


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Sizes of a LoRA adapter; patterns give other ranks and alphas to modules by their end."""

    rank: int
    alpha: float
    dora: bool
    rank_stabilised: bool
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    base: str

    def rank_of(self, module: str) -> int:
        """The LoRA rank of one module."""
        return int(_by_end(self.ranks, module, self.rank))

    def scale_of(self, module: str) -> float:
        """What B A is multiplied with: alpha / rank, with rsLoRA alpha / sqrt(rank)."""
        rank = self.rank_of(module)
        alpha = _by_end(self.alphas, module, self.alpha)
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)


@dataclass(frozen=True, slots=True)
class PromptConfig:
    """A tuned prompt: so many vectors of so many numbers."""

    vectors: int
    width: int
    base: str


def _by_end(values: Mapping[str, float], module: str, default: float) -> float:
    for end, value in values.items():
        if module == end or module.endswith(f".{end}"):
            return value
    return default


def read_adapter_config(file: Path) -> LoraConfig | PromptConfig:
    """Read and check it; raises UnsupportedError naming the key that is refused."""
    config = read_object(file)
    method = config.get("peft_type")
    rules = {"LORA": _LORA, "PROMPT_TUNING": _PROMPT}.get(str(method))
    if rules is None:
        refuse(f"{file} is an adapter of the kind {method!r}", _HINT)
    for key, value in config.items():
        rule = rules.get(key) or _COMMON.get(key)
        harmless = rule(value) if rule is not None else value in (None, False, [], {}, "")
        if not harmless:
            refuse(f"{file} sets {key} to {str(value)[:120]!r}, which is not taken", _HINT)
    base = str(config.get("base_model_name_or_path") or "")
    try:
        if method == "LORA":
            return _lora(config, base)
        return PromptConfig(config["num_virtual_tokens"], config["token_dim"], base)
    except KeyError as error:
        refuse(f"{file} does not say {error}")


def _lora(config: Mapping[str, Any], base: str) -> LoraConfig:
    return LoraConfig(
        rank=config["r"],
        alpha=float(config["lora_alpha"]),
        dora=bool(config.get("use_dora")),
        rank_stabilised=bool(config.get("use_rslora")),
        ranks=dict(config.get("rank_pattern") or {}),
        alphas=dict(config.get("alpha_pattern") or {}),
        base=base,
    )


def _is_rank(value: Any) -> bool:
    return type(value) is int and 0 < value <= MOST_RANK


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_words(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_modules(value: Any) -> bool:
    """Names, since peft runs any other text as a pattern."""
    return (
        value is None
        or value == "all-linear"
        or (
            isinstance(value, list)
            and all(isinstance(one, str) and _MODULE.fullmatch(one) for one in value)
        )
    )


def _is_pattern_of(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        return value is None or (
            isinstance(value, dict)
            and all(_MODULE.fullmatch(key) and rule(one) for key, one in value.items())
        )

    return holds


def _is_layers(value: Any) -> bool:
    numbers = value if isinstance(value, list) else [value]
    return value is None or all(type(one) is int for one in numbers)


def _one_of(*allowed: Any) -> Callable[[Any], bool]:
    return lambda value: any(value is one or value == one for one in allowed)


_COMMON: dict[str, Callable[[Any], bool]] = {
    "peft_type": _is_words,
    "peft_version": _is_words,
    "task_type": _one_of(None, "CAUSAL_LM"),
    "base_model_name_or_path": _is_words,
    "revision": _is_words,
    "inference_mode": _is_flag,
}
_LORA: dict[str, Callable[[Any], bool]] = {
    "r": _is_rank,
    "lora_alpha": _is_number,
    "lora_dropout": _is_share,
    "use_dora": _is_flag,
    "use_rslora": _is_flag,
    "target_modules": _is_modules,
    "exclude_modules": _is_modules,
    "rank_pattern": _is_pattern_of(_is_rank),
    "alpha_pattern": _is_pattern_of(_is_number),
    "layers_to_transform": _is_layers,
    "layers_pattern": _one_of(None, "layers", ["layers"]),
    "bias": _one_of("none"),
    # what other beginnings leave behind are changed weights of the base
    "init_lora_weights": _one_of(True, False, None, "gaussian", "orthogonal"),
    "megatron_core": _one_of(None, "megatron.core"),
    "qalora_group_size": lambda value: type(value) is int,
    "ensure_weight_tying": _is_flag,
}
_PROMPT: dict[str, Callable[[Any], bool]] = {
    "num_virtual_tokens": _is_rank,
    "token_dim": lambda value: type(value) is int and value > 0,
    "num_transformer_submodules": _one_of(None, 1),
    "num_attention_heads": lambda value: value is None or type(value) is int,
    "num_layers": lambda value: value is None or type(value) is int,
    "prompt_tuning_init": _one_of("RANDOM", "TEXT", "SAMPLE_VOCAB"),
    "prompt_tuning_init_text": _is_words,
    "tokenizer_name_or_path": _is_words,
}
