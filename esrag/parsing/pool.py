"""A pool of parser children: files in, what became of them out, in the order of the files.

    files --assign--> children, some files each --frames--> jobs --head first--> Read

One thread, the caller's: nothing is read from a child unless the caller asks for the next
outcome.  The child that has the file at the head is always heard; the others only as long as not
too much waits behind it, so a slow caller stops the children and memory stays flat.

A child that dies, hangs or talks nonsense costs the file it is at.  If it had finished others
before, one of those may have harmed it: then its file gets one more try, in a child of its own.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from esrag.corpus.records import Listed, Rejected
from esrag.errors import EsragError, UnavailableError, UnsupportedError
from esrag.parsing.limits import MIB, Limits
from esrag.parsing.messages import Ended, Ready, Unfit, order_frame, parsed_answer
from esrag.parsing.process import COMMAND, Job, ParserProcess, verdict
from esrag.parsing.task import CuttingTask, Outcome, Read, rest_of
from esrag.parsing.wire import BadFrameError, unpack

_AHEAD_BYTES = 16 * MIB  # of outcomes that wait for files before theirs
_AHEAD_FILES = 256
_QUEUE = 4  # files that a child has at a time, so that it need not wait for the next
_START_SECONDS = 90.0
_MOST_FAILED_STARTS = 3
_MOST_PROCESSES = 4
_FOLDER = "esrag-parsing-"
_TICK = 0.5  # seconds; how late a deadline may be noticed


def default_processes() -> int:
    """One for each core this process may use, at most four."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _MOST_PROCESSES))


