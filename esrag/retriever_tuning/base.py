"""Which embedding model is tuned: the packaged one, a folder, or a hub id; a checked folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from esrag.base_models.source import find_model
from esrag.model_files import check_model_folder
from esrag.tokens import EmbedderTokenizer, read_tokenizer
from esrag.tracing.process import PACKAGED, source_folder


def find_base(source: str, *, data_dir: Path) -> Path:
    """The folder of a model that may be loaded.

    Raises UsageError when there is none, UnsupportedError for one that must not be loaded, and
    UnavailableError when the hub is not to be reached.
    """
    folder = source_folder(source)
    if source == PACKAGED and folder is not None:
        check_model_folder(folder)
        return folder
    return find_model(source if folder is None else str(folder), data_dir=data_dir).folder


def cutting_tokenizer(folder: Path) -> EmbedderTokenizer:
    """The model's tokenizer, to cut documents as ingest does.

    A folder that has the vocabulary in an older form only is read by transformers.
    """
    file = folder / "tokenizer.json"
    if file.is_file():
        return read_tokenizer(file)
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory(prefix="esrag-tokenizer-") as place:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), use_fast=True, local_files_only=True)
        copy = Path(place) / "tokenizer.json"
        tokenizer.backend_tokenizer.save(str(copy))
        return read_tokenizer(copy)
