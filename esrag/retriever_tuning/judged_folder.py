"""Reads judged questions from a folder in BEIR's layout.

    corpus.jsonl      _id, title, text           only needed when there is no index
    queries.jsonl     _id, text
    qrels/SPLIT.tsv   question, document, grade, below a line of headings

A split named test is held out; train (and dev) are what may be trained with.  A folder that has
one split only is divided.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from esrag.chunking import ChunkRules, Tokenizer, cut
from esrag.errors import UsageError
from esrag.retriever_tuning.material import Question, Text
from esrag.types import Document

HELD_OUT = "test"
_HALF = re.compile("[\ud800-\udfff]")
Grades = Mapping[str, Mapping[str, int]]


def read_questions(
    folder: Path, *, held_out: str = HELD_OUT, document_of: Callable[[str], str] = str
) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """Questions that may be trained with, and those of the split ``held_out``.

    ``document_of`` turns the folder's document ids into those of the texts, "" for one that is
    not there; a question without documents is left out.  Raises UsageError for what is no such
    folder.
    """
    texts = {
        _text(record, "_id", folder): _text(record, "text", folder)
        for record in records(folder / "queries.jsonl")
    }
    splits = {file.stem: _qrels(file) for file in sorted((folder / "qrels").glob("*.tsv"))}
    if not splits:
        raise UsageError(
            f"{folder} holds no judgements", hint="They are expected in qrels/train.tsv and so on."
        )
    alone = len(splits) == 1
    pool: dict[str, Question] = {}
    held: list[Question] = []
    for name, grades in splits.items():
        found = list(_questions(grades, texts, document_of))
        if name == held_out and not alone:
            held = found
        else:
            pool.update((question.id, question) for question in found)
    for question in held:
        pool.pop(question.id, None)
    return tuple(pool.values()), tuple(held)


def cut_corpus(
    folder: Path, tokenizer: Tokenizer, rules: ChunkRules, fill: Callable[[Mapping[str, Any]], str]
) -> Iterator[Text]:
    """The folder's documents, cut as ingest cuts them; ``fill`` gives the text to embed."""
    for record in records(folder / "corpus.jsonl"):
        title = str(record.get("title") or "")
        name = _text(record, "_id", folder)
        text = _text(record, "text", folder).strip() or title
        document = Document(id=name, text=text, title=title, source=name)
        for chunk in cut(document, tokenizer, rules, set_name=folder.name):
            source = {"context": chunk.context, "text": chunk.text, "title": chunk.title}
            yield Text(chunk.id, name, fill(source))


def records(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file; raises UsageError with the number of a line that is none."""
    try:
        lines = file.open(encoding="utf-8", newline="\n")  # U+2028 and its like end no line
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}",
            hint="A folder of judged questions holds queries.jsonl and qrels/, and corpus.jsonl "
            "where there is no index.",
        ) from error
    with lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _record(line, where=f"{file}, line {number}")
        except UnicodeDecodeError as error:
            raise UsageError(f"{file} is not UTF-8: {error}") from error


def _record(line: str, *, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON: {error}") from error
    if not isinstance(record, dict):
        raise UsageError(f"{where}: not an object")
    return record


def _questions(
    grades: Grades, texts: Mapping[str, str], document_of: Callable[[str], str]
) -> Iterator[Question]:
    for name, judged in grades.items():
        known = {document_of(document): grade for document, grade in judged.items()}
        known.pop("", None)
        if known and texts.get(name, "").strip():
            yield Question(name, texts[name], known)


def _qrels(file: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    first = 0 if _judges(lines[0]) else 1  # some files have no headings
    for number, line in enumerate(lines[first:], start=first + 1):
        if not line.strip():
            continue
        try:
            question, document, grade = line.rstrip("\r").split("\t")
            if int(grade) > 0:
                found.setdefault(question, {})[document] = int(grade)
        except ValueError as error:
            raise UsageError(
                f"{file}, line {number}: not question, document and grade, parted by tabs"
            ) from error
    return found


def _judges(line: str) -> bool:
    """Whether a line ends in a grade."""
    return re.fullmatch(r"[+-]?\d+", line.rstrip("\r").rpartition("\t")[2], re.ASCII) is not None


def _text(record: Mapping[str, Any], name: str, folder: Path) -> str:
    value = record.get(name)
    if not isinstance(value, str | int):
        raise UsageError(f"a record of {folder} has no {name}: {str(record)[:80]}")
    return _HALF.sub("\ufffd", str(value))  # JSON can spell what no tokenizer takes
