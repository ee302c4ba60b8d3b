"""Where a quote stands in a text, as ``esrag.questions.supports`` would find it.  Pure."""

from __future__ import annotations

_MARKS = frozenset("*`_")


def place_of(quote: str, text: str) -> tuple[int, int] | None:
    """The first place of ``quote`` in ``text``, as offsets of ``text``; None when there is none.

    Case, runs of white space and the marks of Markdown do not count.  A date that is written in
    another form is not found.
    """
    wanted, _ = _folded(quote)
    wanted = wanted.strip()
    here, places = _folded(text)
    start = here.find(wanted) if wanted else -1
    if start < 0:
        return None
    return places[start], places[start + len(wanted) - 1] + 1


def _folded(text: str) -> tuple[str, list[int]]:
    """``text`` without what does not count, and the offset of each of its characters in it."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        if letter in _MARKS or (letter.isspace() and letters and letters[-1] == " "):
            continue
        folded = " " if letter.isspace() else letter.casefold()
        letters.extend(folded)
        places.extend([place] * len(folded))
    return "".join(letters), places
