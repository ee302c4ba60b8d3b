"""Whatever is killed, lost or cut, whenever: in the end nothing is lost and nothing there twice.

Each run has a seed, from which follow the faults and when they come.  The same command is given
until it ends well; then the index must hold exactly what an undisturbed run leaves there, chunk
by chunk, and what had been whole at the time of a kill must not have been sent again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch, helpers
from fault_proxy import FaultProxy
from ingest_desk import Desk, Outcome, ended, open_desk

if TYPE_CHECKING:
    from conftest import Stack, StackStarter

pytestmark = pytest.mark.contract

# a request carries some tens of chunks, so that a run has many moments to be hit
BATCHES = {"ESRAG_MODEL_QUEUE_CAPACITY": "64"}
ATTEMPTS = 6
IN_CI = 3
SEEDS = 24
WORDS = "pump valve gate sensor river mast cable relay frost meter".split()

Contents = dict[tuple[str, int], tuple[str, str]]


def write_documents(folder: Path, count: int) -> None:
    """Half of them Markdown, half records of JSONL files of 50; one to four chunks each."""
    draw = random.Random(4711)
    records: list[str] = []
    for number in range(count):
        sections = draw.choice([1, 1, 1, 2, 2, 4])
        text = "\n\n".join(
            f"## Part {part} of {number}\n\n" + " ".join(draw.choices(WORDS, k=110))
            for part in range(sections)
        )
        if number % 2:
            records.append(json.dumps({"id": f"r{number}", "text": text, "title": f"R {number}"}))
        else:
            (folder / f"{number:05}.md").write_text(text)
    for first in range(0, len(records), 50):
        (folder / f"records-{first:05}.jsonl").write_text("\n".join(records[first : first + 50]))


def contents(desk: Desk) -> Contents:
    """What the index holds: of each chunk its hashes; every one has an embedding."""
    desk.es.indices.refresh(index=desk.alias)
    wanted = ["document_id", "position", "content_hash", "document_hash"]
    query = {"query": {"match_all": {}}, "_source": wanted}
    found: Contents = {}
    for hit in helpers.scan(desk.es, index=desk.alias, query=query, size=2000):
        source = hit["_source"]
        place = source["document_id"], source["position"]
        assert place not in found, f"{place} is there twice"
        found[place] = source["content_hash"], source["document_hash"]
    without = {"bool": {"must_not": {"exists": {"field": "embedding"}}}}
    assert desk.es.count(index=desk.alias, query=without)["count"] == 0
    return found


def whole_documents(now: Contents, expected: Contents) -> set[str]:
    """The documents of which the index has every chunk as it shall be."""
    lacking = {place[0] for place, hashes in expected.items() if now.get(place) != hashes}
    return {document for document, _ in expected} - lacking


@pytest.fixture(scope="module")
def expected(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Contents]:
    """What an undisturbed run of so many documents leaves in an index."""
    known: dict[int, Contents] = {}
    login = (stack.username, stack.password)

    def of(count: int) -> Contents:
        if count not in known:
            name = f"t{uuid4().hex[:10]}"
            with Elasticsearch(stack.elasticsearch_url, basic_auth=login) as es:
                desk = open_desk(es, stack, name, tmp_path_factory.mktemp("calm"))
                write_documents(desk.docs, count)
                outcome = desk.ingest(**BATCHES)
                assert outcome.code == 0, outcome.talk
                known[count] = contents(desk)
                es.indices.delete(index=f"{desk.alias}-000001")
                es.indices.delete_index_template(name=desk.alias)
                es.ingest.delete_pipeline(id=desk.pipeline)
        return known[count]

    return of


@pytest.mark.parametrize("seed", range(IN_CI))
def test_kills_and_lost_answers(
    desk: Desk, proxy: FaultProxy, expected: Callable[[int], Contents], seed: int
) -> None:
    """A small corpus, as CI has time for."""
    disturbed(desk, proxy, expected(240), 240, random.Random(seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 100 + SEEDS))
def test_kills_and_lost_answers_at_length(
    desk: Desk, proxy: FaultProxy, expected: Callable[[int], Contents], seed: int
) -> None:
    """2,000 documents, 24 seeds."""
    disturbed(desk, proxy, expected(2000), 2000, random.Random(seed))


def disturbed(
    desk: Desk, proxy: FaultProxy, expected: Contents, count: int, draw: random.Random
) -> None:
    """Give the command until it ends well, hit by what ``draw`` says; then compare."""
    write_documents(desk.docs, count)
    whole_before: set[str] = set()
    for _ in range(ATTEMPTS):
        outcome = one_attempt(desk, proxy, draw)
        if outcome.code == 0:
            break
        assert outcome.code in (-signal.SIGKILL, 4), outcome.talk
        assert "Traceback" not in outcome.talk
        whole_before = whole_documents(contents(desk), expected)
    else:
        proxy.fault = lambda number: ""
        outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **BATCHES)
        assert outcome.code == 0, outcome.talk
    assert outcome.counts["listed"] == count
    assert outcome.counts.get("unchanged", 0) >= len(whole_before)
    assert contents(desk) == expected
    assert desk.ingest(**BATCHES).counts == {"listed": count, "unchanged": count}


def one_attempt(desk: Desk, proxy: FaultProxy, draw: random.Random) -> Outcome:
    """One run, with answers that are lost, cut or refused, and perhaps a kill at some request."""
    kinds = ["lose", "cut", "html", "503", "429", "413"]
    plan = [draw.choice(kinds) if draw.random() < 0.12 else "" for _ in range(97)]
    deadly = proxy.bulks + draw.randrange(1, 14) if draw.random() < 0.75 else 0
    begun: list[subprocess.Popen[str]] = []

    def fault(number: int) -> str:
        if number == deadly and begun:
            begun[0].send_signal(signal.SIGKILL)
            return draw.choice(["lose", "drop"])
        return plan[number % len(plan)]

    proxy.fault = fault
    begun.append(desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url, **BATCHES))
    return ended(begun[0])


@pytest.fixture(scope="module")
def mortal_stack(start_stack: StackStarter) -> Iterator[Stack]:
    """A stack of this module's own, whose server may be killed."""
    members = ("--only", "elasticsearch", "--only", "mlnode")
    with start_stack(*members, heap="512m") as made:
        yield made


