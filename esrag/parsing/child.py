"""What runs in the child: files in, what became of them out, one after the other.

It ends when its input ends, and of its own accord when it has grown: memory that one file left
behind shall not be missing to the next.  Of errors it says what a person can use, never a trace.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from esrag.chunking import Tokenizer, cut, document_hash
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed, Rejected, Stage
from esrag.errors import EsragError
from esrag.parsing import messages
from esrag.parsing.jail import die_with, lock_up
from esrag.parsing.limits import MIB, Limits, bind, grant_cpu, resident_bytes
from esrag.parsing.task import Cut, CuttingTask, Outcome, rest_of
from esrag.parsing.wire import BadFrameError, read_frame
from esrag.tokens import read_tokenizer


def main() -> int:
    """Serve the parent whose process id is argv[1]."""
    die_with(int(sys.argv[1]))
    orders, answers = _own_channels()
    first = read_frame(orders)
    if first is None:
        return 0
    task, limits = messages.parsed_order(first)
    bind(limits)
    lock_up()
    try:
        worker = _Worker(task, limits)
    except EsragError as error:
        _say(answers, messages.unfit_frame(error.message, error.hint))
        return 0
    _say(answers, messages.ready_frame())
    while (request := read_frame(orders)) is not None:
        for frame in worker.frames(messages.parsed_file(request)):
            _say(answers, frame)
        if resident_bytes() > limits.retire_bytes:
            return 0
    return 0


def _own_channels() -> tuple[BinaryIO, BinaryIO]:
    """Keep the real input and output for messages; libraries get none and standard error."""
    orders = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing, nobody = os.pipe()  # not /dev/null: some containers have none
    os.close(nobody)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, answers


def _say(answers: BinaryIO, frame: bytes) -> None:
    answers.write(frame)
    answers.flush()


class _Worker:
    """Reads and cuts one file after the other."""

    def __init__(self, task: CuttingTask, limits: Limits) -> None:
        self._task = task
        self._limits = limits
        self._tokenizer: Tokenizer = read_tokenizer(task.tokenizer)

    def frames(self, listed: Listed) -> Iterator[bytes]:
        """Every outcome of a file, and that it has ended."""
        grant_cpu(self._limits)
        for outcome in self._outcomes(listed):
            yield _frame(outcome, listed)
            grant_cpu(self._limits)
        yield messages.ended_frame()

    def _outcomes(self, listed: Listed) -> Iterator[Outcome]:
        parts = 0
        try:
            for found in read(listed, self._task.reading):
                yield self._cut(found, listed.origin) if isinstance(found, Parsed) else found
                parts += 1
        except MemoryError:
            failed = self._too_fat(listed.path, listed.name, "parse")
        except Exception as error:  # noqa: BLE001 - whatever a parser raises is this file's fault
            failed = _broken(error, listed.path, listed.name, "parse")
        else:
            return
        yield rest_of(failed, parts)

    def _cut(self, parsed: Parsed, origin: str) -> Cut | Rejected:
        task = self._task
        document = replace(parsed.document, origin=origin)
        try:
            chunks = cut(document, self._tokenizer, task.rules, set_name=task.set_name)
            if not chunks:
                return _rejected(parsed, "empty", "no text to index")
            version = document_hash(document, task.rules, model_id=task.model_id)
        except MemoryError:
            found = self._too_fat(parsed.path, document.id, "chunk")
            return replace(found, sha256=parsed.sha256, place=parsed.place)
        except Exception as error:  # noqa: BLE001 - the documents after it shall not suffer
            found = _broken(error, parsed.path, document.id, "chunk")
            return replace(found, sha256=parsed.sha256, place=parsed.place)
        return Cut(replace(parsed, document=document), version, tuple(chunks))

    def _too_fat(self, path: Path, name: str, stage: Stage) -> Rejected:
        most = self._limits.memory_bytes // MIB
        return Rejected(path, name, stage, "parser_limit", f"takes more than {most} MiB of memory")


def _frame(outcome: Outcome, listed: Listed) -> bytes:
    try:
        return messages.outcome_frame(outcome)
    except BadFrameError as error:
        code = "lone_surrogate" if "surrogate" in str(error) else "too_large"
        reason = f"cannot be handed on: {error}"
        if isinstance(outcome, Cut):
            return messages.outcome_frame(_rejected(outcome.parsed, code, reason))
        return messages.outcome_frame(Rejected(listed.path, listed.name, "parse", code, reason))


def _rejected(parsed: Parsed, code: str, reason: str) -> Rejected:
    name = parsed.document.id
    return Rejected(parsed.path, name, "chunk", code, reason, parsed.sha256, parsed.place)


def _broken(error: Exception, path: Path, name: str, stage: Stage) -> Rejected:
    """An error that no parser foresaw: what it was, and where, so that it can be reported."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    words = " ".join(str(error).split())[:300]
    reason = f"the parser failed: {type(error).__name__}: {words} ({where})"
    return Rejected(path, name, stage, "parser_crashed", reason)
