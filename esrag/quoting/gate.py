"""Whether the words of the passages fit the question well enough to let the generator begin.

A refusal is decided by ``assess``, which embeds and takes its time; this only says whether it is
worth while to generate meanwhile.  Whoever asks waits for it, so it reads no terms of the passages,
which would take milliseconds, but looks for the beginnings of words in their letters.  What begins
in vain is thrown away, so a gate that is too wide costs work, and one too narrow costs time;
neither changes an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from esrag.quoting.kinds import asked_for
from esrag.terms import names
from esrag.types import Hit

LEAST_SHARE = 0.5  # of the question's words, in one passage with its headings
_DATE = re.compile(r"-?-?\d{2,4}-\d{2}(?:-\d{2})?")
_BETWEEN_DIGITS = str.maketrans("", "", ",\u00a0\u202f")


def gate(question: str, hits: Sequence[Hit]) -> bool:
    """Whether the hits hold the figures and names of the question, and one most of its words."""
    asked = asked_for(question).words
    words = [_beginning(word) for word in asked.words if not _is_date(word)]
    if not words:
        return False
    passages = [f"{hit.context}\n{hit.text}".lower().translate(_BETWEEN_DIGITS) for hit in hits]
    everything = "\n".join(passages)
    keys = [key for key in asked.figures | names(question) if not _is_date(key)]
    if not all(_beginning(key) in everything for key in keys):
        return False
    least = LEAST_SHARE * len(words)
    return any(sum(word in passage for word in words) >= least for passage in passages)


def _beginning(stem: str) -> str:
    """A stem as it stands in the word: "happi" is that of "happy"."""
    return stem[:-1] if stem.endswith("i") and len(stem) > 3 else stem


def _is_date(word: str) -> bool:
    """Dates are written in many ways, so their letters say nothing."""
    return _DATE.fullmatch(word) is not None
