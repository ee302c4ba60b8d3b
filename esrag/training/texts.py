"""Texts that are not examples: for replay, for the control, for a corpus that is in no index.

    .jsonl  one object a line, with "text" (and "id")        .txt, .md  a file is one document
    a folder: all such files below it, by name

Read one by one, so that memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UsageError

_WHOLE = (".txt", ".md", ".rst")
_RECORDS = (".jsonl", ".ndjson")
_HALF = re.compile("[\ud800-\udfff]")  # JSON can spell them, and no tokenizer takes them
PYTHON_REFERENCE = "python-reference"


@dataclass(frozen=True, slots=True)
class Text:
    """One document: ``key`` names it within its corpus.

    ``whole`` is the digest of the document that this is a part of; empty for a whole one.
    """

    key: str
    text: str
    whole: bytes = b""

    @property
    def digest(self) -> bytes:
        """Equal for documents of equal text, blanks around it aside."""
        if self.whole:
            return self.whole
        plain = self.text.strip().encode("utf-8", "surrogatepass")
        return hashlib.sha256(plain).digest()[:16]


def read_texts(path: Path) -> Iterator[Text]:
    """The texts of a file or folder; raises UsageError with the line of what is none."""
    if path.is_dir():
        files = [each for each in sorted(path.rglob("*")) if _is_text(each, below=path)]
        if not files:
            raise UsageError(
                f"{path} holds no texts", hint=f"Read are: {', '.join((*_RECORDS, *_WHOLE))}"
            )
        for file in files:
            yield from _of_file(file, prefix=f"{file.relative_to(path)}")
        return
    if not path.exists():
        raise UsageError(f"{path} cannot be read: there is no such file")
    if path.suffix not in (*_WHOLE, *_RECORDS) or not path.is_file():
        raise UsageError(
            f"{path} is no text that can be read",
            hint=f"Read are: {', '.join((*_RECORDS, *_WHOLE))}, or a folder of these.",
        )
    yield from _of_file(path, prefix=path.name)


def _is_text(file: Path, *, below: Path) -> bool:
    """Whether a folder's file is read; raises UsageError for a link out of the folder."""
    if file.suffix not in (*_WHOLE, *_RECORDS) or not file.is_file():
        return False
    if not file.resolve().is_relative_to(below.resolve()):
        raise UsageError(
            f"{file} is a link that leads out of its folder", hint="Put the file itself there."
        )
    return True


def _of_file(file: Path, *, prefix: str) -> Iterator[Text]:
    try:
        if file.suffix in _WHOLE:
            yield Text(prefix, file.read_text(encoding="utf-8"))
            return
        with file.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _record(line, where=f"{file}, line {number}", key=f"{prefix}:{number}")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def _record(line: str, *, where: str, key: str) -> Text:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON: {error}") from error
    text = row.get("text") if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise UsageError(f"{where}: it has no text", hint='Each line is {"text": "…"}.')
    return Text(_HALF.sub("\ufffd", str(row.get("id", key))), _HALF.sub("\ufffd", text))


def python_reference() -> Iterator[Text]:
    """What stands in for a control text where none is given: Python's own language reference.

    It comes with every Python, is English, and no company's documents are about it; for a corpus
    about programming a control of one's own is better.
    """
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield Text(name, topics[name])


def is_held_out(key: str, *, share: float, seed: int) -> bool:
    """Whether a document is kept from training, by its name alone: every run with a seed agrees."""
    digest = hashlib.sha256(f"{seed}/{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
