"""Loads a checked base model for training and puts an adapter on it, as the recipe says.

Frozen weights are held in bfloat16 where the hardware multiplies it, what is trained in float32.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from esrag.errors import UnsupportedError, UsageError
from esrag.training.attention import PACKED, Rows, register
from esrag.training.recipe import Dtype, Recipe

Device = Literal["auto", "cpu", "cuda"]
_SIMILAR = 0.99


@dataclass(frozen=True, slots=True)
class Trainee:
    """A model with the weights that are to be trained.

    ``autocast`` is the type in which a model in float32 multiplies, None for its own; ``packs``
    says whether rows may share a pass, ``whole_rows`` why not.
    """

    model: Any
    device: torch.device
    dtype: torch.dtype
    autocast: torch.dtype | None
    packs: bool
    whole_rows: str = ""

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """The parameters that are trained, by their names, in the order of the model."""
        return {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }

    @property
    def virtual(self) -> int:
        """Positions that a learnt prompt takes before every row."""
        configs = getattr(self.model, "peft_config", {})
        active = configs.get("default")
        return int(getattr(active, "num_virtual_tokens", 0) or 0)


def quiet_transformers() -> None:
    """No progress bars and warnings on standard error, and no import of what is not used here."""
    # importing parts of torch starts four processes that compile, and nothing here is compiled
    from torch._inductor import config as compiling

    compiling.compile_threads = 1
    import transformers.utils.import_utils as optional

    # imported for metrics and losses that are not used: seven seconds where they are installed
    for name in ("_sklearn_available", "_scipy_available"):
        if hasattr(optional, name):
            setattr(optional, name, False)
    from transformers.utils import logging as talk

    talk.set_verbosity_error()
    talk.disable_progress_bar()
    # peft imports it wherever it is installed, and it misses kernels that nobody asked for
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def device_of(wanted: Device) -> torch.device:
    """The device; raises UnsupportedError when there is none of the kind that was named."""
    present = torch.cuda.is_available()
    if wanted == "cuda" and not present:
        raise UnsupportedError(
            "no CUDA device is to be seen", hint="Use --device cpu, or check the driver."
        )
    return torch.device("cuda" if present and wanted != "cpu" else "cpu")


def dtype_of(wanted: Dtype, device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it; without that it is slower than float32."""
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capable = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if capable else torch.float32


def load_trainee(folder: Path, recipe: Recipe, *, device: torch.device) -> Trainee:
    """Read the base model in ``folder``, which was checked, and make it ready to be trained.

    The weights that are trained begin as the seed says.  Raises UnsupportedError for a model or a
    method that does not work here.
    """
    quiet_transformers()
    register()
    dtype = dtype_of(recipe.dtype, device)
    full = recipe.method == "full"
    model = _read(folder, torch.float32 if full else dtype, recipe, device)
    packs, why = _packing(model, recipe)
    if not packs:
        model.set_attn_implementation("sdpa")
    torch.manual_seed(recipe.seed)
    model.config.use_cache = False
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    wrapped = model if full else with_adapter(model, recipe)
    wrapped.train()
    return Trainee(
        model=wrapped,
        device=device,
        dtype=dtype,
        autocast=dtype if full and dtype is not torch.float32 else None,
        packs=packs,
        whole_rows=why,
    )


def _read(folder: Path, dtype: torch.dtype, recipe: Recipe, device: torch.device) -> Any:
    from transformers import AutoModelForCausalLM

    more: dict[str, Any] = {}
    if recipe.method == "qlora":
        more = {"quantization_config": _four_bits(dtype), "device_map": {"": device}}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            **more,
        )
    except (ValueError, KeyError, OSError, RuntimeError, ImportError) as error:
        raise UnsupportedError(
            f"the model in {folder} cannot be loaded: {str(error).splitlines()[0]}",
            hint="A causal language model that transformers knows is needed.",
        ) from error
    if not more:
        return model.to(device)
    for module in model.modules():
        # a CPU's kernel for inference, which the first evaluation would switch on for good,
        # passes no gradients back through the frozen layers
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def _four_bits(dtype: torch.dtype) -> Any:
    from transformers import BitsAndBytesConfig

    try:
        import bitsandbytes  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        raise UnsupportedError(
            f"bitsandbytes does not run here: {error}",
            hint="Install it (pip install 'esrag[qlora]'), or use --method lora.",
        ) from error
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def with_adapter(model: Any, recipe: Recipe) -> Any:
    """The model with a new adapter; only that has gradients."""
    import peft

    if recipe.method == "prompt":
        config: Any = peft.PromptTuningConfig(
            task_type="CAUSAL_LM", num_virtual_tokens=recipe.virtual_tokens
        )
    else:
        layers = getattr(model.config, "num_hidden_layers", 0)
        last = range(max(0, layers - recipe.last_layers), layers) if recipe.last_layers else None
        config = peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            target_modules=list(_targets(model, recipe)),
            layers_to_transform=list(last) if last is not None else None,
            layers_pattern="layers" if last is not None else None,
            use_dora=recipe.method == "dora",
        )
    if recipe.method == "qlora":
        model = peft.prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=recipe.gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
    elif recipe.gradient_checkpointing:
        model.enable_input_require_grads()
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:
        raise UnsupportedError(
            f"no adapter can be put on this model: {str(error).splitlines()[0]}",
            hint="Look at --target-modules: names such as q_proj, v_proj.",
        ) from error


def _targets(model: Any, recipe: Recipe) -> tuple[str, ...]:
    """Names of the linear layers to adapt: those given, else all but the head, sorted."""
    head = model.get_output_embeddings()
    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    if not recipe.target_modules:
        return tuple(sorted(linear))
    unknown = sorted(set(recipe.target_modules) - linear)
    if unknown:
        raise UsageError(
            f"the base model has no linear layers named {', '.join(unknown)}",
            hint=f"It has: {', '.join(sorted(linear))}",
        )
    return tuple(sorted(recipe.target_modules))


def _packing(model: Any, recipe: Recipe) -> tuple[bool, str]:
    """Whether rows can share a pass through this model: tried, not looked up in a list.

    On success the model is left with the attention for packs.
    """
    if recipe.method == "prompt":
        return False, "a learnt prompt stands before each example"
    if not recipe.packing:
        return False, "the recipe says so"
    size = model.config.get_text_config().vocab_size
    rows = [[(7 * place + 11 * start) % size for place in range(9)] for start in (1, 2)]

    def last(ids: list[int], positions: list[int]) -> torch.Tensor:
        given = {"input_ids": [ids], "position_ids": [positions]}
        tensors = {name: torch.tensor(value).to(model.device) for name, value in given.items()}
        with torch.inference_mode():
            logits: torch.Tensor = model(**tensors, use_cache=False).logits
        return logits[0, -1].float()

    places = list(range(9))
    alone = last(rows[1], places)
    model.set_attn_implementation(PACKED)
    try:
        with Rows.of((9, 9)):
            together = last(rows[0] + rows[1], places + places)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        return False, f"the model's attention does not allow it ({str(error).splitlines()[0]})"
    likeness = float(torch.nn.functional.cosine_similarity(alone, together, dim=0))
    if not likeness >= _SIMILAR:
        return False, f"the model's own attention gives other logits (likeness {likeness:.3f})"
    return True, ""
