"""Reads one generated sentence: what it states, and which passages it cites.

A generator writes citations as "[1]", "(2, 3)" or "[passage 2]", and begins sentences with
labels such as "Answer:".  Neither is part of what is stated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = r"(?:passages?\s*|sources?\s*|documents?\s*)?(\d{1,3}(?:\s*(?:,|;|and|-|–)\s*\d{1,3})*)"
# round brackets may hold a number of the sentence itself, but hardly at its end
_MARKER = re.compile(rf"\s*[\[【]{_NUMBERS}[\]】]|\s*\({_NUMBERS}\)(?=[.!\s]*$)", re.I)
_LABEL = re.compile(r"^\s*(?:answer|passage\s*\d*|source\s*\d*)\s*[:\-]\s*", re.I)
_PLACE = (
    r"(?:the|this|these|those)?\s*(?:given|provided|retrieved)?\s*"
    r"(?:passages?|documents?|texts?|sources?)"
)
# how generators introduce what they say: words about the passage, not about the world
_ATTRIBUTION = re.compile(
    rf"^(?:according to|based on|as (?:stated|mentioned|described) in)\s+{_PLACE}\s*\d*\s*,\s*"
    rf"|^{_PLACE}\s*\d*\s*(?:states?|says?|mentions?)\s+that\s+",
    re.I,
)
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+(?=\S)")
_MARKUP = re.compile(r"\||›|^\s*#")
_RANGE = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")
LONGEST_RANGE = 20  # "[1-3]" cites three passages; "[1-100]" is no citation


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` without markers and labels; ``cited`` passages that were given, ``invalid`` others.

    ``whole`` says that it is a sentence that states something: not a question, a cut-off end, a
    heading or a table.
    """

    text: str
    cited: tuple[int, ...]
    invalid: tuple[int, ...]
    whole: bool


def read_statement(sentence: str, *, given: int) -> Statement:
    """What ``sentence`` states; ``given`` is how many passages there were to cite."""
    cited: list[int] = []

    def take(marker: re.Match[str]) -> str:
        numbers = _numbers(marker.group(1) or marker.group(2))
        cited.extend(numbers)
        return "" if numbers else marker.group()

    text = _MARKER.sub(take, sentence)
    text = _LIST_MARK.sub("", _LABEL.sub("", " ".join(text.split())))
    text = _ATTRIBUTION.sub("", text)
    text = text[:1].upper() + text[1:]
    distinct = tuple(dict.fromkeys(cited))
    return Statement(
        text=text,
        cited=tuple(number for number in distinct if 1 <= number <= given),
        invalid=tuple(number for number in distinct if not 1 <= number <= given),
        whole=_is_whole(text),
    )


def _numbers(inside: str) -> list[int]:
    """The passages that the inside of a marker names; none when it is no citation."""
    found: list[int] = []
    rest = inside
    for first, last in _RANGE.findall(inside):
        if not int(first) < int(last) <= int(first) + LONGEST_RANGE:
            return []
        found += range(int(first), int(last) + 1)
        rest = _RANGE.sub("", rest, count=1)
    return found + [int(number) for number in re.findall(r"\d+", rest)]


def _is_whole(text: str) -> bool:
    return bool(text) and text.rstrip("\"'”’)*")[-1:] in (".", "!") and not _MARKUP.search(text)
