"""A comparison from its questions to its kept replies and evidence.

    questions × systems ─ ask ─► replies/SYSTEM.jsonl     only what is not kept yet, or has changed
    questions ─ evidence ─► pool.jsonl                    what all are judged by

A system whose server is gone ends; the others go on, and the run says what is missing.  Judging and
reporting what is there is ``concluding``'s; it needs neither cluster nor generator.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from esrag import __version__
from esrag.errors import EsragError, UnavailableError, UsageError
from esrag.evaluation.asking import GoneError, Limits, ask_all
from esrag.evaluation.evidence import evidence_for, lacking
from esrag.evaluation.fingerprints import (
    evidence_key,
    index_name,
    model_name,
    questions_fingerprint,
    reply_key,
    reply_settings,
)
from esrag.evaluation.preparing import OpenAssembly, Ready, index_of, ready
from esrag.evaluation.records import Reply, System
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import (
    GrowingFile,
    KeptEvidence,
    KeptReply,
    RunRecord,
    read_evidence,
    read_replies,
    read_run,
    write_evidence,
    write_questions,
    write_replies,
    write_run,
)
from esrag.evaluation.systems import SEARCHING, settings_of
from esrag.generation.cancelling import Cancellation
from esrag.names import Names
from esrag.questions import KnownQuestion
from esrag.retrieval import Retriever
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SEED = 7


class Progress(Protocol):
    """Who is told how far the asking is."""

    def begin(self, system: str, questions: int, kept: int) -> None:
        """A system is asked; so many of its questions were replied to before."""

    def replied(self, reply: Reply) -> None:
        """A reply is there."""

    def end(self, seconds: float) -> None:
        """The system is done, or ended."""

    def warn(self, words: str) -> None:
        """Something a person should know at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is compared: systems in their order, all on the same questions."""

    name: str
    systems: tuple[System, ...]
    baseline: str
    questions: tuple[KnownQuestion, ...]
    limits: Limits = field(default_factory=Limits)
    asked_for: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gathered:
    """How far the asking came; ``stopped`` are errors by system, "" for the evidence."""

    failed: int
    stopped: Mapping[str, EsragError]


def checked_questions(questions: Sequence[KnownQuestion]) -> tuple[KnownQuestion, ...]:
    """The questions; raises UsageError when two have one id, as every figure is by id."""
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise UsageError(f"two questions have the id {question.id}", hint="Give each its own.")
        seen.add(question.id)
    return tuple(questions)


def chosen_baseline(systems: Sequence[System], wanted: str | None) -> str:
    """The system that the others are compared with: the one named, else the first."""
    names = [system.name for system in systems]
    if wanted is None:
        return names[0]
    if wanted not in names:
        raise UsageError(f"there is no system {wanted}; there are {', '.join(names)}")
    return wanted


class Comparing:
    """One comparison under way, in a folder that the caller holds.

    ``client`` and ``open_assembly`` reach the cluster and the generators.
    """

    def __init__(
        self,
        wanted: Wanted,
        folder: RunFolder,
        settings: Settings,
        *,
        client: Elasticsearch,
        open_assembly: OpenAssembly,
        progress: Progress,
    ) -> None:
        self._wanted = wanted
        self._folder = folder
        self._settings = settings
        self._client = client
        self._open = open_assembly
        self._progress = progress
        self._own = {system.name: settings_of(system, settings) for system in wanted.systems}
        self._record = self._begun()
        self._told: tuple[str, ...] = ()

    def gather(self, cancel: Cancellation) -> Gathered:
        """Ask all systems and fetch the evidence; what is there already is kept.

        Raises what no other system mends, such as missing rights, and CancelledError; what was
        replied until then is kept.
        """
        write_questions(self._folder, self._wanted.questions)
        write_run(self._folder, self._record)
        self._told = self._lacking()
        stopped: dict[str, EsragError] = {}
        failed = 0
        for system in self._wanted.systems:
            try:
                failed += self._ask(system, cancel)
            except GoneError as error:
                stopped[system.name] = error
                self._progress.warn(f"{system.name} ended: {error.message}")
        self._evidence(cancel)
        self._note(
            status="stopped" if stopped else "whole",
            notes=(
                *self._told,
                *(
                    f"{name} was not asked to the end: {error.message}"
                    for name, error in stopped.items()
                ),
            ),
        )
        return Gathered(failed, stopped)

    def stop(self, why: str) -> bool:
        """Note that somebody or something ended the asking; whether there are replies by then."""
        self._note(status="stopped", notes=(*self._told, f"The asking was ended: {why}"))
        return any(read_replies(self._folder, each.name) for each in self._wanted.systems)

    def _lacking(self) -> tuple[str, ...]:
        """What of the evidence the sets that are searched do not hold; it is told at once.

        A cluster that is gone is told by the systems that need it.
        """
        told = []
        searching = [
            self._own[each.name] for each in self._wanted.systems if each.kind in SEARCHING
        ]
        for name in dict.fromkeys(own.index.set for own in searching):
            with suppress(UnavailableError):
                if words := lacking(self._client, Names(name).alias, self._wanted.questions):
                    self._progress.warn(words)
                    told.append(words)
        return tuple(told)

    def _begun(self) -> RunRecord:
        """run.json as it stands while the systems are asked."""
        wanted = self._wanted
        earlier = _earlier(self._folder)
        names = [name(each) for each in wanted.systems for name in (model_name, index_name)]
        before = earlier.fingerprints if earlier else {}
        return RunRecord(
            name=wanted.name,
            status="asking",
            systems=wanted.systems,
            baseline=wanted.baseline,
            started=earlier.started if earlier and earlier.status != "whole" else _now(),
            facts={
                "esrag": __version__,
                "Python": platform.python_version(),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                **wanted.asked_for,
            },
            settings={
                system.name: reply_settings(system, self._own[system.name])
                for system in wanted.systems
            },
            # what is known of models and index stays until it is looked at again: by it the
            # report knows which of the replies that are kept count
            fingerprints={
                **{name: before[name] for name in names if name in before},
                "questions": questions_fingerprint(wanted.questions),
            },
            seed=SEED,
        )

    def _note(self, **changes: object) -> None:
        self._record = replace(self._record, finished=_now(), **changes)  # type: ignore[arg-type]
        write_run(self._folder, self._record)

    def _ask(self, system: System, cancel: Cancellation) -> int:
        """Ask one system what is not kept; how many of its questions failed."""
        cancel.check()
        own = self._own[system.name]
        with ExitStack() as stack:
            try:
                at_hand = stack.enter_context(ready(system, own, self._client, self._open))
            except UnavailableError as error:
                raise GoneError(error.message, hint=error.hint) from error
            self._remember(system, at_hand)
            keys = self._keys(system, at_hand)
            before = read_replies(self._folder, system.name)
            # of questions that are not asked now, as with --limit, replies stay for another time
            others = [each for each in before if each.reply.question_id not in keys]
            replies = {
                each.reply.question_id: each
                for each in before
                if keys.get(each.reply.question_id) == each.key and each.reply.status != "failed"
            }
            todo = [each for each in self._wanted.questions if each.id not in replies]
            self._progress.begin(system.name, len(keys), len(replies))
            began = time.monotonic()
            # from here on the file holds what counts, and grows
            write_replies(self._folder, system.name, [*replies.values(), *others])
            try:
                with GrowingFile(self._folder.replies(system.name)) as file:

                    def keep(reply: Reply) -> None:
                        replies[reply.question_id] = KeptReply(keys[reply.question_id], reply)
                        file.add(replies[reply.question_id])
                        self._progress.replied(reply)

                    limits = self._limits(at_hand)
                    ask_all(at_hand.asker, todo, limits=limits, keep=keep, cancel=cancel)
            finally:
                self._progress.end(time.monotonic() - began)
        in_order = [replies[each.id] for each in self._wanted.questions]
        write_replies(self._folder, system.name, [*in_order, *others])
        return sum(each.reply.status == "failed" for each in in_order)

    def _keys(self, system: System, at_hand: Ready) -> dict[str, str]:
        """The fingerprint that a reply to each question has to have."""
        settings = self._record.settings[system.name]
        return {
            question.id: reply_key(
                question, system, settings, model=at_hand.model, index=at_hand.index
            )
            for question in self._wanted.questions
        }

    def _limits(self, at_hand: Ready) -> Limits:
        """No more at a time than the generator takes."""
        limits = self._wanted.limits
        if not at_hand.at_once:
            return limits
        return replace(limits, parallel=min(limits.parallel, at_hand.at_once))

    def _remember(self, system: System, at_hand: Ready) -> None:
        """Write down which model and which index a system's replies come from."""
        known = {model_name(system): at_hand.model, index_name(system): at_hand.index}
        fingerprints = {**self._record.fingerprints, **{k: v for k, v in known.items() if v}}
        self._record = replace(self._record, fingerprints=fingerprints)
        write_run(self._folder, self._record)

    def _evidence(self, cancel: Cancellation) -> None:
        """Fetch what all are judged by, by the words of the evidence and by one hybrid search."""
        fixed = self._settings.model_copy(
            update={"retrieval": type(self._settings.retrieval)(template="hybrid")}
        )
        with self._open(fixed) as assembly:
            index = index_of(self._client, fixed, assembly)
            kept = read_evidence(self._folder)
            retriever = assembly.retriever(self._client)
            words = _by_words(self._client, retriever)

            def fetch(question: KnownQuestion) -> KeptEvidence:
                found = kept.get(question.id)
                if found is not None and found.key == evidence_key(question, index=index):
                    return found
                cancel.check()
                return evidence_for(question, by_words=words, reference=retriever, index=index)

            with ThreadPoolExecutor(self._wanted.limits.parallel) as pool:
                found = list(pool.map(fetch, self._wanted.questions))
            asked = {question.id for question in self._wanted.questions}
            others = [each for name, each in kept.items() if name not in asked]
            write_evidence(self._folder, [*found, *others])


def _by_words(client: Elasticsearch, like: Retriever) -> Retriever:
    """A retriever of the same set that finds by words alone."""
    return Retriever(client, like.names, "lexical", index=like.index)


def _earlier(folder: RunFolder) -> RunRecord | None:
    try:
        return read_run(folder)
    except UsageError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
