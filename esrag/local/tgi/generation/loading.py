"""Loads a checked folder into memory and proves that our way of running it is right.

The proof: the same short prompt through the model's own attention and through ours, in two
stretches and in company.  It also warms the kernels up.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from esrag.errors import UnsupportedError
from esrag.local.tgi.generation.adapter_reading import AdapterReader
from esrag.local.tgi.generation.adapters import AdaptedLayers
from esrag.local.tgi.generation.runner import ATTENTION, TorchRunner, slot_attention
from esrag.local.tgi.generation.slots import SlotMemory

Device = Literal["auto", "cpu", "cuda"]
_SIMILAR = 0.99
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to run, and the facts that limits follow from."""

    runner: TorchRunner
    adapters: AdapterReader
    device: str
    dtype: str
    max_positions: int
    bytes_per_token: int
    free_bytes: int | None
    end_tokens: frozenset[int]


def load(folder: Path, *, device: Device, threads: int, max_adapter_rank: int = 256) -> LoadedModel:
    """Load weights and check them; raises UnsupportedError where this cannot serve them."""
    torch.set_num_threads(threads)
    place = _device(device)
    dtype = _dtype(place)
    model = _read(folder, dtype).to(place).eval()
    config = model.config
    _check_config(config, folder)
    heads = config.num_attention_heads
    memory = SlotMemory(
        layers=config.num_hidden_layers,
        heads=getattr(config, "num_key_value_heads", None) or heads,
        head_size=getattr(config, "head_dim", None) or config.hidden_size // heads,
        dtype=dtype,
        device=place,
    )
    layers = AdaptedLayers(model)
    runner = TorchRunner(model, memory, layers)
    with layers.watched() as rowwise:
        _prove(model, runner, folder)
    return LoadedModel(
        runner=runner,
        adapters=AdapterReader(
            layers.linear,
            rowwise=rowwise,
            base=folder,
            # on a CPU small products are faster in float32 than in bfloat16, and training keeps
            # adapters in float32 too
            dtype=torch.float32 if place.type == "cpu" else dtype,
            device=place,
            most_rank=max_adapter_rank,
        ),
        device=place.type,
        dtype=str(dtype).removeprefix("torch."),
        max_positions=_positions(config),
        bytes_per_token=memory.bytes_per_token,
        free_bytes=torch.cuda.mem_get_info()[0] if place.type == "cuda" else None,
        end_tokens=_end_tokens(model),
    )


def _read(folder: Path, dtype: torch.dtype) -> Any:
    import transformers.utils.import_utils as optional

    # transformers would import these for metrics and losses that are not used here: seven
    # seconds and 150 MB where they happen to be installed
    for name in ("_sklearn_available", "_scipy_available"):
        if hasattr(optional, name):
            setattr(optional, name, False)
    from transformers import AutoModelForCausalLM
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
    from transformers.utils import logging as talk

    talk.set_verbosity_error()
    talk.disable_progress_bar()
    ALL_ATTENTION_FUNCTIONS.register(ATTENTION, slot_attention)
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation=ATTENTION,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        raise UnsupportedError(
            f"the model in {folder} cannot be loaded: {str(error).splitlines()[0]}",
            hint="A causal language model that transformers knows is needed.",
        ) from error


def _device(wanted: Device) -> torch.device:
    present = torch.cuda.is_available()
    if wanted == "cuda" and not present:
        raise UnsupportedError(
            "no CUDA device is to be seen", hint="Use --device cpu, or check the driver."
        )
    return torch.device("cuda" if present and wanted != "cpu" else "cpu")


def _dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware multiplies it; without that it is slower than float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    capable = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if capable else torch.float32


def _positions(config: Any) -> int:
    longest: int = config.max_position_embeddings
    if not getattr(config, "use_sliding_window", True):
        return longest
    # our rows see everything, so an answer must end where a sliding window would begin to forget
    return min(longest, getattr(config, "sliding_window", None) or longest)


def _check_config(config: Any, folder: Path) -> None:
    needed = ("num_hidden_layers", "num_attention_heads", "hidden_size", "max_position_embeddings")
    missing = [name for name in needed if not isinstance(getattr(config, name, None), int)]
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if missing or kinds - {"full_attention"}:
        raise UnsupportedError(
            f"the model in {folder} ({config.model_type}) is not an ordinary decoder: "
            + (f"no {', '.join(missing)}" if missing else f"layers of {', '.join(sorted(kinds))}"),
            hint="Llama-like models work, among them Qwen2, Qwen3, SmolLM, Granite and OLMo.",
        )


def _end_tokens(model: Any) -> frozenset[int]:
    found = model.generation_config.eos_token_id
    if found is None:
        found = model.config.eos_token_id
    if found is None:
        return frozenset()
    return frozenset(found if isinstance(found, list) else [found])


def _prove(model: Any, runner: TorchRunner, folder: Path) -> None:
    """Raise UnsupportedError where our attention and the model's own disagree."""
    step = max(1, model.config.vocab_size // 37)
    ids = [(7 * step * place + 11) % model.config.vocab_size for place in range(9)]
    model.set_attn_implementation("sdpa")
    with torch.inference_mode():
        expected = model(torch.tensor([ids], device=model.device)).logits[0, -1].float().cpu()
    model.set_attn_implementation(ATTENTION)
    try:
        runner.prefill(0, ids=ids[:3], start=0)
        runner.prefill(1, ids=ids[:4], start=0)
        runner.prefill(1, ids=ids[4:8], start=4)
        got = runner.decode([ids[3], ids[8]], positions=[3, 8])[1]
    except (RuntimeError, TypeError, AttributeError, IndexError) as error:
        raise _unproven(model, folder, str(error).splitlines()[0]) from error
    finally:
        runner.release()
    wanted = expected.numpy()
    likeness = float(got @ wanted / (np.linalg.norm(got) * np.linalg.norm(wanted) + 1e-9))
    if not likeness >= _SIMILAR:
        raise _unproven(model, folder, f"its logits differ (likeness {likeness:.3f})")
    _log.info("checked against the model's own attention: likeness %.5f", likeness)


def _unproven(model: Any, folder: Path, reason: str) -> UnsupportedError:
    return UnsupportedError(
        f"the model in {folder} ({model.config.model_type}) cannot be run in batches: {reason}",
        hint="Llama-like models work, among them Qwen2, Qwen3, SmolLM, Granite and OLMo.",
    )
