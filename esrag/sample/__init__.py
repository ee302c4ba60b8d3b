"""The sample corpus: documents of an invented company, questions with known answers, and facts.

Only paths are given out here; who reads them does so like any other user's files.  What is in
the folder and how the questions are meant is told in ``README.md`` beside this file.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def corpus_folder() -> Path:
    """The folder to ingest; document ids are paths relative to it."""
    return _HERE / "documents"


def questions_file() -> Path:
    """Questions with reference answers and evidence, one JSON object a line."""
    return _HERE / "questions.jsonl"


def lessons_file() -> Path:
    """Facts in other wordings than the questions', one JSON object a line, to teach a model."""
    return _HERE / "lessons.jsonl"


def facts_file() -> Path:
    """The table of truth, which ``python -m esrag.sample.check`` holds against the documents."""
    return _HERE / "facts.json"
