"""A document set that answers questions, a generator that follows a script, and the commands."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest import mock

from elasticsearch import Elasticsearch, helpers
from poisoned_documents import POISONED

from esrag.bundle import ModelBundle
from esrag.chunking import chunk_id
from esrag.cli import run
from esrag.names import Names
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.survey import take_survey

if TYPE_CHECKING:
    from conftest import Stack

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]
QUEUE = 1024  # requests that the model takes to wait
QUESTION = "Which port does the Marlow gateway use?"
FACT = "The Marlow gateway uses port 7443."
SAID = "The Marlow gateway uses port 7443 [1]."
PLAIN = {
    "marlow": f"{FACT} It was opened on 3 May 2026.",
    "tarn": "The Tarn relay weighs 14 kg. It hangs on two hooks.",
    "cafeteria": "The cafeteria opens at 8:00 and closes at 15:00.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    output: str
    talk: str

    @property
    def both(self) -> str:
        """All that a person saw."""
        return self.output + self.talk


@dataclass(frozen=True, slots=True)
class Desk:
    """A document set; ``environment`` is that of commands on it."""

    es: Elasticsearch
    names: Names
    environment: Mapping[str, str]

    def with_environment(self, **more: str) -> Desk:
        """The same, under other settings."""
        return replace(self, environment={**self.environment, **more})

    def ask(self, *words: str, question: str = QUESTION, **more: str) -> Outcome:
        """``esrag ask``, in this process."""
        return self.run("ask", *words, question, **more)

    def run(self, *words: str, given: str = "", **more: str) -> Outcome:
        """Any command, in this process; ``given`` is what standard input holds."""
        output, talk = io.StringIO(), io.StringIO()
        with (
            environment({**self.environment, **more}),
            mock.patch("sys.stdin", io.StringIO(given)),
            redirect_stdout(output),
            redirect_stderr(talk),
        ):
            code = run(list(words))
        assert "Traceback" not in talk.getvalue()
        return Outcome(code, output.getvalue(), talk.getvalue())

    def start(
        self, *words: str, limit: Callable[[], None] | None = None, **more: str
    ) -> subprocess.Popen[str]:
        """Any command, in a process of its own; ``limit`` is called there before it begins."""
        return subprocess.Popen(
            [*COMMAND, *words],
            env={**os.environ, **self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )


@contextmanager
def environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """These variables, for the time of the block."""
    ours = {name: value for name, value in wanted.items() if name.startswith("ESRAG_")}
    with mock.patch.dict(os.environ, ours):
        yield


def ended(process: subprocess.Popen[str], *, send: int = 0) -> Outcome:
    """Wait for a command, after sending it a signal."""
    if send:
        process.send_signal(signal.Signals(send))
    output, talk = process.communicate(timeout=60)
    assert "Traceback" not in talk
    return Outcome(process.returncode, output, talk)


@contextmanager
def without_model(desk: Desk) -> Iterator[None]:
    """The set's model does not run for the time of the block; then it runs as before."""
    model = desk.environment["ESRAG_MODEL_ID"]
    desk.es.ml.stop_trained_model_deployment(model_id=model, force=True)
    try:
        yield
    finally:
        desk.es.ml.start_trained_model_deployment(
            model_id=model,
            number_of_allocations=1,
            threads_per_allocation=1,
            queue_capacity=QUEUE,
            wait_for="started",
        )


def open_desk(es: Elasticsearch, stack: Stack, set_name: str, bundle: ModelBundle) -> Desk:
    """A set of a tiny model that the cluster runs, with plain and with poisoned documents."""
    names = Names(set_name)
    choices = Choices(
        set=set_name,
        model_id=bundle.model_id,
        allocations=1,
        threads=1,
        queue_capacity=QUEUE,
        language="english",
        vectors="float",
        answers=True,
    )
    found = take_survey(es, choices, bundle)
    apply_plan(es, found.desired, found.observed, found.plan)
    plain = [chunk(set_name, name, text) for name, text in PLAIN.items()]
    poisoned = [
        chunk(
            set_name,
            each.name,
            each.text,
            title=each.title or f"About the {each.device} pump",
            heading=each.heading,
            url=each.url,
            metadata=each.metadata,
        )
        for each in POISONED
    ]
    helpers.bulk(es, ({"_index": names.alias, **one} for one in (*plain, *poisoned)))
    es.indices.refresh(index=names.alias)
    return Desk(
        es,
        names,
        {
            "ESRAG_DATA_DIR": str(bundle.folder.parents[1]),
            "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
            "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
            "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
            "ESRAG_INDEX_SET": set_name,
            "ESRAG_MODEL_ID": bundle.model_id,
            "ESRAG_GENERATOR_URL": "http://127.0.0.1:9",
        },
    )


def chunk(
    set_name: str,
    document: str,
    text: str,
    *,
    title: str = "",
    heading: str = "",
    url: str = "",
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A document of one chunk, as another producer would send it: nothing is cleaned."""
    title = title or f"{document.capitalize()} handbook"
    return {
        "_id": chunk_id(set_name, document, 0),
        "document_id": document,
        "position": 0,
        "start": 0,
        "end": len(text),
        "text": text,
        "title": title,
        "heading_path": [heading] if heading else [],
        "context": " › ".join(filter(None, (title, heading))),
        "source": f"{document}.md",
        "url": url or f"https://docs.example/{document}",
        "metadata": dict(metadata or {}),
        "content_hash": document,
        "document_hash": document,
        "run_id": "run-1",
    }
