"""Writes and reads the files of a run folder; nobody else knows their JSON.

Reading is strict: what is damaged is told with file and line.  One exception: the last line of a
growing file, cut off because its writer was killed, does not count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, TypeVar

from esrag.disk import disk_errors, replace_text
from esrag.errors import UsageError
from esrag.evaluation.plain import NotPlainError, as_plain, from_plain, parsed, written
from esrag.evaluation.records import (
    Comparisons,
    GateResult,
    Passage,
    Reply,
    RunStatus,
    Scored,
    System,
    SystemCost,
    UpdateStory,
)
from esrag.evaluation.run_folder import RUN, RunFolder
from esrag.questions import KnownQuestion

Record = TypeVar("Record")

_AGAIN = "Ask anew: esrag compare --name with another name, or remove this file."
_FORMAT = 1
JUDGEMENTS = "qrels"
"""The fingerprint that only runs of ``esrag evaluate`` have."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """run.json: what was asked for, and how far it came.

    ``fingerprints`` are those of questions, index and models, by name; ``settings`` those of each
    system, as far as they change what it replies.  Times are ISO, in UTC.
    """

    name: str
    status: RunStatus
    systems: tuple[System, ...]
    baseline: str
    started: str
    finished: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seed: int = 0
    index_seconds: Mapping[str, float] = field(default_factory=dict)
    format: int = _FORMAT


@dataclass(frozen=True, slots=True)
class KeptReply:
    """A reply with the fingerprint of all that it depends on."""

    key: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """What a question is judged by besides what systems were given; with its fingerprint.

    ``around`` are the passages about its evidence, ``reference`` those of the reference retrieval.
    """

    key: str
    question_id: str
    around: tuple[Passage, ...] = ()
    reference: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """comparison.json: the figures, and what they rest on."""

    comparisons: Comparisons | None = None
    gates: tuple[GateResult, ...] = ()
    costs: tuple[SystemCost, ...] = ()
    updates: tuple[UpdateStory, ...] = ()


def write_run(folder: RunFolder, record: RunRecord) -> None:
    """Put run.json in its place."""
    _put(folder.path / RUN, record)


def read_run(folder: RunFolder) -> RunRecord:
    """run.json; raises UsageError when it is missing, damaged or of a later esrag."""
    return _one(RunRecord, folder.path / RUN)


def ranks_only(record: RunRecord) -> bool:
    """Whether ``esrag evaluate`` made the run: it holds rankings and their judgements, no replies.

    A comparison of systems that only find passages is none: it keeps replies.
    """
    return JUDGEMENTS in record.fingerprints


def write_questions(folder: RunFolder, questions: Sequence[KnownQuestion]) -> None:
    """Keep the questions with the run."""
    _put_lines(folder.path / "questions.jsonl", questions)


def read_questions(folder: RunFolder) -> tuple[KnownQuestion, ...]:
    """The questions of a run."""
    return _lines(KnownQuestion, folder.path / "questions.jsonl")


def write_replies(folder: RunFolder, system: str, replies: Iterable[KeptReply]) -> None:
    """Put a system's replies into the place of what grew."""
    _put_lines(folder.replies(system), replies)


def read_replies(folder: RunFolder, system: str) -> tuple[KeptReply, ...]:
    """A system's replies, of one question the last; none where it was not asked."""
    kept = _lines(KeptReply, folder.replies(system), growing=True)
    return tuple({each.reply.question_id: each for each in kept}.values())


def write_evidence(folder: RunFolder, evidence: Iterable[KeptEvidence]) -> None:
    """Keep what the questions are judged by."""
    _put_lines(folder.path / "pool.jsonl", evidence)


def read_evidence(folder: RunFolder) -> dict[str, KeptEvidence]:
    """What the questions are judged by, by question id."""
    kept = _lines(KeptEvidence, folder.path / "pool.jsonl", growing=True)
    return {each.question_id: each for each in kept}