class ParserPool:
    """Children for one task; a context manager that ends them.

    They are started when there is work for them, by the thread that reads, and do not outlive
    that thread.  ``processes`` of 0 takes ``default_processes()``.
    """

    def __init__(
        self,
        task: CuttingTask,
        *,
        processes: int = 0,
        limits: Limits | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._task = task
        self._most = processes or default_processes()
        self._limits = limits or Limits()
        self._order = order_frame(task, self._limits)
        self._command = tuple(command)
        self._folder: Path | None = None
        self._processes: list[ParserProcess] = []
        self._jobs: deque[Job] = deque()
        self._held = 0
        self._failed_starts = 0
        self._closed = False

    def __enter__(self) -> ParserPool:
        """The pool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the children."""
        self.close()

    def close(self) -> None:
        """End the children, also in the middle of their work; they hold nothing to be lost."""
        self._closed = True
        self._abandon()
        for process in self._processes:
            process.end()
        self._processes.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def read(self, files: Iterable[tuple[int, Listed]]) -> Iterator[Read]:
        """The outcomes of each file, then None for it; file after file in the given order.

        Raises UnsupportedError when the children lack something, UnavailableError when they do
        not start.  A spooled file is removed when it has been read.
        """
        if self._closed or self._jobs:
            raise EsragError("a pool of parsers reads one list of files at a time, until closed")
        source = iter(files)
        try:
            while True:
                handed = self._hand_out(source)
                if not self._jobs:
                    return
                head = self._jobs[0]
                if head.outcomes:
                    outcome, size = head.outcomes.popleft()
                    self._held -= size
                    yield Read(head.number, outcome)
                elif head.finished:
                    self._jobs.popleft()
                    _remove_spooled(head.listed)
                    yield Read(head.number, None)
                else:
                    self._listen(0.0 if handed else _TICK)
        finally:
            self._abandon()

    # -- handing out ----------------------------------------------------------------------------

    def _hand_out(self, source: Iterator[tuple[int, Listed]]) -> bool:
        """Give one file to the child that has the least to do; False when none can be given.

        One only: the source may be slow, and what is there already shall not wait for it.
        """
        if len(self._jobs) >= _AHEAD_FILES or self._ahead() >= _AHEAD_BYTES:
            return False
        process = min(self._processes, key=lambda p: len(p.jobs), default=None)
        may_grow = len(self._processes) < self._most
        if process is not None and len(process.jobs) >= _QUEUE and not may_grow:
            return False
        entry = next(source, None)
        if entry is None:
            return False
        job = Job(*entry)
        self._jobs.append(job)
        if process is None or (process.jobs and may_grow):
            process = self._start()
        process.hand(job)
        return True

    def _ahead(self) -> int:
        return self._held + sum(len(process.frames) for process in self._processes)

    def _start(self) -> ParserProcess:
        if self._folder is None:
            _remove_abandoned_folders()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        try:
            process = ParserProcess(self._order, self._folder, self._command)
        except OSError as error:
            raise UnavailableError(f"no process for parsing can be started: {error}") from error
        self._processes.append(process)
        return process

    # -- hearing --------------------------------------------------------------------------------

    def _listen(self, seconds: float) -> None:
        """Wait until a child says something, and take it in."""
        first = self._jobs[0].process
        has_room = self._ahead() < _AHEAD_BYTES
        heard = [p for p in self._processes if p.jobs and (p is first or has_room)]
        poll = select.poll()
        for process in heard:
            poll.register(process.output, select.POLLIN)
            if process.errors >= 0:
                poll.register(process.errors, select.POLLIN)
        began = time.monotonic()
        events = {fd for fd, _ in poll.poll(seconds * 1000)}
        waited = time.monotonic() - began
        for process in heard:
            if process.errors in events:
                process.hear_errors()
            if process.output in events:
                self._take(process)
            else:
                self._pass_time(process, waited)

    def _take(self, process: ParserProcess) -> None:
        data = process.hear()
        if data is None:
            return
        if not data:
            self._bury(process)
            return
        try:
            for body in process.frames.feed(data):
                self._accept(process, body)
        except BadFrameError as error:
            reason = f"the parser said what makes no sense: {error}"
            if not process.ready:
                self._replace(process, failed_start=reason)
            elif process.jobs:
                self._fail(process, "parser_crashed", reason)
            else:
                self._replace(process)

    def _accept(self, process: ParserProcess, body: bytes) -> None:
        job = process.jobs[0] if process.jobs else None
        answer = parsed_answer(unpack(body), job.listed if job else None, self._task)
        process.waited = 0.0
        if isinstance(answer, Unfit):
            raise UnsupportedError(answer.message, hint=answer.hint)
        if isinstance(answer, Ready):
            process.ready = True
            self._failed_starts = 0
            return
        if job is None:
            return
        if isinstance(answer, Ended):
            process.jobs.popleft()
            process.done += 1
            job.finished = True
            return
        job.arrived += 1
        if job.arrived > job.accepted:  # else another child had said it before it died
            self._keep(job, answer, len(body))

    def _keep(self, job: Job, outcome: Outcome, size: int) -> None:
        job.accepted += 1
        job.outcomes.append((outcome, size))
        self._held += size

    # -- faults ---------------------------------------------------------------------------------

    def _pass_time(self, process: ParserProcess, seconds: float) -> None:
        process.waited += seconds
        job = process.jobs[0]
        if not process.ready:
            if process.waited > _START_SECONDS:
                self._replace(process, failed_start=f"was not ready after {_START_SECONDS:.0f} s")
            return
        job.waited += seconds
        if process.waited > self._limits.wall_seconds:
            reason = f"gives nothing within {self._limits.wall_seconds:.0f} s"
            self._fail(process, "parser_limit", reason)
        elif job.waited > self._limits.file_seconds:
            reason = f"takes more than {self._limits.file_seconds:.0f} s altogether"
            self._fail(process, "parser_limit", reason)

    def _bury(self, process: ParserProcess) -> None:
        """A child has ended by itself: who is to blame, and who goes on?"""
        status = process.left()
        words = process.last_words()
        if not process.ready:
            self._replace(process, failed_start=words[0] if words else f"exit status {status}")
        elif process.jobs and (process.done == 0 or status == -signal.SIGXCPU):
            self._fail(process, *verdict(status, words, self._limits))
        else:
            self._replace(process)  # with one more try for the file it was at, if any

    def _fail(self, process: ParserProcess, code: str, reason: str) -> None:
        """End a child; the file it was at is rejected, or the rest of it."""
        job = process.jobs.popleft()
        listed = job.listed
        rejected = Rejected(listed.path, listed.name, "parse", code, reason)
        rejected = replace(rejected, origin=listed.origin, uri=listed.uri)
        self._keep(job, rest_of(rejected, job.accepted), 0)
        job.finished = True
        self._replace(process)

    def _replace(self, process: ParserProcess, *, failed_start: str = "") -> None:
        """End a child; what it was handed goes to a new one."""
        process.end()
        self._processes.remove(process)
        if failed_start:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise UnavailableError(
                    f"the process that reads files does not start: {failed_start}",
                    hint="Is there memory for it? Each of them takes some 100 MB.",
                )
        if process.jobs:
            successor = self._start()
            for job in process.jobs:
                successor.hand(job)

    def _abandon(self) -> None:
        """Leave nothing of an unfinished list behind: children that work on it are ended."""
        for process in [p for p in self._processes if p.jobs]:
            process.end()
            self._processes.remove(process)
        for job in self._jobs:
            _remove_spooled(job.listed)
        self._jobs.clear()
        self._held = 0


def _remove_spooled(listed: Listed) -> None:
    if listed.spooled:
        with contextlib.suppress(OSError):
            listed.path.unlink()


def _remove_abandoned_folders() -> None:
    """Those of parents that were killed: nobody else removes them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*"):
        try:
            os.kill(int(folder.name.removeprefix(_FOLDER).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (OSError, ValueError):
            continue  # somebody else's
