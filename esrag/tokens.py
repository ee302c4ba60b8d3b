"""The embedder's own tokenizer: how long a text is, and where in it tokens begin.

It comes from the model bundle, the same vocabulary that the cluster uses, so that a chunk which
fits here is not truncated there.

Where the tokenizer parts a text at its blanks before anything else, the tokens of a word do not
depend on its neighbours: each word is encoded once and remembered, and a text costs a look-up a
word.  Any other tokenizer encodes the text itself.
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    import tokenizers

_WINDOW = 16_384  # characters encoded at once: bounds the memory that one call takes
_LOOKED_AT = 1_000_000  # characters whose words are looked up at once
_RUN = re.compile(r"[^ \t\r\n]+")  # fewer blanks than Python knows: those that all tokenizers know
_REMEMBERED = 48  # longer runs are rarely met twice
_MEMORY = 200_000  # runs kept; then all are forgotten, so that no corpus makes it grow
_WHOLE = (0,)  # the offsets of a word that is one token: most words are
_TOGETHER = 1_000  # runs encoded in one call
_PARTING = frozenset(("BertPreTokenizer", "Whitespace", "WhitespaceSplit"))
_CHARACTERWISE = frozenset(("BertNormalizer", "Lowercase", "StripAccents", "NFC", "NFD", "NFKD"))


class EmbedderTokenizer:
    """Counts and locates tokens as the model sees them; special tokens are not counted.

    ``adds_up`` is true when a text has as many tokens as its parts, wherever it is parted at a
    blank.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.adds_up = _parts_at_blanks(tokenizer)
        self._words: dict[str, tuple[int, ...]] = {}

    def count(self, text: str) -> int:
        """The number of tokens of ``text``."""
        if not self.adds_up:
            return sum(len(self._encode(text[a:b])) for a, b in _windows(text))
        total = 0
        for a, b in _windows(text, _LOOKED_AT):
            runs = _RUN.findall(text, a, b)
            words = self._known(runs)
            total += sum(len(words.get(run) or self._of_long(run)) for run in runs)
        return total

    def starts(self, text: str) -> array[int]:
        """The offset of the first character of each token, in order."""
        found = array("I")
        if not self.adds_up:
            for a, b in _windows(text):
                found.extend(a + start for start, _ in self._encode(text[a:b]).offsets)
            return found
        append = found.append
        for a, b in _windows(text, _LOOKED_AT):
            runs = _RUN.findall(text, a, b)
            known = map(self._known(runs).get, runs)
            for match, offsets in zip(_RUN.finditer(text, a, b), known, strict=True):
                if offsets is _WHOLE:
                    append(match.start())
                else:
                    at = match.start()
                    for offset in offsets or self._of_long(match.group()):
                        append(at + offset)
        return found

    def _known(self, runs: list[str]) -> dict[str, tuple[int, ...]]:
        """Where the tokens of these stretches without blanks begin, but for the long ones."""
        words = self._words
        missing = [run for run in set(runs) if run not in words and len(run) <= _REMEMBERED]
        if len(words) + len(missing) > _MEMORY:
            words = self._words = {}
            missing = [run for run in set(runs) if len(run) <= _REMEMBERED]
        for first in range(0, len(missing), _TOGETHER):
            words.update(self._of_many(missing[first : first + _TOGETHER]))
        return words

    def _of_many(self, runs: list[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Many are encoded in one call: calls cost more than words."""
        starts = [start for start, _ in self._encode(" ".join(runs)).offsets]
        at = token = 0
        for run in runs:
            end = bisect_left(starts, at + len(run), token)
            offsets = tuple([start - at for start in starts[token:end]])
            yield run, _WHOLE if offsets == _WHOLE else offsets
            at, token = at + len(run) + 1, end

    def _of_long(self, run: str) -> tuple[int, ...]:
        if len(run) <= _REMEMBERED:
            return ()  # it is known, and has no tokens
        return tuple(
            [a + start for a, b in _windows(run) for start, _ in self._encode(run[a:b]).offsets]
        )

    def _encode(self, text: str) -> tokenizers.Encoding:
        try:
            return self._tokenizer.encode(text, add_special_tokens=False)
        except TypeError:  # half of a surrogate pair: no model knows it, but it has its place
            whole = text.encode("utf-8", "replace").decode("utf-8")
            return self._tokenizer.encode(whole, add_special_tokens=False)


def tokenizer_file(data_dir: Path, model_id: str) -> Path:
    """Where the bundle of ``model_id`` keeps its tokenizer."""
    return data_dir / "bundles" / model_id / "tokenizer.json"


def load_tokenizer(data_dir: Path, model_id: str) -> EmbedderTokenizer:
    """The tokenizer of ``model_id``'s bundle.

    Raises UnsupportedError when the bundle or the extra is not there.
    """
    return read_tokenizer(tokenizer_file(data_dir, model_id))


def read_tokenizer(path: Path) -> EmbedderTokenizer:
    """The tokenizer in a bundle's file; raises UnsupportedError as ``load_tokenizer`` does."""
    try:
        import tokenizers
    except ImportError as error:
        raise UnsupportedError(
            "the package tokenizers is not installed",
            hint="Install what ingest needs: pip install 'esrag[ingest]'",
        ) from error
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UnsupportedError(
            f"there is no tokenizer of {path.parent.name}: {path} does not exist",
            hint="Build the model's bundle first: esrag model build",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnsupportedError(
            f"the tokenizer {path} cannot be read: {error}",
            hint="Build the model's bundle again: esrag model build",
        ) from error
    try:
        tokenizer = tokenizers.Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing narrower than Exception
        raise UnsupportedError(
            f"{path} is not a tokenizer that this version of tokenizers reads: {error}",
            hint="Build the model's bundle again: esrag model build",
        ) from error
    return EmbedderTokenizer(tokenizer)


def _windows(text: str, size: int = _WINDOW) -> list[tuple[int, int]]:
    """Stretches of bounded length that begin at blanks where there are any."""
    windows: list[tuple[int, int]] = []
    start = 0
    while len(text) - start > size:
        end = start + size
        blank = max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end))
        end = blank if blank > start else end
        windows.append((start, end))
        start = end
    windows.append((start, len(text)))
    return windows


def _parts_at_blanks(tokenizer: tokenizers.Tokenizer) -> bool:
    """Whether words are encoded one by one: said by the tokenizer's own description."""
    steps: dict[str, Any] = json.loads(tokenizer.to_str())
    first = (_steps(steps.get("pre_tokenizer"), "pretokenizers") or [{}])[0]
    normalizers = _steps(steps.get("normalizer"), "normalizers")
    return (
        first.get("type") in _PARTING
        and all(step.get("type") in _CHARACTERWISE for step in normalizers)
        and not any(
            token["lstrip"] or token["rstrip"] or not _RUN.fullmatch(token["content"])
            for token in steps.get("added_tokens") or ()
        )
    )


def _steps(part: dict[str, Any] | None, inner: str) -> list[dict[str, Any]]:
    if part is None:
        return []
    if part.get("type") == "Sequence":
        return [step for each in part[inner] for step in _steps(each, inner)]
    return [part]
