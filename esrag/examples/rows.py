"""The one place that reads and writes data sets: JSONL, one example a line, keys in one order.

    Example ──► {"id", "kind", "split", "messages", "question", "answer", "accepted", "relevant",
                 "source": {…}}

The same examples give the same bytes.  ``messages`` is the form that trainers of others read.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from esrag.errors import UsageError
from esrag.types import Example, ExampleKind, ExampleSource, Message, Split

_HALF = re.compile("[\ud800-\udfff]")
_ROLES = ("system", "user", "assistant")
_TEXTS = ("id", "question", "answer")
_SOURCE_TEXTS = ("index", "set", "maker", "teacher")
_SOURCE_LISTS = ("chunks", "documents", "sources", "hashes", "acl", "runs")


def as_line(example: Example) -> str:
    """The line of an example, without its end."""
    row = {
        "id": example.id,
        "kind": example.kind,
        "split": example.split,
        "messages": [dataclasses.asdict(message) for message in example.messages],
        "question": example.question,
        "answer": example.answer,
        "accepted": [list(forms) for forms in example.accepted],
        "relevant": list(example.relevant),
        "source": dataclasses.asdict(example.source),
    }
    return json.dumps(row, ensure_ascii=False)


def write_examples(file: Path, examples: Iterable[Example]) -> int:
    """Write all of them beside ``file`` and put them in its place; returns how many there were."""
    beside = file.with_name(f".{file.name}.new")
    count = 0
    with beside.open("w", encoding="utf-8", newline="\n") as lines:
        for example in examples:
            lines.write(as_line(example) + "\n")
            count += 1
    beside.replace(file)
    return count


def read_examples(file: Path) -> Iterator[Example]:
    """The examples of a file; raises UsageError with the number of a line that is none."""
    try:
        lines = file.open(encoding="utf-8", newline="\n")  # U+2028 and its like end no line
    except OSError as error:
        raise UsageError(
            f"the data set {file} cannot be read: {error.strerror}",
            hint="Make one with: esrag dataset build",
        ) from error
    with lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _example(line, where=f"{file}, line {number}")
        except UnicodeDecodeError as error:
            raise UsageError(f"the data set {file} is not UTF-8: {error}") from error


def from_line(line: str) -> Example:
    """The example of a line that ``as_line`` wrote."""
    return _example(line, where="a line")


def _example(line: str, *, where: str) -> Example:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON: {error}") from error
    try:
        return _checked(row)
    except (KeyError, TypeError, ValueError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            f"{where}: {missing}", hint="docs/datasets.md describes the fields of an example."
        ) from error


def _checked(row: Any) -> Example:
    if not isinstance(row, dict):
        raise TypeError("not an object")
    messages = tuple(_message(each) for each in row["messages"])
    if not messages or messages[-1].role != "assistant":
        raise ValueError("messages must end with the assistant's")
    texts = {name: _text(row, name) for name in _TEXTS}
    accepted = tuple(
        tuple(_whole(str(form), "accepted") for form in _list(forms, "accepted"))
        for forms in row.get("accepted", ())
    )
    relevant = tuple(row.get("relevant", ()))
    if not all(isinstance(number, int) and number > 0 for number in relevant):
        raise ValueError("relevant must hold numbers of passages, from 1")
    return Example(
        kind=_one_of(row["kind"], get_args(ExampleKind), "kind"),
        split=_one_of(row["split"], get_args(Split), "split"),
        messages=messages,
        source=_source(row["source"]),
        accepted=accepted,
        relevant=relevant,
        **texts,
    )


def _message(message: Any) -> Message:
    if not isinstance(message, dict):
        raise TypeError("a message is not an object")
    return Message(_one_of(message["role"], _ROLES, "role"), _text(message, "content"))


def _source(source: Any) -> ExampleSource:
    if not isinstance(source, dict):
        raise TypeError("source is not an object")
    seed = source["seed"]
    if not isinstance(seed, int):
        raise TypeError("seed is not a whole number")
    texts: Any = {name: _text({"teacher": "", **source}, name) for name in _SOURCE_TEXTS}
    lists: Any = {
        name: tuple(_whole(str(each), name) for each in _list(source.get(name, []), name))
        for name in _SOURCE_LISTS
    }
    if len({len(lists[name]) for name in ("documents", "sources", "hashes")}) != 1:
        raise ValueError("documents, sources and hashes must be of one length")
    return ExampleSource(seed=seed, **texts, **lists)


def _text(holder: dict[str, Any], name: str) -> str:
    value = holder[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    return _whole(value, name)


def _whole(value: str, name: str) -> str:
    """A text that can be written as UTF-8: JSON can spell halves of characters that cannot."""
    if not value.isascii() and _HALF.search(value):
        raise ValueError(f"{name} holds half of a surrogate pair, which is no character")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value


def _one_of(value: Any, allowed: tuple[str, ...], name: str) -> Any:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, not one of {', '.join(allowed)}")
    return value
