"""Reads what lies in a folder of strangers: plain files only, JSON within bounds."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from esrag.errors import UnsupportedError

_MOST_ENTRIES = 20_000
_LONGEST_JSON = 32 * 2**20
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".h5", ".msgpack")


def refuse(message: str, hint: str = "") -> NoReturn:
    """Raise UnsupportedError: the folder is not loaded."""
    raise UnsupportedError(message, hint=hint or "It was not loaded; nothing in it was run.")


def check_entries(folder: Path, *, links_into: Path | None = None) -> None:
    """Everything below ``folder`` is a file or a folder, and no link leads out of it.

    A link may lead into ``links_into`` as well: the hub's cache keeps contents apart from names.
    """
    if not folder.is_dir():
        refuse(f"{folder} is not a folder", "Name the folder that holds the weights.")
    homes = [home.resolve() for home in (folder, links_into) if home is not None]
    seen = 0
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            seen += 1
            if seen > _MOST_ENTRIES:
                refuse(f"{folder} holds more than {_MOST_ENTRIES} files")
            _check_entry(Path(at, name), homes)


def _check_entry(path: Path, homes: list[Path]) -> None:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = path.resolve(strict=True)
            if not any(target.is_relative_to(home) for home in homes):
                refuse(f"{path} is a link that leads out of its folder")
            mode = target.stat().st_mode
    except (OSError, RuntimeError) as error:
        raise UnsupportedError(f"{path} cannot be read: {error}") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        refuse(f"{path} is neither a file nor a folder")


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file; raises UnsupportedError for what is none."""
    try:
        if file.stat().st_size > _LONGEST_JSON:
            refuse(f"{file} is larger than {_LONGEST_JSON // 2**20} MiB")
        value = json.loads(file.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError as error:
        raise UnsupportedError(
            f"{file.parent} has no {file.name}", hint="Name the folder that holds the weights."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UnsupportedError(f"{file} is not JSON: {error}") from error
    if not isinstance(value, dict):
        refuse(f"{file} does not hold an object")
    return value


def read_object_if_there(file: Path) -> dict[str, Any]:
    """The same, empty where there is no such file."""
    return read_object(file) if file.exists() else {}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
