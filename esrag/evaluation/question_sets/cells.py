"""What stands in one cell of a table of questions: safe for spreadsheets, and back without loss.

    forms ─► "8,000 points | 8000"      groups of forms ─► "8,000 | 8000 && 9 April 2026"

A spreadsheet takes a cell that begins with =, +, - or @ for a formula and may run it (OWASP, "CSV
injection"); such a cell gets an apostrophe in front, which reading takes off again.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# with the wide forms that East Asian spreadsheets take for the same signs
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠]")
_SHIELDED = re.compile(r"'+[=+\-@＝＋－＠]")
_SPACE = re.compile(r"\s+")
_PARTS = re.compile(r"\\(.)|(&&)|(\|)", re.DOTALL)


def to_cell(text: str) -> str:
    """``text`` on one line, and no formula."""
    line = _SPACE.sub(" ", text.replace("\x00", "")).strip()
    return f"'{line}" if _FORMULA.match(line) else line


def from_cell(cell: str) -> str:
    """What ``to_cell`` made a cell of."""
    line = _SPACE.sub(" ", cell).strip()
    return line[1:] if _SHIELDED.match(line) else line


def forms_cell(groups: Sequence[Sequence[str]]) -> str:
    """Groups of forms in one cell."""
    return " && ".join(" | ".join(_escaped(form) for form in forms) for forms in groups)


def forms_in_cell(cell: str) -> tuple[tuple[str, ...], ...]:
    r"""The groups of a cell; ``\|``, ``\&`` and ``\\`` stand for themselves.

    Raises ValueError for a form that is empty.
    """
    if not cell.strip():
        return ()
    groups: list[list[str]] = [[""]]
    place = 0
    for found in _PARTS.finditer(cell):
        groups[-1][-1] += cell[place : found.start()]
        place = found.end()
        if found[2]:
            groups.append([""])
        elif found[3]:
            groups[-1].append("")
        else:
            groups[-1][-1] += found[1]
    groups[-1][-1] += cell[place:]
    cleaned = tuple(tuple(form.strip() for form in forms) for forms in groups)
    if not all(form for forms in cleaned for form in forms):
        raise ValueError("accepted: a form between | or && is empty")
    return tuple(tuple(dict.fromkeys(forms)) for forms in cleaned)


def _escaped(form: str) -> str:
    escaped = form.replace("\\", "\\\\").replace("|", "\\|")
    return escaped.replace("&&", "\\&\\&")
