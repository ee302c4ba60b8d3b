"""The embedder's own tokenizer: how long a text is, and where in it tokens begin.

It comes from the model bundle, the same vocabulary that the cluster uses, so that a chunk which
fits here is not truncated there.
"""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    import tokenizers

_WINDOW = 16_384  # characters encoded at once: bounds the memory that one call takes


class EmbedderTokenizer:
    """Counts and locates tokens as the model sees them; special tokens are not counted."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def count(self, text: str) -> int:
        """The number of tokens of ``text``."""
        return sum(len(self._encode(text[a:b])) for a, b in _windows(text))

    def starts(self, text: str) -> array[int]:
        """The offset of the first character of each token, in order."""
        found = array("L")
        for a, b in _windows(text):
            found.extend(a + start for start, _ in self._encode(text[a:b]).offsets)
        return found

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
