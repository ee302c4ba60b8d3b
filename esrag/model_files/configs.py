"""What the configuration files of a model must not say: run this code, fetch that model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from esrag.model_files.reading import read_object_if_there, refuse

CONFIGS = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
)
TOKENIZER_CONFIG = "tokenizer_config.json"
# where a model once came from; nothing follows it
_INFORMATIONAL = {"_name_or_path", "name_or_path", "_commit_hash", "transformers_version"}
_FREE_TEXT = {"id2label", "label2id", "task_specific_params"}
_ATTENTION = {"eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"}
_CODE = {"auto_map", "custom_pipelines", "custom_generate"}
_KERNELS = {"use_kernels", "kernel_config", "trust_remote_code", "use_pretrained_backbone"}
_ELSEWHERE = re.compile(r"[\w.-]+/[\w.@-]+|[~/\\].*|\.{1,2}[/\\].*|[A-Za-z]:[/\\].*|.*://.*", re.S)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
_NO_CODE = "Models that bring code are not loaded; convert it to a built-in architecture."


def check_configs(folder: Path) -> None:
    """Look through the configurations right in ``folder``; raises UnsupportedError."""
    for name in CONFIGS:
        file = folder / name
        for keys, value in _values(read_object_if_there(file)):
            _check(file, keys, value)
    file = folder / TOKENIZER_CONFIG
    for keys, value in _values(read_object_if_there(file)):
        if keys[-1] in _CODE | _KERNELS:
            _check(file, keys, value)
        elif (
            keys[0].endswith(("_file", "_files"))
            and isinstance(value, str)
            and not _PLAIN_NAME.fullmatch(value)
        ):  # the tokenizer would be read from there
            refuse(f"{file} names a file elsewhere: {'.'.join(keys)} = {value!r}")


def _values(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value with the keys that lead to it, objects and lists themselves too."""
    if keys:
        yield keys, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _values(inner, (*keys, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, keys or ("",))


def _check(file: Path, keys: tuple[str, ...], value: Any) -> None:
    key, path = keys[-1], ".".join(keys)
    if key in _CODE:
        refuse(f"{file} wants to run its own code ({path})", _NO_CODE)
    if key.endswith("attn_implementation_internal"):
        refuse(f"{file} sets {path}, through which code is fetched and run", _NO_CODE)
    if "attn_implementation" in path and isinstance(value, str) and value not in _ATTENTION:
        refuse(f"{file} wants the attention {value!r} ({path}), which is not built in", _NO_CODE)
    if key in _KERNELS and value:
        refuse(f"{file} wants what is fetched from elsewhere ({path})", _NO_CODE)
    if key in _INFORMATIONAL or _FREE_TEXT.intersection(keys):
        return
    if isinstance(value, str) and _ELSEWHERE.fullmatch(value):
        refuse(
            f"{file} names a model or file elsewhere: {path} = {value[:120]!r}",
            "A model folder is complete in itself; what it names elsewhere is not fetched.",
        )
