"""Whatever happens on the way, a document is in the index whole or not at all."""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest
from fault_proxy import FaultProxy
from ingest_desk import Desk, ended

pytestmark = pytest.mark.contract

# two requests of four chunks each at first, because the deployment's queue is small
SMALL_BATCHES = {"ESRAG_MODEL_QUEUE_CAPACITY": "8"}


def fill(desk: Desk) -> dict[str, list[int]]:
    """Six documents, and the positions that the index must hold in the end."""
    for number in range(6):
        desk.write(f"{number}.md", number + 1)
    return {f"{number}.md": list(range(number + 1)) for number in range(6)}


def test_documents_are_indexed_once(desk: Desk) -> None:
    """The second run sends nothing."""
    expected = fill(desk)
    assert desk.ingest().counts == {"listed": 6, "indexed": 6}
    assert desk.chunks() == expected
    again = desk.ingest()
    assert again.counts == {"listed": 6, "unchanged": 6}
    assert json.loads(again.output)["chunks_written"] == 0


def test_a_shorter_version_replaces_a_longer_one(desk: Desk) -> None:
    """No chunk of the old version is left."""
    desk.write("a.md", 5)
    desk.ingest()
    desk.write("a.md", 2, "others")
    assert desk.ingest().counts == {"listed": 1, "indexed": 1}
    assert desk.chunks() == {"a.md": [0, 1]}


@pytest.mark.parametrize("fault", ["lose", "cut", "html", "503", "429", "413"])
def test_a_spoiled_answer_neither_loses_nor_doubles(
    desk: Desk, proxy: FaultProxy, fault: str
) -> None:
    """The first two requests are hit, the run ends well."""
    expected = fill(desk)
    proxy.fault = lambda number: fault if number <= 2 else ""
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    assert outcome.code == 0, outcome.talk
    assert outcome.counts == {"listed": 6, "indexed": 6}
    assert desk.chunks() == expected


@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_killed_run_is_completed_by_the_next(desk: Desk, proxy: FaultProxy, at: int) -> None:
    """Killed while its first, second or fourth request is under way."""
    expected = fill(desk)
    proxy.fault = lambda number: "hold" if number >= at else ""
    process = desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    assert proxy.seen.wait(60)
    assert ended(process, send=signal.SIGKILL).code == -signal.SIGKILL
    proxy.release.set()
    outcome = desk.ingest()
    assert "was cut off" in outcome.talk
    assert outcome.code == 0
    assert set(outcome.counts) <= {"listed", "indexed", "unchanged"}
    assert desk.chunks() == expected


