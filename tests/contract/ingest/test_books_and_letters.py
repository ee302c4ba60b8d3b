"""Pruning, forgetting, verifying and dead letters, on a real index."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from ingest_desk import Desk, ended

from esrag.cli import run
from esrag.names import DLQ_INDEX
from esrag.resources import load_body

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

pytestmark = pytest.mark.contract

Esrag = Callable[..., tuple[int, Any]]
VECTOR = [1.0, *[0.0] * 383]


@pytest.fixture
def esrag(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Esrag:
    """A command on the test's document set: its exit code, and what it printed as JSON."""
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)

    def call(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run([*words, "--set", desk.set_name, "--json"])
        found = capsys.readouterr()
        return code, json.loads(found.out) if found.out else found.err

    return call


@pytest.fixture
def letters(es: Elasticsearch, desk: Desk) -> Iterator[Callable[[], int]]:
    """The shipped index of dead letters; how many letters of this test it has."""
    if not es.indices.exists(index=DLQ_INDEX):
        es.indices.create(index=DLQ_INDEX, **load_body("mappings/dead_letters.json"))
    mine = {"term": {"error.index": desk.alias}}

    def count() -> int:
        es.indices.refresh(index=DLQ_INDEX)
        return int(es.count(index=DLQ_INDEX, query=mine)["count"])

    yield count
    es.indices.refresh(index=DLQ_INDEX)
    es.delete_by_query(index=DLQ_INDEX, query=mine, refresh=True, conflicts="proceed")


def test_pruning_removes_what_is_gone_and_nothing_else(desk: Desk, esrag: Esrag) -> None:
    """Of the folder that was named; most of it only when that is said."""
    for name in ("a.md", "b.md", "c.md", "d.md"):
        desk.write(name, 1)
    assert esrag("ingest", str(desk.docs))[0] == 0
    (desk.docs / "d.md").unlink()
    code, report = esrag("ingest", "--prune", str(desk.docs))
    assert (code, report["documents_pruned"], report["pruning_withheld"]) == (0, 1, None)
    assert sorted(desk.chunks()) == ["a.md", "b.md", "c.md"]
    (desk.docs / "b.md").unlink()
    (desk.docs / "c.md").unlink()
    assert esrag("ingest", "--prune", str(desk.docs))[0] == 7
    assert sorted(desk.chunks()) == ["a.md", "b.md", "c.md"]
    code, report = esrag("ingest", "--prune-all", str(desk.docs))
    assert (code, report["documents_pruned"]) == (0, 2)
    assert sorted(desk.chunks()) == ["a.md"]
    assert esrag("ingest", "verify")[0] == 0


def test_what_is_forgotten_is_gone_from_index_and_books(desk: Desk, esrag: Esrag) -> None:
    """And comes back with the next ingest."""
    desk.write("a.md", 2)
    desk.write("b.md", 1)
    esrag("ingest", "--origin", "first", str(desk.docs / "a.md"))
    esrag("ingest", "--origin", "second", str(desk.docs / "b.md"))
    code, gone = esrag("forget", "--origin", "first", "--yes")
    assert (code, gone["documents"], gone["chunks"]) == (0, 1, 2)
    assert sorted(desk.chunks()) == ["b.md"]
    code, found = esrag("ingest", "verify")
    assert (code, found["known"], found["whole"]) == (0, 1, 1)
    _, report = esrag("ingest", "--origin", "first", str(desk.docs / "a.md"))
    assert report["counts"]["indexed"] == 1
    _, gone = esrag("forget", "--run", report["run_id"], "--yes")
    assert gone["documents"] == 1


def test_nothing_is_forgotten_without_a_yes(desk: Desk, esrag: Esrag) -> None:
    """Where nobody can answer it is refused."""
    desk.write("a.md", 1)
    esrag("ingest", str(desk.docs))
    code, talk = esrag("forget", "--origin", desk.docs.as_uri())
    assert (code, "--yes" in talk) == (2, True), talk
    assert sorted(desk.chunks()) == ["a.md"]


def test_verify_finds_what_was_done_to_the_index(
    desk: Desk, esrag: Esrag, es: Elasticsearch
) -> None:
    """Each kind of damage by its name; another ingest heals it."""
    for name in ("gap.md", "gone.md", "whole.md"):
        desk.write(name, 3)
    esrag("ingest", str(desk.docs))
    assert esrag("ingest", "verify")[0] == 0
    for query in (
        {"term": {"document_id": "gone.md"}},
        {"bool": {"filter": [{"term": {"document_id": "gap.md"}}, {"term": {"position": 1}}]}},
    ):
        es.delete_by_query(index=desk.alias, query=query, refresh=True)
    es.index(index=f"{desk.alias}-000001", document={"document_id": "theirs", "text": "words"})
    code, found = esrag("ingest", "verify")
    assert code == 3
    assert [(each["document_id"], each["kind"]) for each in found["findings"]] == [
        ("gap.md", "incomplete"),
        ("gone.md", "missing"),
    ]
    assert (found["whole"], found["foreign"]) == (1, 1)
    assert esrag("ingest", str(desk.docs))[1]["counts"]["indexed"] == 2
    assert esrag("ingest", "verify")[0] == 0


def test_a_letter_lasts_until_its_input_is_settled(
    desk: Desk, esrag: Esrag, letters: Callable[[], int]
) -> None:
    """It is in file and index, and goes from both."""
    (desk.docs / "r.jsonl").write_text('{"id": "1", "text": "good"}\nno json\n')
    desk.write("a.md", 1)
    code, report = esrag("ingest", str(desk.docs))
    assert (code, report["letters_in_index"], letters()) == (3, 1, 1)
    (group,) = esrag("dlq", "ls")[1]
    assert (group["code"], group["letters"]) == ("bad_json", 1)
    code, outcome = esrag("dlq", "retry", "--all")
    assert (code, outcome["rejected"], letters()) == (3, 1, 1)
    (desk.docs / "r.jsonl").write_text('{"id": "1", "text": "good"}\n{"text": "good too"}\n')
    code, outcome = esrag("dlq", "retry", "--code", "bad_json")
    assert (code, outcome["indexed"], outcome["left"]) == (0, 1, 0)
    assert letters() == 0
    assert esrag("dlq", "ls") == (0, [])
    assert sorted(desk.chunks()) == ["a.md", "r.jsonl#1", "r.jsonl#L2"]


def test_a_letter_keeps_the_text_only_when_told_to(
    desk: Desk, esrag: Esrag, letters: Callable[[], int]
) -> None:
    """And what is forgotten takes its letters with it."""
    text = "---\nurl: https://no.address\n---\nSecret words.\n"  # this index refuses the url
    (desk.docs / "bad.md").write_text(text)
    esrag("ingest", str(desk.docs))
    (group,) = esrag("dlq", "ls", "--local")[1]
    assert "content" not in group["example"]
    esrag("ingest", "--dlq-with-content", str(desk.docs))
    (group,) = esrag("dlq", "ls", "--local")[1]
    assert "Secret words." in group["example"]["content"]
    assert letters() == 1
    _, gone = esrag("forget", "--origin", desk.docs.as_uri(), "--yes")
    assert (gone["documents"], gone["letters_removed"], letters()) == (0, 1, 0)


def test_documents_of_other_producers_are_sent_again(
    desk: Desk, esrag: Esrag, es: Elasticsearch, letters: Callable[[], int]
) -> None:
    """A letter goes when its document is in the index, not before."""
    keep = {"error.message": "why", "error.index": desk.alias, "error.id": "theirs"}
    es.ingest.put_pipeline(
        id=desk.pipeline,
        processors=[{"fail": {"message": "not today"}}],
        on_failure=[
            *({"set": {"field": name, "value": value}} for name, value in keep.items()),
            {"set": {"field": "error.time", "value": "{{{_ingest.timestamp}}}"}},
            {"remove": {"field": "_id", "ignore_missing": True}},
            {"set": {"field": "_index", "value": DLQ_INDEX}},
        ],
    )
    es.index(index=desk.alias, id="theirs", document={"document_id": "theirs", "text": "words"})
    assert letters() == 1
    code, outcome = esrag("dlq", "retry", "--all")
    assert (code, outcome["documents_kept_again"], letters()) == (3, 1, 1)
    es.ingest.put_pipeline(
        id=desk.pipeline, processors=[{"set": {"field": "embedding", "value": VECTOR}}]
    )
    code, outcome = esrag("dlq", "retry", "--all")
    assert (code, outcome["documents_taken"], letters()) == (0, 1, 0)
    assert es.get(index=desk.alias, id="theirs")["_source"]["text"] == "words"


def test_a_letter_overwrites_no_later_version(
    desk: Desk, esrag: Esrag, es: Elasticsearch, letters: Callable[[], int]
) -> None:
    """Its document was indexed anew meanwhile: the letter is settled, and nothing is sent."""
    now = {"document_id": "theirs", "text": "new", "indexed_at": "2026-11-23T10:00:00.500Z"}
    es.index(index=desk.alias, id="theirs", document=now, refresh=True)
    for at in ("2026-11-23T10:00:00.499999999Z", "2026-11-23T10:00:01Z"):
        error = {"index": desk.alias, "id": "theirs", "time": at, "message": "why"}
        old = {"document_id": "theirs", "text": at, "error": error}
        es.index(index=DLQ_INDEX, document=old, refresh=True)
    _, outcome = esrag("dlq", "retry", "--all")
    assert (outcome["documents_superseded"], outcome["documents_taken"], letters()) == (1, 1, 0)
    assert es.get(index=desk.alias, id="theirs")["_source"]["text"] == "2026-11-23T10:00:01Z"


def test_a_watched_folder_is_followed(desk: Desk) -> None:
    """What is written is taken in, what is removed goes, and SIGTERM ends it with 143."""
    desk.write("a.md", 1)
    process = desk.start("--watch")

    def holds(*names: str) -> bool:
        until = time.monotonic() + 60
        while sorted(desk.chunks()) != sorted(names) and time.monotonic() < until:
            time.sleep(0.3)
        return sorted(desk.chunks()) == sorted(names)

    assert holds("a.md")
    desk.write("b.md", 1)
    assert holds("a.md", "b.md")
    (desk.docs / "a.md").unlink()
    assert holds("b.md")
    outcome = ended(process, send=signal.SIGTERM)
    assert outcome.code == 143
    runs = [json.loads(line)["counts"] for line in outcome.output.splitlines()]
    assert [counts["indexed"] for counts in runs] == [1, 1]


def test_a_purge_asks(desk: Desk, esrag: Esrag, letters: Callable[[], int]) -> None:
    """And removes letters from file and index."""
    (desk.docs / "bad.md").write_bytes(b"\xff\xff")
    esrag("ingest", str(desk.docs))
    assert esrag("dlq", "purge", "--all")[0] == 2
    assert letters() == 1
    assert esrag("dlq", "purge", "--all", "--yes") == (0, {"removed": 1})
    assert letters() == 0
    assert esrag("dlq", "ls") == (0, [])
