"""Which embedding model is tuned: the packaged one, a folder, or a hub id; a checked folder."""

from __future__ import annotations

from pathlib import Path

from esrag.base_models.source import find_model
from esrag.model_files import check_model_folder
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
