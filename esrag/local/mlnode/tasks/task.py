"""What every task does, and the small things they share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from esrag.local.mlnode.pieces import Pieces
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.sequences import Encoded
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer

Row = npt.NDArray[Any]
Scores = npt.NDArray[np.float64]

# Which part of the module's output belongs to one sequence; ``forward`` says what each means.
Output = Literal["vector", "first", "position", "sequence", "spans", "whole"]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One input on its way: its sequences, and what ``finish`` wants to know of it.

    ``positions`` name the row of each sequence that matters where only one does.
    """

    sequences: tuple[Encoded, ...]
    positions: tuple[int, ...] = ()
    pieces: Pieces | None = None

    @property
    def is_truncated(self) -> bool:
        """Whether any of its text was cut away."""
        return any(sequence.is_truncated for sequence in self.sequences)


class Task(Hashable, Protocol):
    """A task with its options."""

    @property
    def name(self) -> str:
        """The name in the API."""

    @property
    def output(self) -> Output:
        """Which part of the module's output it reads."""

    @property
    def settings(self) -> TokenizationSettings:
        """How texts are cut."""

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """The sequences of each input; a Problem refuses the whole request."""

    def finish(
        self, text: str, prepared: Prepared, rows: Sequence[Row], tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The result of one input from the rows of its sequences; raises Refused."""


def prepare_each(
    pieces: Sequence[Pieces], sequences: Callable[[Pieces], Prepared]
) -> list[Prepared | Refused]:
    """One Prepared for each text, or why there is none."""
    prepared: list[Prepared | Refused] = []
    for cut in pieces:
        try:
            prepared.append(sequences(cut))
        except Refused as refused:
            prepared.append(refused)
    return prepared


def prepare_single(
    texts: Sequence[str],
    tokenizer: VocabularyTokenizer,
    settings: TokenizationSettings,
    *,
    places: bool = False,
) -> list[Prepared | Refused]:
    """What a task prepares that looks at one text alone, and at its first window only."""
    return prepare_each(
        tokenizer.cut(texts, settings, places=places),
        lambda pieces: Prepared(
            tokenizer.one_text(pieces, settings)[:1], pieces=pieces if places else None
        ),
    )


def softmax(scores: Row) -> Scores:
    """Scores to probabilities along the last axis."""
    exponents = np.exp(scores.astype(np.float64) - scores.max(axis=-1, keepdims=True))
    probabilities: Scores = exponents / exponents.sum(axis=-1, keepdims=True)
    return probabilities


def descending(names: Sequence[str], scores: Scores) -> list[tuple[str, float]]:
    """Names with their scores, best first; equal scores keep the order of the names."""
    order = np.argsort(-scores, kind="stable")
    return [(names[i], float(scores[i])) for i in order]


def strings(options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """An optional list of strings."""
    values = options.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Problem("bad_request", f"[{name}] must be a list of strings")
    return tuple(values)


def text(options: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    """A string; one that the call has to bring when there is no default."""
    value = options.get(name)
    if value is None:
        value = default
    if value is None:
        raise Problem("bad_request", f"[{name}] must not be null.")
    if not isinstance(value, str):
        raise Problem("bad_request", f"[{name}] must be a string")
    return value


def whole_number(options: Mapping[str, Any], name: str, *, default: int) -> int:
    """An integer."""
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Problem("bad_request", f"[{name}] must be an integer")
    return value
