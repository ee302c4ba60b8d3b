"""A document set of tiny embedders: made, filled, searched, and re-embedded by the command line."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elasticsearch import Elasticsearch, helpers
from fault_proxy import FaultProxy
from tiny_bundles import some_words

from esrag.bundle import ModelBundle
from esrag.chunking import chunk_id
from esrag.cluster.chunk_scan import scan
from esrag.names import Names
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.survey import take_survey

if TYPE_CHECKING:
    from conftest import Stack

PER_DOCUMENT = 5
MOVE = ("reembed", "--yes", "--grace", "0.5", "--model-id")  # searches here take no half second
_COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]
Answer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    output: str
    talk: str


class Library:
    """A document set in a cluster; ``environment`` is that of commands on it."""

    def __init__(self, es: Elasticsearch, stack: Stack, set_name: str, data_dir: Path) -> None:
        self.es = es
        self.set = set_name
        self.names = Names(set_name)
        self.environment = {
            **stack.environment,
            "ESRAG_DATA_DIR": str(data_dir),
            "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
            "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
            "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
            "ESRAG_MODEL_THREADS": "1",
            "ESRAG_INDEX_VECTORS": "float",
        }

    def set_up(self, bundle: ModelBundle) -> None:
        """What ``esrag setup`` does with this model."""
        found = take_survey(self.es, self.choices(bundle), bundle)
        apply_plan(self.es, found.desired, found.observed, found.plan)

    def changes_of(self, bundle: ModelBundle) -> tuple[object, ...]:
        """What ``esrag plan`` would list for this model."""
        return take_survey(self.es, self.choices(bundle), bundle).plan.changes

    def choices(self, bundle: ModelBundle) -> Choices:
        """The settings with this model."""
        return Choices(
            set=self.set,
            model_id=bundle.model_id,
            allocations=1,
            threads=1,
            queue_capacity=1024,
            language="english",
            vectors="float",
        )

    def fill(self, count: int, *, seed: int = 1) -> None:
        """So many chunks through the alias, as another producer would send them."""
        actions = (
            {"_index": self.names.alias, **each} for each in made_chunks(self.set, count, seed)
        )
        helpers.bulk(self.es, actions, chunk_size=250)
        self.es.indices.refresh(index=self.names.alias)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a command on this set."""
        return subprocess.Popen(
            [*_COMMAND, *arguments, "--set", self.set],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """A command on this set, to its end."""
        return ended(self.start(*arguments, **environment))

    def move_to(self, bundle: ModelBundle, *arguments: str, **environment: str) -> Outcome:
        """``esrag reembed`` with this model, to its end."""
        return self.run(*MOVE, bundle.model_id, *arguments, **environment)

    @property
    def live(self) -> str:
        """The index behind the alias."""
        (index,) = self.es.indices.get_alias(name=self.names.alias).body
        return str(index)

    def chunks(self, index: str) -> dict[str, Mapping[str, Any]]:
        """Every chunk of an index with its vector; fails when an id comes twice."""
        self.es.indices.refresh(index=index)
        found = [chunk for page in scan(self.es, index, vectors=True) for chunk in page]
        by_id = {chunk.id: chunk.source for chunk in found}
        assert len(by_id) == len(found) == self.es.count(index=index)["count"]
        return by_id

    def ask(self, question: str, kind: str = "hybrid", size: int = 10) -> Answer:
        """The ids that the stored search template finds through the alias."""
        found = self.es.search_template(
            index=self.names.alias,
            id=self.names.search_template(kind),
            params={"query": question, "size": size},
        )
        assert found["_shards"]["failed"] == 0
        return tuple(hit["_id"] for hit in found["hits"]["hits"])

    @contextmanager
    def asked_all_the_time(self) -> Iterator[Asked]:
        """Questions in a thread for the time of the block."""
        asked = Asked()
        thread = threading.Thread(target=asked.loop, args=(self,), daemon=True)
        thread.start()
        try:
            yield asked
        finally:
            asked.stop.set()
            thread.join(60)


@dataclass
class Asked:
    """What was asked meanwhile, the answers, and whatever went wrong."""

    stop: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[str, str, Answer]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def loop(self, library: Library) -> None:
        """Ask until told to stop."""
        for number in range(1_000_000):
            if self.stop.is_set():
                return
            kind = KINDS[number % len(KINDS)]
            question = QUESTIONS[number % len(QUESTIONS)]
            try:
                self.answers.append((kind, question, library.ask(question, kind)))
            except Exception as error:  # noqa: BLE001 - any of them is a failed search
                self.failures.append(f"{kind} {question}: {error}")

    def require_answers_of(self, *generations: Mapping[tuple[str, str], Answer]) -> None:
        """Nothing failed, and each answer is one of a generation's as a whole."""
        assert self.failures == []
        assert len(self.answers) > 20
        for kind, question, answer in self.answers:
            assert answer in [each[kind, question] for each in generations], (kind, question)


KINDS = ("hybrid", "semantic", "lexical", "linear")
QUESTIONS = tuple(some_words(random.Random(f"question {number}"), 4) for number in range(10))


def all_answers(library: Library) -> dict[tuple[str, str], Answer]:
    """What each template answers to each question now."""
    return {
        (kind, question): library.ask(question, kind) for kind in KINDS for question in QUESTIONS
    }


def made_chunks(set_name: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Chunks of invented words, the same for the same seed; documents have five each."""
    chance = random.Random(seed)
    for number in range(count):
        document, position = f"{seed}-{number // PER_DOCUMENT:06d}", number % PER_DOCUMENT
        yield {
            "_id": chunk_id(set_name, document, position),
            "document_id": document,
            "position": position,
            "start": 0,
            "end": 1,
            "text": some_words(chance, 30),
            "context": some_words(chance, 3),
            "content_hash": f"{seed}-{number}",
            "document_hash": document,
            "run_id": f"run-{seed}",
        }


def require_embedded_by(
    es: Elasticsearch, bundle: ModelBundle, chunks: Sequence[Mapping[str, Any]]
) -> None:
    """Each chunk has the vector that this model gives its text."""
    for first in range(0, len(chunks), 100):
        part = chunks[first : first + 100]
        docs = [{"text_field": f"{each['context']}\n{each['text']}"} for each in part]
        answer = es.ml.infer_trained_model(model_id=bundle.model_id, docs=docs, timeout="60s")
        for each, result in zip(part, answer["inference_results"], strict=True):
            wanted = result["predicted_value"]
            assert len(each["embedding"]) == bundle.dims
            assert math.dist(each["embedding"], wanted) < 1e-4, each["document_id"]


def ended(process: subprocess.Popen[str], *, send: int = 0) -> Outcome:
    """Wait for a command, after sending it a signal."""
    if send:
        process.send_signal(signal.Signals(send))
    output, talk = process.communicate(timeout=300)
    return Outcome(process.returncode, output, talk)


class KillingProxy(FaultProxy):
    """Stops at one request of the move: not sent on, or sent on and its answer kept back.

    Those of planning, which is done twice and reads the journal each time, do not count.
    """

    def __init__(self, target: str, *, at: int, answered: bool) -> None:
        super().__init__(target)
        self._counted = 0
        self._journal = 0
        self._at = at
        self._answered = answered

    def _next_fault(self, method: str, path: str) -> str:
        del method
        with self._lock:
            self._journal += "/_doc/reembed" in path
            self._counted += self._journal > 2
            if self._counted < self._at:
                return ""
        return "keep" if self._answered else "drop"


def killed_at(
    target: str, start: Callable[..., subprocess.Popen[str]], *, at: int, answered: bool
) -> bool:
    """Run until its request number ``at`` and kill it there; False when it ended before."""
    with KillingProxy(target, at=at, answered=answered).running() as proxy:
        process = start(ESRAG_ELASTICSEARCH_URL=proxy.url)
        while process.poll() is None and not proxy.seen.wait(0.05):
            pass
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        outcome = ended(process)
    assert outcome.code in (0, -signal.SIGKILL), outcome.talk
    return outcome.code != 0
