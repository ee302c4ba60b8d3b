"""Which letters belong to a selection of documents, by the same words as in the index."""

from __future__ import annotations

import re

from esrag.cluster.stored_documents import Selection
from esrag.ledger import DeadLetter


def fits(letter: DeadLetter, selection: Selection) -> bool:
    """Whether all that the selection says is true of the letter's input."""
    if selection.origin and letter.origin != selection.origin:
        return False
    if selection.below and not selection.holds(letter.document_id):
        return False
    if selection.run and letter.run_id != selection.run:
        return False
    if selection.source:
        pattern = _pattern(selection.source)
        return any(pattern.fullmatch(each) for each in (letter.document_id, letter.uri))
    return True


def _pattern(source: str) -> re.Pattern[str]:
    """``*`` and ``?`` as Elasticsearch's wildcard query has them."""
    parts = ({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in re.split(r"([*?])", source))
    return re.compile("".join(parts), re.DOTALL)
