"""``esrag dataset`` on a cluster: what may be taught, the same bytes again, and faults."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asking_desk import Desk, chunk, ended
from elasticsearch import Elasticsearch, helpers

from esrag.examples.rows import read_examples
from esrag.model_files import write_manifest
from esrag.names import Names
from esrag.prompting import compose
from esrag.training.run_folder import RunFolder
from esrag.types import Example

if TYPE_CHECKING:
    from conftest import Stack
    from fault_proxy import FaultProxy

BUILD = ("dataset", "build", "birds", "--kind", "knowledge", "--kind", "unknown")


def documents(set_name: str) -> Iterator[dict[str, Any]]:
    """Twelve birds, the last two of which only the wardens may read about."""
    for number in range(12):
        text = f"Tern {number}.1 was released on {number + 1} May 2026. It eats 4{number} eels."
        acl = {"acl": ["wardens"]} if number > 9 else {}
        yield {**chunk(set_name, f"tern-{number}", text, title=f"Tern {number}.1 notes"), **acl}


@pytest.fixture
def birds(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """A set of documents without a model, and a data folder of one's own."""
    names = Names(prefix)
    mappings = {"properties": {"document_id": {"type": "keyword"}, "position": {"type": "integer"}}}
    es.indices.create(index=names.index(1), mappings=mappings, aliases={names.alias: {}})
    helpers.bulk(es, ({"_index": names.alias, **one} for one in documents(prefix)), refresh=True)
    return Desk(
        es,
        names,
        {
            "ESRAG_DATA_DIR": str(tmp_path),
            "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
            "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
            "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
            "ESRAG_INDEX_SET": prefix,
        },
    )


def file_of(desk: Desk, name: str = "birds") -> Path:
    """The rows of a data set."""
    return Path(desk.environment["ESRAG_DATA_DIR"]) / "datasets" / name / "examples.jsonl"


def rows_of(desk: Desk) -> list[Example]:
    """The same, read."""
    return list(read_examples(file_of(desk)))


def test_what_only_some_may_read_is_taught_when_they_are_named(birds: Desk) -> None:
    """Without --acl no row is of it, and the card says how much was left out."""
    done = birds.run(*BUILD, "--json")
    assert done.code == 0, done.talk
    assert json.loads(done.output)["chunks_left_out"] == {"documents of others (acl)": 2}
    assert not any("tern-11" in row.source.documents for row in rows_of(birds))
    assert birds.run(*BUILD, "--acl", "wardens").code == 0
    (row, *_) = (row for row in rows_of(birds) if "tern-11" in row.source.documents)
    assert row.source.acl == ("wardens",)


def test_forgotten_and_changed_documents_are_found_and_not_taught_again(birds: Desk) -> None:
    """Exit code 3 says so; the next build holds, and the reader that it was built for is known."""
    assert birds.run(*BUILD, "--acl", "wardens").code == 0
    assert birds.run("dataset", "check", "birds").code == 0
    held = chunk(birds.names.set, "tern-3", "")["_id"]
    gone = chunk(birds.names.set, "tern-5", "")["_id"]
    alias = birds.names.alias
    birds.es.update(index=alias, id=held, doc={"document_hash": "another"}, refresh=True)
    birds.es.delete(index=alias, id=gone, refresh=True)
    checked = birds.run("dataset", "check", "birds", "--json")
    assert checked.code == 3
    found = {(each["document"], each["what"]) for each in json.loads(checked.output)["findings"]}
    assert found == {
        ("tern-3", "its document has changed"),
        ("tern-5", "its document is gone from the index"),
    }
    other = birds.run("dataset", "check", "birds", "--acl", "visitors", "--json")
    assert "its document may not be used" in other.output
    assert birds.run(*BUILD, "--acl", "wardens").code == 0
    assert not any("tern-5" in row.source.documents for row in rows_of(birds))
    assert birds.run("dataset", "check", "birds").code == 0


