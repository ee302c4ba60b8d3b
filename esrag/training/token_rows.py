"""A tokenised corpus on disk: written in one pass, read row by row, never all in memory.

    texts ──encode──► blocks of tokens ──► NAME.tokens (uint32) + NAME.rows (int64: start, length,
                                           document)              ──► TokenRows, a sequence of Row

A document is cut into blocks of nearly equal length.  Each block begins with the last token of the
one before, and the first with the separator, so that every token of the text is learnt once, and
the end of the document as well.  Documents share no block, so none sees another.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from esrag.training.packing import Row
from esrag.training.texts import Text

Encode = Callable[[str], Sequence[int]]
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """What a tokenised corpus holds; ``duplicates`` are documents whose text had come before.

    ``tokens`` are those of the texts; ``words`` are what blanks separate, ``size`` bytes of UTF-8.
    ``sha256`` is over all tokens and where they are cut.
    """

    documents: int
    duplicates: int
    rows: int
    tokens: int
    words: int
    size: int
    sha256: str

    @property
    def fertility(self) -> float:
        """Tokens a word."""
        return self.tokens / self.words if self.words else 0.0

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return {**asdict(self), "fertility": round(self.fertility, 4)}


def write_rows(
    folder: Path,
    name: str,
    texts: Iterable[Text],
    encode: Encode,
    *,
    block: int,
    separator: int,
    most_tokens: int = 0,
    seen: set[bytes] | None = None,
) -> CorpusFacts:
    """Tokenise ``texts`` into ``folder``; at most ``most_tokens`` of them, 0 takes all.

    ``block`` is the longest row, in tokens.  ``seen`` holds digests of texts that were written
    elsewhere and do not come again; those written now are added.
    """
    seen = set() if seen is None else seen
    digest = hashlib.sha256()
    keys: list[str] = []
    duplicates = rows = tokens = words = size = place = 0
    with (
        (folder / f"{name}.tokens").open("wb") as token_file,
        (folder / f"{name}.rows").open("wb") as row_file,
    ):
        for text in texts:
            if most_tokens and tokens >= most_tokens:
                break
            plain = text.text.strip()
            encoded = [] if text.digest in seen else list(encode(plain))
            if not encoded:
                duplicates += bool(plain) and text.digest in seen
                continue
            seen.add(text.digest)
            for part in blocks(encoded, block=block, separator=separator):
                written = array("I", part).tobytes()
                index = array("q", (place, len(part), len(keys))).tobytes()
                token_file.write(written)
                row_file.write(index)
                digest.update(index + written)
                place += len(part)
                rows += 1
            keys.append(text.key)
            tokens += len(encoded)
            words += len(plain.split())
            size += len(plain.encode("utf-8", "surrogatepass"))
    facts = CorpusFacts(len(keys), duplicates, rows, tokens, words, size, digest.hexdigest())
    (folder / f"{name}.keys.json").write_text(json.dumps(keys), encoding="utf-8")
    return facts


def blocks(tokens: Sequence[int], *, block: int, separator: int) -> Iterator[list[int]]:
    """A document's rows: each of at most ``block`` tokens, the first of which carries no loss."""
    whole = [separator, *tokens, separator]
    learnt = len(whole) - 1
    count = math.ceil(learnt / (block - 1))
    for number in range(count):
        start, end = number * learnt // count, (number + 1) * learnt // count
        yield whole[start : end + 1]


class TokenRows(Sequence[Row]):
    """The rows of a tokenised corpus, read from disk when they are asked for."""

    def __init__(self, folder: Path, name: str, *, kind: str) -> None:
        self._kind = kind
        self._tokens = _mapped(folder / f"{name}.tokens", np.uint32)
        self._rows = _mapped(folder / f"{name}.rows", np.int64).reshape(-1, _FIELDS)
        self._keys: list[str] = json.loads((folder / f"{name}.keys.json").read_text("utf-8"))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        start, length, document = (int(value) for value in self._rows[place])
        tokens = tuple(int(token) for token in self._tokens[start : start + length])
        return Row(self._keys[document], self._kind, tokens, 1)

    @property
    def mean_length(self) -> float:
        """Mean tokens of a row."""
        return float(self._rows[:, 1].mean()) if len(self) else 0.0


class JoinedRows(Sequence[Row]):
    """Several corpora as one: the domain's rows, then those of the replay."""

    def __init__(self, *parts: Sequence[Row]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        place = place + len(self) if place < 0 else place
        for part in self._parts:
            if place < len(part):
                return part[place]
            place -= len(part)
        raise IndexError(place)


def _mapped(file: Path, kind: type[np.generic]) -> Any:
    # an empty file cannot be mapped
    return np.memmap(file, dtype=kind, mode="r") if file.stat().st_size else np.empty(0, kind)
