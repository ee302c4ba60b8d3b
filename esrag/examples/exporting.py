"""Writes a data set in the forms that other trainers read, one file a split.

    trl             {"prompt": [system, user], "completion": [assistant]}: loss on the completion
    llama-factory   {"messages": […]} and dataset_info.json, formatting sharegpt with OpenAI's tags
    axolotl         {"messages": […]} and axolotl.yaml, type chat_template, loss on the assistant
    messages        {"messages": […]}, which most programs read

Each row keeps its id, so that what a trainer did with it can be traced to its documents; the
provenance itself stays in the data set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Literal, get_args

from esrag.disk import replace_text
from esrag.errors import UsageError
from esrag.examples.folder import appearing, kept_space
from esrag.examples.rows import read_examples
from esrag.types import Example

Form = Literal["messages", "trl", "llama-factory", "axolotl"]
FORMS: tuple[Form, ...] = get_args(Form)
INFO, AXOLOTL = "dataset_info.json", "axolotl.yaml"
# splits as trainers call them
_FILES = {"train": "train", "dev": "validation", "test": "test", "recall": "recall"}


def export(
    file: Path, folder: Path, form: Form, *, kinds: Sequence[str] = (), name: str = "esrag"
) -> dict[str, int]:
    """Write the rows of ``file`` into ``folder``; returns the number of rows by file.

    ``name`` is what LLaMA-Factory's list calls the data set.  Raises UsageError when the folder
    holds something already, UnavailableError when the disk is full.
    """
    with kept_space(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"{folder} is {'not empty' if folder.is_dir() else 'no folder'}",
                hint="Name a folder that is not there: --to FOLDER",
            )
    with appearing(folder) as working:
        counts = _split(file, working, form, kinds)
        if not counts:
            raise UsageError(f"{file} has no rows of kind {', '.join(kinds) or 'any'}")
        if form == "llama-factory":
            replace_text(working / INFO, _as_json(dataset_info(sorted(counts), name=name)))
        elif form == "axolotl":
            replace_text(working / AXOLOTL, axolotl_yaml(folder, sorted(counts)))
    return dict(sorted(counts.items()))


def _split(file: Path, folder: Path, form: Form, kinds: Sequence[str]) -> dict[str, int]:
    """Write a file for each split; returns the number of rows by file."""
    counts: dict[str, int] = {}
    with ExitStack() as opened:
        files: dict[str, IO[str]] = {}
        for example in read_examples(file):
            if kinds and example.kind not in kinds:
                continue
            written = f"{_FILES[example.split]}.jsonl"
            if written not in files:
                files[written] = opened.enter_context(
                    (folder / written).open("w", encoding="utf-8", newline="\n")
                )
            row = json.dumps(_ROWS[form](example), ensure_ascii=False)
            files[written].write(row + "\n")
            counts[written] = counts.get(written, 0) + 1
    return counts


def dataset_info(files: Sequence[str], *, name: str) -> dict[str, Any]:
    """The entries that LLaMA-Factory's ``dataset_info.json`` wants, one for each file."""
    return {
        f"{name}_{file.removesuffix('.jsonl')}": {
            "file_name": file,
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }
        for file in files
    }


def axolotl_yaml(folder: Path, files: Sequence[str]) -> str:
    """The part of an Axolotl configuration that names the data."""
    lines = [
        "# Put this into the configuration of a training run.",
        "chat_template: tokenizer_default",
        "train_on_inputs: false",
    ]
    for key, file in (("datasets", "train.jsonl"), ("test_datasets", "validation.jsonl")):
        if file in files:
            lines += [
                f"{key}:",
                f"  - path: {json.dumps(str((folder / file).resolve()))}",
                "    ds_type: json",
                "    split: train",
                "    type: chat_template",
                "    field_messages: messages",
                "    message_property_mappings:",
                "      role: role",
                "      content: content",
                '    roles_to_train: ["assistant"]',
                "    train_on_eos: turn",
            ]
    return "\n".join(lines) + "\n"


def _messages_row(example: Example) -> dict[str, Any]:
    return {"id": example.id, "messages": [asdict(message) for message in example.messages]}


def _trl_row(example: Example) -> dict[str, Any]:
    *prompt, completion = (asdict(message) for message in example.messages)
    return {"id": example.id, "prompt": prompt, "completion": [completion]}


def _as_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


_ROWS: dict[Form, Callable[[Example], dict[str, Any]]] = {
    "messages": _messages_row,
    "trl": _trl_row,
    "llama-factory": _messages_row,
    "axolotl": _messages_row,
}