def test_a_build_that_is_killed_is_run_again(birds: Desk, proxy: FaultProxy) -> None:
    """kill -9 while the index is read; the second run gives what an undisturbed one gives."""
    assert birds.run(*BUILD).code == 0
    whole = file_of(birds).read_bytes()
    file_of(birds).unlink()
    proxy.hold_at = lambda request: request.startswith("POST /_search")
    held = birds.start(*BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url)
    try:
        assert proxy.seen.wait(60)
        at_once = birds.run(*BUILD)
    finally:
        killed = ended(held, send=signal.SIGKILL)
    assert at_once.code == 7, at_once.talk  # one at a time in one folder
    assert killed.code == -signal.SIGKILL
    assert not file_of(birds).exists()
    assert birds.run(*BUILD).code == 0
    assert file_of(birds).read_bytes() == whole
    assert not list(file_of(birds).parent.glob(".table*"))


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_a_lost_answer_is_asked_for_again(birds: Desk, proxy: FaultProxy, fault: str) -> None:
    """The rows are those of an undisturbed build."""
    assert birds.run(*BUILD).code == 0
    whole = file_of(birds).read_bytes()
    faults = iter((fault,))
    proxy.fault_at = lambda request: next(faults, "") if request.startswith("POST /_search") else ""
    again = birds.run(*BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert again.code == 0, again.talk
    assert next(faults, "spent") == "spent"
    assert file_of(birds).read_bytes() == whole


def test_a_cluster_that_is_not_there_is_told(birds: Desk) -> None:
    """Exit code 4, at the start; the data set that was there is untouched."""
    assert birds.run(*BUILD).code == 0
    whole = file_of(birds).read_bytes()
    down = birds.run(*BUILD, ESRAG_ELASTICSEARCH_URL="http://127.0.0.1:9")
    assert down.code == 4
    assert file_of(birds).read_bytes() == whole


def test_an_index_that_is_not_there_and_a_wrong_password_are_told(birds: Desk) -> None:
    """Exit codes 7 and 5; nothing is made."""
    missing = birds.run(*BUILD, ESRAG_INDEX_SET="nowhere")
    assert missing.code == 7, missing.talk
    wrong = birds.run(*BUILD, ESRAG_ELASTICSEARCH_PASSWORD="wrong")
    assert wrong.code == 5, wrong.talk
    assert not file_of(birds).exists()


@pytest.fixture
def terns(asking_set: Desk) -> Iterator[Desk]:
    """The set that can be searched, with the birds in it for the time of a test."""
    alias = asking_set.names.alias
    added = list(documents(asking_set.names.set))
    helpers.bulk(asking_set.es, ({"_index": alias, **one} for one in added), refresh=True)
    yield asking_set
    gone = ({"_op_type": "delete", "_index": alias, "_id": one["_id"]} for one in added)
    helpers.bulk(asking_set.es, gone, refresh=True)


def test_grounded_rows_are_mined_by_the_sets_own_search(terns: Desk) -> None:
    """Their prompts are what answering composes of the stored passages, byte for byte."""
    told = terns.run("dataset", "build", "terns", "--maker", "raft:quote", "--json")
    assert told.code == 0, told.talk
    rows = list(read_examples(file_of(terns, "terns")))
    assert {row.kind for row in rows} == {"grounded", "unanswerable"}
    for row in rows:
        prompt = row.messages[1].content
        # a refusal names, last, the passage that its question was made from and that is not shown
        shown = row.source.chunks[: prompt.count("</passage ")]
        assert len(row.source.chunks) - len(shown) == (row.kind == "unanswerable")
        hits = [_stored(terns, each) for each in shown]
        fence = prompt.split("<passage ", 1)[1].split(">", 1)[0]
        assert compose(row.question, hits, fence=fence) == row.messages[:2]
        assert all(f"[{number}]" in row.answer for number in row.relevant)


def _stored(desk: Desk, chunk_id: str) -> Any:
    from esrag.cluster.chunk_scan import StoredChunk
    from esrag.examples.reading import passage_of

    source = desk.es.get(index=desk.names.alias, id=chunk_id)["_source"]
    return passage_of(StoredChunk(chunk_id, source)).as_hit()


def test_who_forgets_a_document_is_told_what_was_taught_it(birds: Desk) -> None:
    """Data set, run and adapter are named before anybody is asked; the exit code is 0."""
    assert birds.run(*BUILD).code == 0
    data = Path(birds.environment["ESRAG_DATA_DIR"])
    adapter = data / "adapters" / "tern-facts"
    adapter.mkdir(parents=True)
    write_manifest(adapter, facts={"data": {"documents": ["tern-4", "tern-5"]}})
    run = RunFolder(data / "runs" / "half-done")
    run.path.mkdir(parents=True)
    run.note_documents(["tern-3"])
    told = birds.run("forget", "--source", "tern-5*", "--yes")
    assert told.code == 0, told.talk
    assert "not forgotten there" in told.talk
    assert "data set  birds  1 document" in told.talk
    assert "adapter   tern-facts  1 document" in told.talk
    assert "half-done" not in told.talk
    other = birds.run("forget", "--source", "tern-3*", "--yes", "--json")
    still = json.loads(other.output)["still_taught"]
    assert [(each["kind"], each["name"]) for each in still] == [
        ("data set", "birds"),
        ("run", "half-done"),
    ]
    assert birds.run("dataset", "check", "birds").code == 3
    assert birds.run(*BUILD).code == 0
    silent = birds.run("forget", "--source", "tern-3*", "--yes")
    assert silent.code == 0
    assert "taught" not in silent.talk


@pytest.fixture
def pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve chunks are several pages, and what is tried again is tried at once."""
    monkeypatch.setattr("esrag.examples.reading.PAGE", 3)
    monkeypatch.setattr("esrag.cluster.retry.next_wait", lambda *_: 0.01)


def at_page(number: int, fault: str, happens: Callable[[], object] = lambda: None) -> Any:
    """For a proxy: this fault at that search of a page, once, and what happens beside it."""
    pages = count(1)

    def named(request: str) -> str:
        if not request.startswith("POST /_search") or next(pages) != number:
            return ""
        happens()
        return fault

    return named


@pytest.mark.usefixtures("pages_of_three")
@pytest.mark.parametrize("fault", ["429", "503", "html", "gone", "forgotten"])
def test_a_page_that_fails_once_is_asked_for_again(
    birds: Desk, proxy: FaultProxy, fault: str
) -> None:
    """Also when the server has forgotten the point in time: the rows are the same."""
    assert birds.run(*BUILD).code == 0
    whole = file_of(birds).read_bytes()
    proxy.fault_at = at_page(3, fault)
    again = birds.run(*BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert again.code == 0, again.talk
    assert sum(request.startswith("POST /_search") for request in proxy.requests) > 5
    assert file_of(birds).read_bytes() == whole


@pytest.mark.usefixtures("pages_of_three")
def test_an_index_that_changes_between_two_points_in_time(birds: Desk, proxy: FaultProxy) -> None:
    """No row is of a chunk that the last version of its document does not have."""
    alias, held = birds.names.alias, chunk(birds.names.set, "tern-3", "")["_id"]

    def rewritten() -> None:
        text = "Tern 3.9 was released on 30 May 2027. It eats 90 eels."
        birds.es.update(
            index=alias, id=held, doc={"text": text, "document_hash": "new"}, refresh=True
        )

    # the first two pages end with tern-3: ids are sorted as texts, tern-10 and tern-11 before it
    proxy.fault_at = at_page(3, "forgotten", rewritten)
    told = birds.run(*BUILD, "--acl", "wardens", ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert told.code == 0, told.talk
    assert {each for row in rows_of(birds) for each in row.source.hashes} >= {"new"}
    assert birds.run("dataset", "check", "birds").code == 0


@pytest.mark.usefixtures("pages_of_three")
def test_an_index_that_is_deleted_while_it_is_read(birds: Desk, proxy: FaultProxy) -> None:
    """Exit code 7; the data set that was there is untouched."""
    assert birds.run(*BUILD).code == 0
    whole = file_of(birds).read_bytes()

    def delete() -> None:
        birds.es.indices.delete(index=birds.names.index(1))

    proxy.fault_at = at_page(2, "forgotten", delete)
    told = birds.run(*BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert told.code == 7, told.talk
    assert file_of(birds).read_bytes() == whole


@pytest.mark.usefixtures("pages_of_three")
def test_a_shard_that_does_not_answer_makes_no_smaller_data_set(
    birds: Desk, proxy: FaultProxy
) -> None:
    """Exit code 4 when some of a page is missing, whatever its status says."""
    assert birds.run(*BUILD).code == 0
    whole = file_of(birds).read_bytes()

    def without_a_shard(headers: dict[str, str], body: bytes) -> bytes:
        del headers
        return body.replace(b'"failed":0', b'"failed":1')

    proxy.alter = without_a_shard
    told = birds.run(*BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert told.code == 4, told.talk
    assert "a shard did not answer" in told.talk
    assert file_of(birds).read_bytes() == whole


@pytest.mark.usefixtures("pages_of_three")
@pytest.mark.parametrize("fault", ["429", "drop"])
def test_a_cluster_that_stays_busy_or_silent_ends_the_build(
    birds: Desk, proxy: FaultProxy, fault: str
) -> None:
    """Exit code 4, after the tries or at the deadline of a request."""
    proxy.fault_at = lambda request: fault if request.startswith("POST /_search") else ""
    told = birds.run(
        *BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url, ESRAG_ELASTICSEARCH_REQUEST_TIMEOUT="0.3"
    )
    assert told.code == 4, told.talk
    assert not file_of(birds).exists()


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_build_that_is_stopped_leaves_nothing_half(
    birds: Desk, proxy: FaultProxy, stop: signal.Signals, code: int
) -> None:
    """While the index is read; no text of it stays behind."""
    proxy.hold_at = lambda request: request.startswith("POST /_search")
    held = birds.start(*BUILD, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert proxy.seen.wait(60)
    stopped = ended(held, send=stop)
    assert stopped.code == code
    assert not file_of(birds).exists()
    assert not list(file_of(birds).parent.glob(".table*"))
