"""Where a text may be cut: kinds of breaks, and the last one of a kind within a stretch.

A break is looked for in one chunk's length of text at a time, so that a text without breaks, or
with nothing else, costs no more than any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from esrag.types import BlockKind

LINE = re.compile(r"\r\n|\n|\r")
ITEM = re.compile(r"(?:\r\n|\n|\r)(?=[ \t]*(?:[-*+•:]|\d{1,9}[.)])[ \t])")
# The class comes first: it is what a search can skip to.
SENTENCE = re.compile(r"[.!?…。！？](?:(?<=[。！？])|(?<!\be\.g\.)(?<!\bi\.e\.)[\"'”’)\]*_]*\s+)")
WORD = re.compile(r"\s+")
BLANK_LINE = re.compile(r"(?:\r\n|\n|\r)(?:[ \t]*(?:\r\n|\n|\r))+")
# A line that opens a definition at the left edge, in the languages that people index.
DEFINITION = re.compile(
    r"(?:\r\n|\n|\r)(?=(?:(?:export|default|public|private|protected|internal|static|final|"
    r"abstract|async|pub|unsafe|extern|inline|local|sealed|open|data|override)[ \t]+)*"
    r"(?:def|class|func|fun|fn|function|interface|struct|enum|impl|trait|type|module|namespace|"
    r"object|record|package|sub|procedure|proc|const|let|var|val|create|CREATE|resource|FROM)\b"
    r"|(?=@\w|\#\[))"
)
_LEADS = re.compile(r"[ \t]*(?:@|#|//|/\*|\*|--|\"\"\"|///)")  # belongs to the line below it

LEVELS: dict[BlockKind, tuple[re.Pattern[str], ...]] = {
    "table": (LINE, WORD),
    "code": (DEFINITION, BLANK_LINE, LINE, WORD),
    "list": (ITEM, SENTENCE, WORD),
    "paragraph": (SENTENCE, WORD),
    "quote": (SENTENCE, WORD),
    "heading": (WORD,),
}
# A break of these kinds is worth a part that is left a good deal shorter than it might be, but
# not one that is nearly empty.
FILLING = frozenset((SENTENCE, DEFINITION, BLANK_LINE))


def last_break(
    text: str, pattern: re.Pattern[str], start: int, after: int, limit: int
) -> int | None:
    """The last place of this kind in ``(after, limit]``; the text before ``start`` is not read."""
    found = None
    for at in breaks(text, pattern, max(start, after - 64), limit):
        if at > limit:
            break
        if at > after:
            found = at
    return found


def first_break(
    text: str, pattern: re.Pattern[str], start: int, earliest: int, end: int
) -> int | None:
    """The first place of this kind in ``[earliest, end)``."""
    for at in breaks(text, pattern, max(start, earliest - 64), end):
        if at >= end:
            break
        if at >= earliest:
            return at
    return None


def breaks(text: str, pattern: re.Pattern[str], start: int, end: int) -> Iterator[int]:
    """All places of this kind that begin in ``[start, end)``, a little beyond ``end`` included."""
    for match in pattern.finditer(text, start, min(len(text), end + 64)):
        if pattern is DEFINITION and _is_led_to(text, match.start()):
            continue
        yield match.end()


def _is_led_to(text: str, line_end: int) -> bool:
    """Whether the line that ends here is a decorator or a comment of the line below."""
    reach = max(0, line_end - 400)
    begins = max(text.rfind("\n", reach, line_end), text.rfind("\r", reach, line_end)) + 1
    return _LEADS.match(text, begins, line_end) is not None