@pytest.mark.parametrize(("send", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_accounts_for_everything(
    desk: Desk, proxy: FaultProxy, send: int, code: int
) -> None:
    """The requests under way are finished, the rest is open, and the same command continues."""
    expected = fill(desk)
    proxy.fault = lambda number: "hold"
    process = desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    proxy.wait_for_bulks(2)  # as many as may be under way at once
    threading.Timer(1.0, proxy.release.set).start()
    outcome = ended(process, send=send)
    assert outcome.code == code
    assert outcome.counts == {"listed": 6, "open": 6}
    assert json.loads(outcome.output)["chunks_written"] == 8
    assert "continues" in outcome.talk
    assert desk.ingest().code == 0
    assert desk.chunks() == expected


def test_a_block_that_is_lifted_is_waited_for(desk: Desk) -> None:
    """The flood stage of a full disk answers 429."""
    desk.write("a.md", 2)
    desk.es.indices.put_settings(
        index=desk.alias, settings={"index.blocks.read_only_allow_delete": True}
    )

    def lift() -> None:
        desk.es.indices.put_settings(
            index=desk.alias, settings={"index.blocks.read_only_allow_delete": None}
        )

    threading.Timer(4.0, lift).start()
    outcome = desk.ingest()
    assert outcome.code == 0, outcome.talk
    assert desk.chunks() == {"a.md": [0, 1]}


def test_a_chunk_that_is_refused_takes_its_document_only(desk: Desk) -> None:
    """The server's reason is in the dead letter, and nothing of the document in the index."""
    desk.write("good.md", 3)
    desk.ingest()
    text = "---\nurl: https://no.address\n---\n" + (desk.docs / "good.md").read_text()
    (desk.docs / "bad.md").write_text(text)
    outcome = desk.ingest()
    assert outcome.code == 3
    assert outcome.counts == {"listed": 2, "unchanged": 1, "rejected": 1}
    (letter,) = json.loads(outcome.output)["rejected"]
    assert (letter["stage"], letter["status"]) == ("index", 400)
    assert "https://no.address" in letter["reason"]
    assert desk.chunks() == {"good.md": [0, 1, 2]}


def test_chunks_without_embedding_are_not_kept(desk: Desk) -> None:
    """When the pipeline does not embed any more, nothing passes for indexed."""
    desk.write("a.md", 2)
    desk.es.ingest.put_pipeline(id=desk.pipeline, processors=[])
    outcome = desk.ingest()
    assert outcome.code == 3
    assert json.loads(outcome.output)["rejected"][0]["stage"] == "verify"
    assert desk.chunks() == {}


def test_a_missing_index_is_not_created(desk: Desk) -> None:
    """Ingest says what to run first."""
    desk.write("a.md", 1)
    desk.es.indices.delete(index=f"{desk.alias}-000001")
    outcome = desk.ingest()
    assert outcome.code == 7
    assert "esrag setup" in outcome.talk
    assert not desk.es.indices.exists(index=desk.alias)


def test_an_index_that_disappears_stops_the_run(desk: Desk, proxy: FaultProxy) -> None:
    """The template of the set allows no index to be created by a write."""
    desk.write("a.md", 1)
    proxy.fault = lambda number: "hold"
    process = desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert proxy.seen.wait(60)
    desk.es.indices.delete(index=f"{desk.alias}-000001")
    proxy.release.set()
    outcome = ended(process)
    assert outcome.code == 7
    assert not desk.es.indices.exists(index=desk.alias)


def test_an_account_that_may_only_read_is_told_so(desk: Desk, prefix: str) -> None:
    """Exit code 5, and nothing is written."""
    desk.write("a.md", 1)
    privileges = ["read", "view_index_metadata", "maintenance"]
    role = {
        "cluster": ["monitor"],
        "indices": [{"names": [desk.alias + "*"], "privileges": privileges}],
    }
    key = desk.es.security.create_api_key(
        name=f"{prefix}-reader", role_descriptors={"reader": role}
    )
    settings = {
        "ESRAG_ELASTICSEARCH_API_KEY": key["encoded"],
        "ESRAG_ELASTICSEARCH_USERNAME": "",
        "ESRAG_ELASTICSEARCH_PASSWORD": "",
    }
    outcome = desk.ingest(**settings)
    assert outcome.code == 5, outcome.talk
    assert "indices:data/write/bulk on" in outcome.talk
    assert desk.chunks() == {}


def test_wrong_credentials_are_told_at_once(desk: Desk) -> None:
    """Exit code 5."""
    desk.write("a.md", 1)
    started = time.monotonic()
    assert desk.ingest(ESRAG_ELASTICSEARCH_PASSWORD="wrong").code == 5
    assert time.monotonic() - started < 30


def test_a_server_that_is_down_is_told_at_once(desk: Desk) -> None:
    """Exit code 4, without waiting for one that was never there."""
    desk.write("a.md", 1)
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL="http://127.0.0.1:9")
    assert outcome.code == 4
    assert "cannot be reached" in outcome.talk


def test_a_second_ingest_into_the_same_index_is_refused(desk: Desk, proxy: FaultProxy) -> None:
    """Exit code 7, and the first one is not disturbed."""
    desk.write("a.md", 1)
    proxy.fault = lambda number: "hold"
    first = desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert proxy.seen.wait(60)
    assert desk.ingest().code == 7
    proxy.release.set()
    assert ended(first).code == 0
