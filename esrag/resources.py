"""Finds the bodies in ``mappings/`` and ``pipelines/``: the user's own, else the shipped ones.

A project folder may hold its own ``mappings/`` or ``pipelines/``; a file there replaces the
shipped file of the same relative path.  The shipped files lie inside the wheel, or in the
checkout when the package is installed editable.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esrag.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def shipped_folder() -> Path:
    """The folder that holds the shipped ``mappings/`` and ``pipelines/``."""
    in_wheel = _PACKAGE / "_bodies"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent


def find_body(relative_path: str, *, project: Path | None = None) -> Path:
    """The file to use for, say, ``pipelines/search/hybrid.json``.

    Raises UsageError when neither the project nor the package has it.
    """
    for folder in (project, shipped_folder()):
        if folder is not None and (folder / relative_path).is_file():
            return folder / relative_path
    raise UsageError(
        f"there is no {relative_path} in the project folder or in the package",
        hint="Is the installation whole? Try: pip install --force-reinstall esrag",
    )


def load_body(relative_path: str, *, project: Path | None = None) -> dict[str, Any]:
    """The parsed JSON of a body; raises UsageError naming file and line when it is not JSON."""
    path = find_body(relative_path, project=project)
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(f"{path} cannot be used: {error}") from error
    return body
