"""How long a stretch of a document is, in tokens, and how much of it a chunk may hold.

The document is tokenised once; after that a length costs two bisections.  Knows nothing of
headings, tables or sentences.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace

from esrag.chunking.rules import ChunkRules, Tokenizer
from esrag.types import Document, joined_context

CHARACTERS_PER_TOKEN = 16  # an endless "word" may be one unknown token: it is cut all the same

_BLANKS = re.compile(r"\s*")
_INDENTATION = 200  # blanks before the first line that are kept with it
_BETWEEN_WORDS = frozenset(" \t\r\n")


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk to be; ``header`` is the header row of the table that it continues."""

    start: int
    end: int
    path: tuple[str, ...]
    header: str = ""

    @property
    def heading_path(self) -> tuple[str, ...]:
        """The headings above it and, where it continues a table, the header row."""
        return (*self.path, self.header) if self.header else self.path


class Measure:
    """One document and the rules it is cut by."""

    def __init__(self, document: Document, tokenizer: Tokenizer, rules: ChunkRules) -> None:
        self.text = document.text
        self.max_tokens = rules.max_tokens
        self.max_characters = rules.max_tokens * CHARACTERS_PER_TOKEN
        self.overlap_tokens = rules.overlap_tokens
        self.starts = tokenizer.starts(document.text)
        self._tokenizer = tokenizer
        self._adds_up: bool = getattr(tokenizer, "adds_up", False)
        self._budgets: dict[tuple[str, ...], int] = {}
        self.title = self.clipped(document.title, rules.max_tokens // 4)

    def tokens(self, start: int, end: int) -> int:
        """The tokens of the document that begin in this stretch."""
        return bisect_left(self.starts, end) - bisect_left(self.starts, start)

    def fits(self, start: int, end: int, budget: int) -> bool:
        """Whether a part may be this stretch."""
        return end - start <= self.max_characters and self.tokens(start, end) <= budget

    def limit(self, start: int, budget: int) -> int:
        """How far a part that begins at ``start`` may reach."""
        beyond = bisect_left(self.starts, start) + budget
        by_tokens = self.starts[beyond] if beyond < len(self.starts) else len(self.text)
        return min(by_tokens, start + self.max_characters)

    def budget(self, path: tuple[str, ...]) -> int:
        """Tokens left for the text under this heading path."""
        if path not in self._budgets:
            context = self._tokenizer.count(joined_context(self.title, path))
            self._budgets[path] = self.max_tokens - context
        return self._budgets[path]

    def embedding_input(self, span: Span) -> str:
        """What the cluster embeds for this span."""
        context = joined_context(self.title, span.heading_path)
        return f"{context}\n{self.text[span.start : span.end]}"

    def length(self, span: Span) -> int:
        """The tokens of a span with its context, but for what a cut inside of a word changes."""
        context = self.max_tokens - self.budget(span.heading_path)
        return context + self.tokens(span.start, span.end)

    def is_exactly_short(self, span: Span) -> bool:
        """Whether the model sees no more than ``max_tokens``; a cut can change a word's tokens."""
        text, tokens = self.text, self.tokens(span.start, span.end)
        budget = self.budget(span.heading_path)
        between_words = all(
            at in (0, len(text)) or text[at - 1] in _BETWEEN_WORDS or text[at] in _BETWEEN_WORDS
            for at in (span.start, span.end)
        )
        if between_words and tokens <= (budget if self._adds_up else budget * 0.9):
            return True
        return self._tokenizer.count(self.embedding_input(span)) <= self.max_tokens

    def clipped(self, words: str, tokens: int) -> str:
        """The beginning of ``words``, marked when it is not all."""
        starts = self._tokenizer.starts(words)
        end = starts[tokens - 1] if len(starts) > tokens else len(words)
        end = min(end, tokens * CHARACTERS_PER_TOKEN)
        return words if end >= len(words) else words[:end].rstrip() + "…"

    def trimmed(self, span: Span) -> Span:
        """Without blank lines before and blanks after."""
        start, end = without_blanks(self.text, span.start, span.end)
        return replace(span, start=start, end=end)

    def past_blanks(self, start: int, end: int) -> int:
        """Where the next part begins: its first line keeps its indentation."""
        blanks = _BLANKS.match(self.text, start, end)
        first = blanks.end() if blanks else start
        if first == start or first >= end:
            return first
        line = _line_start(self.text, max(start, first - _INDENTATION), first)
        return start if line < 0 and first - start <= _INDENTATION else line if line >= 0 else first


def without_blanks(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blank lines before and blanks after; the first line keeps its indentation."""
    stretch = text[start:end]
    end = start + len(stretch.rstrip())
    first = start + len(stretch) - len(stretch.lstrip())
    if first >= end:
        return end, end
    line = _line_start(text, start, first)
    return (line if line >= 0 else start), end


def _line_start(text: str, start: int, first: int) -> int:
    """Where the last line that begins in ``(start, first]`` begins; -1 when none does."""
    found = max(text.rfind("\n", start, first), text.rfind("\r", start, first))
    return found + 1 if found >= 0 else -1
