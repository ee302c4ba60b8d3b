"""Judged questions from the user's files: what is asked, and which documents answer it.

    folder     corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv      BEIR's layout
    file       questions with evidence, JSONL                    docs/questions.md
    file       judgements alone                                  enough for runs of other systems

Whatever is judged is measured; what cannot be asked or cannot be answered is told, never dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UsageError
from esrag.evaluation.qrels import Qrels, qrels_of_questions, read_qrels, relevant, shortened
from esrag.evaluation.text_lines import text_lines
from esrag.questions import load_questions

PREFERRED = "test"
_HALF = re.compile("[\ud800-\udfff]")
_SPLITS = re.compile(r"(.+)\.(?:tsv|qrels|txt)(?:\.gz)?")
_QUESTIONS = (".jsonl", ".json", ".jsonl.gz")
_RECORD = re.compile(r"(?:^|/)corpus\.jsonl(?:\.gz)?#(.+)", re.DOTALL)
_ALONE = "Of judgements that lie elsewhere, name the file, with --run."
_LAYOUT = "A folder of judged questions holds queries.jsonl and qrels/SPLIT.tsv, and corpus.jsonl."


@dataclass(frozen=True, slots=True)
class Judged:
    """Questions by id, and the judgements of one split.

    Only judged questions are in ``questions``, and only those whose text is known.  ``corpus`` is
    the folder's file of documents, if it has one; ``notes`` say what a reader has to know.
    """

    name: str
    split: str
    questions: Mapping[str, str]
    qrels: Qrels
    corpus: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def silent(self) -> tuple[str, ...]:
        """Judged questions that nobody can ask, as their text is missing."""
        return tuple(name for name in self.qrels if name not in self.questions)

    def namer(self) -> Callable[[str], str]:
        """What the judgements call a document of an index.

        ``esrag ingest`` puts the file before the id of a record: corpus.jsonl#ID.
        """
        judged = {name for grades in self.qrels.values() for name in grades}

        def name_of(document: str) -> str:
            found = None if document in judged else _RECORD.search(document)
            return document if found is None else found[1]

        return name_of

    def in_an_index(self, document: str) -> tuple[str, ...]:
        """What an index may call a document of the judgements."""
        return (document, f"corpus.jsonl#{document}") if self.corpus else (document,)


def load_judged(source: Path, *, split: str | None = None) -> Judged:
    """What ``source`` holds: a folder in BEIR's layout, a file of questions, or judgements alone.

    Of several splits ``test`` is taken unless another is named.  Raises UsageError, naming file
    and line, for what cannot be used.
    """
    if source.is_dir():
        return _folder(source, split)
    if source.name.endswith(_QUESTIONS):
        return _question_file(source, split)
    if split:
        raise UsageError(f"{source} is a file of judgements and has no split {split!r}")
    qrels = read_qrels(source)
    return Judged(source.name.partition(".")[0], "", {}, qrels, notes=tuple(told(qrels)))


def _folder(folder: Path, split: str | None) -> Judged:
    files = {
        found[1]: file
        for file in sorted((folder / "qrels").glob("*"))
        if (found := _SPLITS.fullmatch(file.name))
    }
    if not files:
        raise UsageError(f"{folder} holds no judgements", hint=f"{_LAYOUT} {_ALONE}")
    chosen = _chosen(split, list(files), folder)
    qrels = read_qrels(files[chosen])
    queries = _existing(folder, "queries.jsonl")
    texts = _texts(queries) if queries else {}
    notes = list(told(qrels))
    if texts:
        judged = set(qrels)
        for name, file in files.items():
            if name != chosen and texts.keys() - judged:
                judged |= set(read_qrels(file))
        unjudged = len(texts.keys() - judged)
        if unjudged:
            notes.append(f"{counted(unjudged, 'question')} without judgements: not measured")
    questions = {name: texts[name] for name in qrels if name in texts}
    corpus = _existing(folder, "corpus.jsonl")
    name = folder.resolve().name
    return Judged(name, chosen, questions, qrels, corpus, tuple(notes))


def _question_file(file: Path, split: str | None) -> Judged:
    known = load_questions(file, split=split)
    seen: set[str] = set()
    for question in known:
        if question.id in seen:
            raise UsageError(
                f"{file}: two questions have the id {shortened(question.id)}",
                hint="Give each question an id of its own.",
            )
        seen.add(question.id)
    qrels = qrels_of_questions(known)
    if not qrels:
        raise UsageError(
            f"{file} has no question with evidence, and only evidence says what is to be found",
            hint="docs/questions.md shows how evidence is given.",
        )
    notes = []
    without = len(known) - len(qrels)
    if without:
        notes.append(f"{counted(without, 'question')} without evidence: not measured")
    questions = {each.id: each.text for each in known if each.id in qrels}
    return Judged(file.name.partition(".")[0], split or "", questions, qrels, notes=tuple(notes))


def _chosen(split: str | None, names: list[str], folder: Path) -> str:
    if split is None and len(names) == 1:
        return names[0]
    wanted = PREFERRED if split is None else split
    if wanted not in names:
        raise UsageError(
            f"{folder / 'qrels'} has no split {wanted!r}",
            hint=f"--split takes one of these: {', '.join(names)}",
        )
    return wanted


def _existing(folder: Path, name: str) -> Path | None:
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    return None


def _texts(file: Path) -> dict[str, str]:
    """The questions of queries.jsonl by id."""
    texts: dict[str, str] = {}
    for number, line in text_lines(file):
        where = f"{file}, line {number}"
        name, text = _question(line, where)
        if texts.setdefault(name, text) != text:
            raise UsageError(
                f"{where}: the id {shortened(name)} is that of another question",
                hint="Give each question an id of its own.",
            )
    return texts


def _question(line: str, where: str) -> tuple[str, str]:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON: {shortened(str(error), 200)}") from error
    if not isinstance(record, dict):
        raise UsageError(f"{where}: not an object with _id and text")
    name, text = record.get("_id"), record.get("text")
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
        raise UsageError(f"{where}: no _id: {shortened(line)}")
    if not isinstance(text, str):
        raise UsageError(f"{where}: no text: {shortened(line)}")
    # JSON can spell halves of characters, which no file and no server takes
    return _HALF.sub("\ufffd", str(name)), _HALF.sub("\ufffd", text)


def told(qrels: Qrels) -> Iterable[str]:
    """What a reader has to know of judgements."""
    without = sum(not relevant(grades) for grades in qrels.values())
    if without:
        yield f"{counted(without, 'question')} without a relevant document: 0 for every system"


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
