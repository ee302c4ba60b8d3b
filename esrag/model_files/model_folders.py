"""A folder with a whole model: what has to be there, and what must not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from esrag.errors import UnsupportedError
from esrag.model_files.chat_templates import check_chat_templates
from esrag.model_files.configs import CONFIGS, check_configs
from esrag.model_files.reading import (
    PICKLES,
    check_entries,
    read_object,
    read_object_if_there,
    refuse,
)
from esrag.model_files.tensors import read_head

_SHARD = re.compile(r"[A-Za-z0-9_][\w.-]*\.safetensors")
_MODULES = "modules.json"
# what says how text becomes tokens and where an answer ends: the same for other weights
_TEXT_SIDE = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
)


def copy_text_side(base: Path, target: Path) -> None:
    """Copy tokenizer, chat template and end tokens of a model to a folder with other weights."""
    for name in _TEXT_SIDE:
        if (base / name).is_file():
            shutil.copyfile(base / name, target / name)


def check_model_folder(folder: Path, *, links_into: Path | None = None) -> None:
    """Raise UnsupportedError for a folder that must not or cannot be loaded.

    ``links_into`` is a second folder to which links may lead: the hub's cache.
    What is checked: links, safetensors only and whole, no code of its own, nothing named that
    would be fetched, chat templates that compute text and no more.
    """
    check_entries(folder, links_into=links_into)
    if not (folder / CONFIGS[0]).is_file():
        refuse(f"{folder} has no config.json", "A model folder holds config.json beside it.")
    if (folder / "adapter_config.json").exists():
        # transformers would load the base that it names instead, from wherever that is
        refuse(
            f"{folder} holds adapter_config.json: it is an adapter, or a model with one inside",
            "Merge it first (esrag adapter merge), or name base and adapter apart.",
        )
    check_configs(folder)
    _check_weights(folder)
    _check_sentence_modules(folder)
    check_chat_templates(folder)


def _check_weights(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        what = f" (only {', '.join(pickles)})" if pickles else ""
        refuse(
            f"{folder} holds no safetensors{what}",
            "Pickled weights can run code and are not loaded; save with safe_serialization.",
        )
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".safetensors":
            read_head(path)
        elif path.name.endswith(".safetensors.index.json"):
            _check_index(path)
        elif _is_pickled_weights(path) and not any(path.parent.glob("*.safetensors")):
            refuse(
                f"{path} holds pickled weights, which can run code",
                "Save it with safe_serialization.",
            )


def _is_pickled_weights(path: Path) -> bool:
    return path.suffix in PICKLES and path.name != "training_args.bin"


def _check_index(file: Path) -> None:
    shards = read_object(file).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        refuse(f"{file} has no weight_map")
    for shard in set(map(str, shards.values())):
        if not _SHARD.fullmatch(shard):
            refuse(f"{file} names weights elsewhere: {shard!r}")
        if not (file.parent / shard).is_file():
            refuse(f"{file} names {shard}, which is not there", "Is the folder complete?")


def _check_sentence_modules(folder: Path) -> None:
    """A folder of sentence-transformers imports the classes that it names."""
    file = folder / _MODULES
    if not file.is_file():
        return
    for module in _modules(file):
        kind, path = str(module.get("type", "")), str(module.get("path", ""))
        if not re.fullmatch(r"sentence_transformers(\.\w+)+", kind):
            refuse(f"{file} wants the class {kind!r}, which is none of sentence-transformers")
        if path and not re.fullmatch(r"\w[\w.-]*", path):
            refuse(f"{file} names a part elsewhere: {path!r}")
        config = read_object_if_there(folder / path / "config.json") if path else {}
        activation = str(config.get("activation_function") or "")
        if activation and not re.fullmatch(r"torch\.nn(\.\w+)+", activation):
            refuse(f"{folder / path / 'config.json'} wants the function {activation!r}")


def _modules(file: Path) -> list[dict[str, Any]]:
    import json

    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnsupportedError(f"{file} is not JSON: {error}") from error
    if not isinstance(modules, list) or not all(isinstance(one, dict) for one in modules):
        refuse(f"{file} does not list modules")
    return modules
