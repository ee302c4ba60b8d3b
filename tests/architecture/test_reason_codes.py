"""A rejection carries no code that is not explained, and none is explained that nothing carries."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import get_args

import esrag
from esrag.corpus.reasons import REASONS
from esrag.corpus.records import Stage

ROOT = Path(esrag.__file__).parent
FOLDERS = ("corpus", "parsing", "indexing")
ERRORS = ("Unreadable", "Exhausted")


def sources() -> list[Path]:
    """The modules in which inputs are rejected, but for the list itself."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if path.name != "reasons.py"]


def codes(tree: ast.AST) -> Iterator[str]:
    """First arguments of the errors, and what follows a stage in other calls."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        values = [one.value if isinstance(one, ast.Constant) else None for one in call.args]
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name in ERRORS and values and isinstance(values[0], str):
            yield values[0]
        for stage, code in pairwise(values):
            if "eject" in name and stage in get_args(Stage) and isinstance(code, str):
                yield code


def test_every_code_is_explained() -> None:
    """In the one list of reasons."""
    used = {code for path in sources() for code in codes(ast.parse(path.read_text("utf-8")))}
    assert used - set(REASONS) == set()
    assert len(used) > 25


def test_every_explained_code_is_used() -> None:
    """Somewhere in the package, as a word in quotes."""
    text = "\n".join(
        path.read_text("utf-8") for path in ROOT.rglob("*.py") if path.name != "reasons.py"
    )
    assert [code for code in REASONS if not re.search(rf'"{code}"', text)] == []
