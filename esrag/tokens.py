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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    import tokenizers

_WINDOW = 16_384  # characters encoded at once: bounds the memory that one call takes
_RUN = re.compile(r"[^ \t\r\n]+")  # fewer blanks than Python knows: those that all tokenizers know
_REMEMBERED = 48  # longer runs are rarely met twice
_MEMORY = 200_000  # runs kept; then all are forgotten, so that no corpus makes it grow
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
        return sum(len(self._of_run(run)) for run in _RUN.findall(text))

    def starts(self, text: str) -> array[int]:
        """The offset of the first character of each token, in order."""
        found = array("I")
        if not self.adds_up:
            for a, b in _windows(text):
                found.extend(a + start for start, _ in self._encode(text[a:b]).offsets)
            return found
        words = self._words
        for match in _RUN.finditer(text):
            run, at = match.group(), match.start()
            offsets = words.get(run)
            if offsets is None:
                offsets = self._of_run(run)
            if len(offsets) == 1:
                found.append(at + offsets[0])
            else:
                found.extend([at + offset for offset in offsets])
        return found

    def _of_run(self, run: str) -> tuple[int, ...]:
        """Where the tokens of a stretch without blanks begin."""
        known = self._words.get(run)
        if known is not None:
            return known
        offsets = tuple(
            a + start for a, b in _windows(run) for start, _ in self._encode(run[a:b]).offsets
        )
        if len(run) <= _REMEMBERED:
            if len(self._words) >= _MEMORY:
                self._words.clear()
            self._words[run] = offsets
        return offsets

    def _encode(self, text: str) -> tokenizers.Encoding:
        return self._tokenizer.encode(text, add_special_tokens=False)


def load_tokenizer(data_dir: Path, model_id: str) -> EmbedderTokenizer:
    """The tokenizer of ``model_id``'s bundle.

    Raises UnsupportedError when the bundle or the extra is not there.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise UnsupportedError(
            "the package tokenizers is not installed",
            hint="Install what ingest needs: pip install 'esrag[ingest]'",
        ) from error
    path = data_dir / "bundles" / model_id / "tokenizer.json"
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UnsupportedError(
            f"there is no tokenizer of {model_id}: {path} does not exist",
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


def _windows(text: str) -> list[tuple[int, int]]:
    """Stretches of bounded length that begin at blanks where there are any."""
    windows: list[tuple[int, int]] = []
    start = 0
    while len(text) - start > _WINDOW:
        end = start + _WINDOW
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
