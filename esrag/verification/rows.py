"""Whether the row of a table says a sentence: the right row, the right column.

A row is read as its name and a few "column: cell" beside it.  A sentence must name the row; what
it says besides must stand in one cell, or in cells in order; a column that it names must be the
one whose cell it tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esrag.verification.alignment import says
from esrag.verification.tokens import Token, tokens

Cell = tuple[str, str]


def row_says(
    cells: Sequence[Cell], sentence: Sequence[Token], around: Callable[[Token], bool]
) -> bool:
    """Whether a row with these cells (column name, content) says ``sentence``."""
    (name_column, name), *others = cells
    named = [token for token in tokens(_outside_brackets(name)) if token.means]
    if not all(
        any(token.carried_by(other) for other in sentence_means(sentence)) or around(token)
        for token in named
    ):
        return False
    rest = [
        token
        for token in sentence_means(sentence)
        if not any(token.carried_by(other) for other in (*tokens(name), *tokens(name_column)))
    ]
    told = [cell for cell in others if _tells(cell, rest, around)]
    columns = [token for column, _ in cells for token in tokens(column)]
    left = [
        token
        for token in rest
        if not any(token.carried_by(other) for column, cell in told for other in tokens(cell))
        and not any(token.carried_by(other) for other in columns)
        and not around(token)
    ]
    if left or not told:
        return False
    if any(_names(column, rest) for column, cell in others if (column, cell) not in told):
        return False
    return all(_column_is_clear(cell, others, rest) for cell in told)


def sentence_means(sentence: Sequence[Token]) -> list[Token]:
    """The tokens of a sentence that say something."""
    return [token for token in sentence if token.means]


def _tells(cell: Cell, rest: Sequence[Token], around: Callable[[Token], bool]) -> bool:
    """Whether the sentence tells the content of this cell, whole or as a statement of its own."""
    content = tokens(cell[1])
    meant = [token for token in content if token.means]
    there = [token for token in rest if any(token.carried_by(other) for other in content)]
    if not there or not meant:
        return False
    if all(token.kind == "small" for token in there) and not _names(cell[0], rest):
        return False  # "no" says nothing without its column
    if all(any(token.carried_by(other) for token in rest) for other in meant):
        return says(content, there, around)
    if any(token.kind == "figure" for token in meant):
        return False
    return says(content, there, around)


def _names(column: str, rest: Sequence[Token]) -> bool:
    """Whether the sentence names a column."""
    words = [token for token in tokens(column) if token.means]
    return bool(words) and all(any(w.carried_by(token) for token in rest) for w in words)


def _column_is_clear(cell: Cell, others: Sequence[Cell], rest: Sequence[Token]) -> bool:
    """Whether nobody can take this cell for one of another column.

    A figure beside other figures needs the name of its column.
    """
    if not _has_figure(cell) or not any(_has_figure(other) for other in others if other != cell):
        return True
    return not cell[0] or any(
        word.carried_by(token) for word in tokens(cell[0]) if word.means for token in rest
    )


def _has_figure(cell: Cell) -> bool:
    return any(token.kind == "figure" for token in tokens(cell[1]))


def _outside_brackets(text: str) -> str:
    return text.split("(")[0] if "(" in text else text
