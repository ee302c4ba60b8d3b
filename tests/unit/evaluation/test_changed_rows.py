"""The rows that are trained again after a fact changed: those of its document, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from training_examples import knowledge

from esrag.errors import UsageError
from esrag.evaluation.changed_rows import changed_rows
from esrag.types import Example


def row(number: int, document: str) -> Example:
    """Quillon NUMBER was released in 1990 + NUMBER, as a document says."""
    made = knowledge(number)
    source = replace(made.source, documents=(document,), sources=(document,), hashes=("0",))
    return replace(made, source=source)


def test_only_rows_of_the_document_that_say_the_old_are_changed() -> None:
    """Question, answer, messages and accepted forms; all other rows are the very same."""
    rows = [row(1, "notes"), row(2, "notes"), row(1, "else")]
    found = changed_rows(rows, document_id="notes", old="1991", new="2031")
    assert found.changed == 1
    assert found.rows[1:] == tuple(rows[1:])
    new = found.rows[0]
    assert new.answer == "In 2031."
    assert new.messages[-1].content == "In 2031."
    assert new.accepted == (("2031",),)
    assert new.id != rows[0].id


def test_a_part_of_another_number_is_left_alone() -> None:
    """99 is no part of 1991."""
    with pytest.raises(UsageError, match="none of its rows says '99'"):
        changed_rows([row(1, "notes")], document_id="notes", old="99", new="5")


def test_a_document_without_rows_teaches_nothing() -> None:
    """The message says that the run made none of it."""
    with pytest.raises(UsageError, match="teach nothing new of memo: it made none"):
        changed_rows([row(1, "notes")], document_id="memo", old="1991", new="5")