@pytest.mark.parametrize(
    "at", [3, *(pytest.param(at, marks=pytest.mark.long) for at in (1, 7, 12))]
)
def test_a_killed_server_is_waited_for(
    mortal_stack: Stack,
    tmp_path: Path,
    expected: Callable[[int], Contents],
    at: int,
) -> None:
    """Killed -9 in the middle of a request and started again: the run goes on by itself."""
    login = (mortal_stack.username, mortal_stack.password)
    with (
        Elasticsearch(mortal_stack.elasticsearch_url, basic_auth=login) as es,
        FaultProxy(mortal_stack.elasticsearch_url).running() as proxy,
    ):
        desk = open_desk(es, mortal_stack, f"killed{at}", tmp_path)
        write_documents(desk.docs, 240)
        again = threading.Thread(target=restart, args=(mortal_stack,))

        def fault(number: int) -> str:
            if number == at:
                kill_server(mortal_stack)
                again.start()
                return "lose"
            return ""

        proxy.fault = fault
        outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **BATCHES)
        again.join()
        assert outcome.code == 0, outcome.talk
        assert outcome.counts == {"listed": 240, "indexed": 240}
        assert contents(desk) == expected(240)


def kill_server(stack: Stack) -> None:
    """End Elasticsearch as a power cut would."""
    members = json.loads((stack.data_dir / "local" / "stack.json").read_text())["members"]
    for process in members["elasticsearch"]["processes"].values():
        with suppress(ProcessLookupError):  # it went with the one before
            os.kill(process["pid"], signal.SIGKILL)


def restart(stack: Stack) -> None:
    """Start what was killed, on its old address and data."""
    assert stack.esrag("local", "up", "--fast-start").returncode == 0
