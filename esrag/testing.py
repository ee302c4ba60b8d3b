"""Public fakes: real implementations of what the flows are handed, predictable and without I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence

from esrag.errors import EsragError
from esrag.generation.cancelling import Cancellation
from esrag.generation.pieces import Piece
from esrag.terms import terms
from esrag.types import Hit, Message


def make_hit(
    hit_id: str, text: str, *, title: str = "", rank: int = 1, heading_path: tuple[str, ...] = ()
) -> Hit:
    """A hit that covers a whole document of the same id."""
    return Hit(
        id=hit_id,
        document_id=hit_id,
        rank=rank,
        score=1.0 / rank,
        text=text,
        title=title,
        heading_path=heading_path,
        source=f"{hit_id}.md",
        url=f"https://docs.example/{hit_id}",
        position=0,
        start=0,
        end=len(text),
    )


class WordEmbedder:
    """Embeds a text as counts of its stems, hashed into ``dims`` places.

    Texts that share words are near, texts that share none are orthogonal (but for rare
    collisions), so a test can predict which of two is nearer.
    """

    def __init__(self, dims: int = 256) -> None:
        self.dims = dims
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text; every call is remembered in ``calls``."""
        self.calls.append(list(texts))
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dims
        for word in terms(text).words:
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.dims] += 1.0
        return vector


class ScriptedGenerator:
    """Streams the given text in pieces and remembers the prompts; may fail after some pieces.

    ``closed`` counts streams that ended, by themselves or because nobody read on; ``room`` is the
    budget of its prompts, one token a word.
    """

    model = "scripted"

    def __init__(
        self, text: str, *, fail: EsragError | None = None, piece: int = 5, room: int = 2000
    ) -> None:
        self.text = text
        self.fail = fail
        self.piece = piece
        self.room = room
        self.prompts: list[tuple[Message, ...]] = []
        self.closed = 0

    def stream(
        self,
        messages: Sequence[Message],
        *,
        cancel: Cancellation | None = None,
        max_tokens: int | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Generator[Piece, None, None]:
        """Yield the text piece by piece, then the finish reason, or raise ``fail``."""
        del max_tokens
        self.prompts.append(tuple(messages))
        if on_sent is not None:
            on_sent()
        try:
            for start in range(0, len(self.text), self.piece):
                if cancel is not None:
                    cancel.check()
                yield Piece(self.text[start : start + self.piece])
            if self.fail is not None:
                raise self.fail
            yield Piece("", finish_reason="stop", prompt_tokens=10, generated_tokens=3)
        finally:
            self.closed += 1

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """One token a word."""
        return count_words(messages)

    def budget(self) -> int:
        """The tokens of ``room``."""
        return self.room

    def close(self) -> None:
        """Nothing to let go of."""


def count_words(messages: Sequence[Message]) -> int:
    """A stand-in for a tokenizer: one token a word."""
    return sum(len(message.content.split()) for message in messages)