def write_scored(folder: RunFolder, system: str, scored: Iterable[Scored]) -> None:
    """Put a system's verdicts and metrics in their place."""
    _put_lines(folder.scored(system), scored)


def read_scored(folder: RunFolder, system: str) -> tuple[Scored, ...]:
    """A system's replies with verdicts and metrics; none where it was not scored."""
    return _lines(Scored, folder.scored(system))


def write_outcome(folder: RunFolder, outcome: Outcome) -> None:
    """Put comparison.json in its place, without the values of each question: scored/ has them."""
    figures = outcome.comparisons
    if figures:
        pairs = tuple(replace(pair, values=()) for pair in figures.pairs)
        outcome = replace(outcome, comparisons=replace(figures, pairs=pairs))
    _put(folder.path / "comparison.json", outcome)


def read_outcome(folder: RunFolder) -> Outcome:
    """comparison.json, empty when there is none yet."""
    file = folder.path / "comparison.json"
    return _one(Outcome, file) if file.is_file() else Outcome()


def systems_of(outcome: Outcome) -> tuple[str, ...]:
    """Of which systems there are figures."""
    estimates = outcome.comparisons.estimates if outcome.comparisons else ()
    return tuple(dict.fromkeys(each.system for each in estimates))


def put_text(file: Path, text: str) -> None:
    """Put a text in its place, whole or not at all."""
    replace_text(file, text)


class GrowingFile:
    """A file that grows by a line for each record, each forced to the disk; a context manager.

    A last line that was cut off is taken away before the first is added.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: TextIO | None = None

    def __enter__(self) -> GrowingFile:
        with disk_errors(self._file, when_full=_WHEN_FULL):
            _mend(self._file)
            self._stream = self._file.open("a", encoding="utf-8")
        return self

    def add(self, record: object) -> None:
        """Append one record."""
        if self._stream is None:
            raise TypeError("the file is not open")
        with disk_errors(self._file, when_full=_WHEN_FULL):
            self._stream.write(written(record) + "\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            # what is left in the buffer of a full disk was told of already
            with disk_errors(self._file, when_full=_WHEN_FULL):
                self._stream.close()


_WHEN_FULL = "Make room and give the same command again: what was replied is kept."


def _mend(file: Path) -> None:
    """Cut off a last line that has no end."""
    if not file.is_file():
        return
    with file.open("rb+") as stream:
        content = stream.read()
        if content and not content.endswith(b"\n"):
            stream.truncate(content.rfind(b"\n") + 1)


def _put(file: Path, record: object) -> None:
    text = json.dumps(as_plain(record), indent=2, ensure_ascii=False, allow_nan=False)
    replace_text(file, text + "\n")


def _put_lines(file: Path, records: Iterable[object]) -> None:
    replace_text(file, "".join(written(record) + "\n" for record in records))


def _one(kind: type[Record], file: Path) -> Record:
    """The record of a file."""
    value = _plain(_text(file), f"{file}")
    if isinstance(value, dict) and value.get("format", _FORMAT) != _FORMAT:
        raise UsageError(
            f"{file} is of format {value['format']}; this esrag reads {_FORMAT}",
            hint="Use the esrag that wrote it, or compare anew.",
        )
    return _record(kind, value, f"{file}")


def _lines(kind: type[Record], file: Path, *, growing: bool = False) -> tuple[Record, ...]:
    """The records of a file, a line each; none when there is no file."""
    if not file.is_file():
        return ()
    lines = _text(file).split("\n")
    if lines[-1] and growing:
        lines[-1] = ""
    return tuple(
        _record(kind, _plain(line, f"{file}, line {number}"), f"{file}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint=_AGAIN) from error


def _plain(text: str, where: str) -> Any:
    try:
        return parsed(text)
    except NotPlainError as error:
        raise UsageError(f"{where}: {error}", hint=_AGAIN) from error


def _record(kind: type[Record], value: Any, where: str) -> Record:
    try:
        return from_plain(kind, value)
    except NotPlainError as error:
        raise UsageError(f"{where}: {error}", hint=_AGAIN) from error
