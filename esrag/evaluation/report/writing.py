"""The three files of a report, each written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from esrag.errors import UnavailableError
from esrag.evaluation.records import EvaluationRun
from esrag.evaluation.report.data import render_json
from esrag.evaluation.report.markdown import render_markdown
from esrag.evaluation.report.page import render_page

FILES = ("report.html", "report.md", "report.json")


def write(run: EvaluationRun, folder: Path) -> None:
    """Write report.html, report.md and report.json into ``folder``.

    All three are made before the first is written; an older report stays until its successor lies
    whole beside it.  Raises UnavailableError when the disk does not take them.
    """
    texts = (render_page(run), render_markdown(run), render_json(run))
    for name, text in zip(FILES, texts, strict=True):
        _write(folder / name, text)


def _write(path: Path, text: str) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror}",
            hint="The replies are kept; write the report again with esrag compare --from RUN.",
        ) from error
