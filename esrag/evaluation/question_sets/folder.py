"""A question set on disk: its folder, its lock, and how it is written.

DATA_DIR/questions/NAME/questions.jsonl   the questions, with what reviewers said
                        card.json         what it was made of, and by whom
                        teacher/          what a teacher answered, so that it is not asked again
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from esrag.disk import held, replace_text
from esrag.errors import ConflictError, UsageError
from esrag.evaluation.question_sets.records import SetQuestion, as_text, read_set
from esrag.examples.folder import sha256_of
from esrag.sample import questions_file

QUESTIONS, CARD, TEACHER = "questions.jsonl", "card.json", "teacher"
FOLDER = "questions"
SAMPLE = "sample"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def set_folder(data_dir: Path, name: str) -> Path:
    """Where the question set of a name lies; raises UsageError for what cannot be one."""
    if name == SAMPLE:
        raise UsageError(
            f"{SAMPLE!r} names the questions that come with esrag", hint="Use another name."
        )
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a question set: letters, digits, dots, _ and -, up to 80 of them"
        )
    return data_dir / FOLDER / name


def question_file(data_dir: Path, name_or_path: str | Path) -> Path:
    """The questions of a set, by its name, its folder or the file itself.

    ``sample`` names those that come with esrag.  Raises UsageError when there are none.
    """
    given = str(name_or_path)
    if given == SAMPLE:
        return questions_file()
    try:
        path = Path(given)
        file = path / QUESTIONS if path.is_dir() else path
        if not file.is_file() and _NAME.fullmatch(given):
            file = set_folder(data_dir, given) / QUESTIONS
        is_there = file.is_file()
    except (OSError, ValueError) as error:  # a name that no system takes
        raise UsageError(f"{given!r} names no question set: {error}") from error
    if not is_there:
        raise UsageError(
            f"there is no question set {given}: {file} does not exist",
            hint="Make one: esrag questions build, or esrag questions import FILE; "
            "esrag questions list names those that there are.",
        )
    return file


def locked(folder: Path) -> AbstractContextManager[None]:
    """Hold the folder while the block runs; raises ConflictError when another command holds it."""
    return held(
        folder,
        taken=f"another command is at work on {folder}",
        hint="Wait until it ends, or use another name.",
    )


def write_set(folder: Path, questions: Iterable[SetQuestion], card: Mapping[str, Any]) -> None:
    """Put the questions and their card in the place of what was there; hold the folder before.

    Raises UnavailableError when the disk is full, PermissionDeniedError when it is not ours.
    """
    replace_text(folder / QUESTIONS, as_text(questions))
    whole = {**card, "sha256": sha256_of(folder / QUESTIONS)}
    replace_text(folder / CARD, json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a set, empty when it has none that can be read."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def require_replaceable(folder: Path, *, replace: bool) -> None:
    """Raise ConflictError when a set is there that people have reviewed, or brought along.

    ``replace`` says that it may go all the same.
    """
    file = folder / QUESTIONS
    if replace or not file.is_file():
        return
    brought = "imported" in read_card(folder)
    reviewed = sum(bool(each.status or each.note) for each in read_set(file))
    if brought or reviewed:
        raise ConflictError(
            f"the question set {folder.name} is there already"
            + (f", with {reviewed:,} questions reviewed" if reviewed else ""),
            hint="Use another name, or throw it away: --replace",
        )
