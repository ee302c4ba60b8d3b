"""Whether the words of the passages fit the question well enough to let the generator begin.

A refusal is decided by ``assess``, which embeds and takes its time; this costs about a
millisecond and only says whether it is worth while to generate meanwhile.  What begins in vain is
thrown away, so a gate that is too wide costs work, and one too narrow costs time; neither changes
an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from esrag.quoting.candidates import passage_words
from esrag.quoting.kinds import asked_for
from esrag.terms import names
from esrag.types import Hit

LEAST_SHARE = 0.6  # of the question's words, in one passage with its headings


def gate(question: str, hits: Sequence[Hit]) -> bool:
    """Whether the first hits hold the figures and names of the question, and one most words."""
    asked = asked_for(question).words
    if not asked.words:
        return False
    here = passage_words(hits)
    everything = frozenset[str]().union(*here)
    if not (asked.figures | names(question)) <= everything:
        return False
    return any(len(asked.words & words) / len(asked.words) >= LEAST_SHARE for words in here)
