"""A run ends with one outcome for every input, and the index holds whole documents only."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_index import Desk

from esrag.cluster.bulk import BulkRefused, Verdict
from esrag.cluster.chunk_index import Stored, read_stored, stored_body
from esrag.errors import EsragError, PermissionDeniedError, UnavailableError
from esrag.ledger import Counts


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh desk."""
    return Desk(tmp_path)


def test_documents_are_indexed_whole(desk: Desk) -> None:
    """Every chunk is there, and the counts add up."""
    desk.write("a.txt", 3)
    desk.write("b.txt", 7)
    report = desk.run()
    assert report.counts == Counts(listed=2, indexed=2)
    assert desk.index.positions("a.txt") == [0, 1, 2]
    assert desk.index.positions("b.txt") == list(range(7))
    assert report.chunks_written == 10
    assert max(len(request) for request in desk.index.requests) == 4


def test_a_second_run_sends_nothing(desk: Desk) -> None:
    """The index is asked, not the ledger: it may be gone."""
    desk.write("a.txt", 3)
    desk.run()
    desk.index.requests.clear()
    (desk.folder / "ledger.sqlite").unlink()
    assert desk.run().counts == Counts(listed=1, unchanged=1)
    assert desk.index.requests == []


def test_a_changed_document_replaces_its_old_version(desk: Desk) -> None:
    """Chunks beyond the new end are removed."""
    desk.write("a.txt", 5)
    desk.run()
    desk.write("a.txt", 2, "new")
    report = desk.run()
    assert report.counts == Counts(listed=1, indexed=1)
    assert (report.chunks_written, report.chunks_removed) == (2, 3)
    assert desk.index.positions("a.txt") == [0, 1]


def test_a_document_in_pieces_is_sent_again(desk: Desk) -> None:
    """A chunk that is missing from the index makes the document new."""
    desk.write("a.txt", 3)
    desk.run()
    desk.index.chunks.pop(next(iter(desk.index.chunks)))
    assert desk.run().counts == Counts(listed=1, indexed=1)
    assert desk.index.positions("a.txt") == [0, 1, 2]


def test_a_document_with_a_refused_chunk_leaves_nothing(desk: Desk) -> None:
    """Half a document must not answer questions, the old version must not either."""
    desk.write("a.txt", 5)
    desk.write("b.txt", 2)
    desk.run()
    desk.write("a.txt", 3, "bad")
    bad = b'"position":1,'
    desk.index.fault = lambda action: (
        Verdict.REJECTED
        if b"bad" in action.source and bad in action.source
        else Verdict.ACKNOWLEDGED
    )
    report = desk.run()
    assert report.counts == Counts(listed=2, unchanged=1, rejected=1)
    assert desk.index.positions("a.txt") == []
    (letter,) = (json.loads(line) for line in report.dead_letters.read_text().splitlines())
    assert (letter["document_id"], letter["stage"], letter["status"]) == ("a.txt", "index", 400)
    assert letter["reason"] == "cannot parse"


def test_chunks_without_embedding_are_not_called_indexed(desk: Desk) -> None:
    """Acknowledged is not enough."""
    desk.write("a.txt", 2)
    desk.index.loses_embeddings = True
    report = desk.run()
    assert report.counts == Counts(listed=1, rejected=1)
    assert report.rejected[0].stage == "verify"
    assert desk.index.positions("a.txt") == []


def test_bad_files_are_rejected_beside_good_ones(desk: Desk) -> None:
    """Each with a dead letter; skipped ones with a rule."""
    desk.write("a.txt", 1)
    (desk.docs / "empty.md").write_text("")
    (desk.docs / "bad.md").write_bytes(b"\xff\xfe\xff")
    (desk.docs / "photo.png").write_bytes(b"")
    (desk.docs / "r.jsonl").write_text('{"text": "one"}\n{"text"\n{"id": 3, "text": "three"}\n')
    report = desk.run()
    assert report.counts == Counts(listed=7, indexed=3, rejected=3, skipped=1)
    codes = {(letter.document_id, letter.code) for letter in report.rejected}
    assert codes == {("empty.md", "empty"), ("bad.md", "undecodable"), ("r.jsonl#L2", "bad_json")}
    assert report.skipped == {"unknown type .png": 1}


def test_the_second_document_of_an_id_is_rejected(desk: Desk) -> None:
    """The first one wins, and the reason names it."""
    (desk.docs / "r.jsonl").write_text('{"id": 1, "text": "one"}\n{"id": 1, "text": "two"}\n')
    report = desk.run()
    assert report.counts == Counts(listed=2, indexed=1, rejected=1)
    assert "line 1" in report.rejected[0].reason


def test_an_empty_folder_is_no_error(desk: Desk) -> None:
    """Nothing listed, nothing done."""
    assert desk.run().counts == Counts()


def test_a_run_that_is_stopped_by_the_server_accounts_for_everything(desk: Desk) -> None:
    """What is not settled is open, and the next run settles it."""
    for number in range(6):
        desk.write(f"{number}.txt", 3)

    def refuse() -> None:
        if len(desk.index.requests) == 3:
            error = PermissionDeniedError("no")
            raise BulkRefused(Verdict.STOP, 403, "no", error)

    desk.index.before_send = refuse
    with pytest.raises(PermissionDeniedError):
        desk.run()
    assert desk.last.counts.listed == 6
    assert desk.last.counts.open > 0
    desk.index.before_send = lambda: None
    counts = desk.run().counts
    assert counts.indexed + counts.unchanged == 6
    assert counts.open == 0


def test_a_run_that_is_interrupted_keeps_what_is_in_flight(desk: Desk) -> None:
    """^C between two files: answers that still come are noted."""
    for number in range(4):
        desk.write(f"{number}.txt", 4)
    calls = 0

    class Interrupted(BaseException):
        pass

    original = desk.index.stored

    def stored(document_ids: Sequence[str]) -> dict[str, Stored]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Interrupted
        return original(document_ids)

    desk.index.stored = stored  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        desk.run()
    assert desk.last.counts == Counts(listed=4, open=4)
    assert desk.run().counts == Counts(listed=4, unchanged=4)


def test_progress_never_counts_more_than_there_is(desk: Desk) -> None:
    """It ends with everything settled."""
    for number in range(5):
        desk.write(f"{number}.txt", number + 1)
    (desk.docs / "x.md").write_text("")
    desk.run()
    assert all(shown.settled <= shown.listed <= 6 for shown in desk.shown)
    assert not desk.shown[0].listing_done
    assert (desk.shown[-1].settled, desk.shown[-1].listing_done) == (6, True)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_random_faults_lose_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Runs with lost answers, refusals and stops: the identity holds, and a quiet run ends it."""
    chance = random.Random(seed)
    desk = Desk(tmp_path_factory.mktemp("desk"))
    for number in range(8):
        desk.write(f"{number}.txt", chance.randint(1, 9))

    def lose() -> None:
        if chance.random() < 0.15:
            error = UnavailableError("lost")
            verdict = chance.choice([Verdict.STOP, Verdict.HALVE])
            raise BulkRefused(verdict, 400, "no", error, lost=True)

    desk.index.before_send = lose
    desk.index.fault = lambda action: (
        Verdict.REJECTED if chance.random() < 0.02 else Verdict.ACKNOWLEDGED
    )
    for _ in range(3):
        try:
            desk.run()
        except EsragError:
            assert desk.last.counts.open > 0
        counts = desk.last.counts
        ended = counts.indexed + counts.unchanged + counts.rejected + counts.skipped + counts.open
        assert counts.listed == ended == 8
    desk.index.before_send = lambda: None
    desk.index.fault = lambda action: Verdict.ACKNOWLEDGED
    counts = desk.run().counts
    assert counts.indexed + counts.unchanged == 8
    for number in range(8):
        positions = desk.index.positions(f"{number}.txt")
        assert positions == list(range(len(positions))) != []


def test_the_lookup_asks_for_every_document_once() -> None:
    """As many buckets as ids, so that none is cut off."""
    body = stored_body(["a", "b", "c"])
    assert body["aggs"]["documents"]["terms"]["size"] == 3
    assert body["query"]["bool"]["filter"] == [{"terms": {"document_id": ["a", "b", "c"]}}]


def test_the_lookup_is_read_by_document_and_version() -> None:
    """Chunks without a hash never count as the version that is wanted."""
    version = {"key": "h", "doc_count": 2, "embedded": {"doc_count": 1}}
    buckets = [
        {
            "key": key,
            "doc_count": count,
            "versions": {"buckets": [version]},
            "origins": {"buckets": [{"key": "file:///docs", "doc_count": 2}]},
            "last": {"value": count - 1.0},
        }
        for key, count in (("a", 2), ("b", 3))
    ]
    answer = {"_shards": {"failed": 0}, "aggregations": {"documents": {"buckets": buckets}}}
    found = read_stored(answer)
    assert found["a"] == Stored({"h": (2, 1)}, 1, ("file:///docs",))
    assert not found["a"].is_exactly("h", 2)
    assert set(found["b"].versions) == {"h", ""}


def test_a_lookup_without_all_shards_is_no_answer() -> None:
    """A document on a shard that is missing would look new."""
    with pytest.raises(UnavailableError, match="shard"):
        read_stored({"_shards": {"failed": 1}, "aggregations": {}})


def test_what_cannot_be_removed_stays_open(desk: Desk) -> None:
    """A refused document whose remains the server will not delete is not called rejected."""
    desk.write("a.txt", 5)
    desk.index.fault = lambda action: (
        Verdict.ACKNOWLEDGED if b'"position":0,' in action.source else Verdict.REJECTED
    )
    with pytest.raises(UnavailableError, match=r"a\.txt was refused"):
        desk.run()
    assert desk.last.counts == Counts(listed=1, open=1)
    desk.index.fault = lambda action: Verdict.ACKNOWLEDGED
    assert desk.run().counts == Counts(listed=1, indexed=1)


def test_a_file_of_records_is_open_until_its_last(desk: Desk) -> None:
    """Stopped in the middle of it, its own line says that there is more."""
    lines = [f'{{"id": {n}, "text": "record {n}"}}' for n in range(400)]
    (desk.docs / "r.jsonl").write_text("\n".join(lines))

    def stop() -> None:
        raise BulkRefused(Verdict.STOP, 403, "no", PermissionDeniedError("no"))

    desk.index.before_send = stop
    with pytest.raises(PermissionDeniedError):
        desk.run()
    counts = desk.last.counts
    assert counts.open == counts.listed > 1
    desk.index.before_send = lambda: None
    assert desk.run().counts == Counts(listed=400, indexed=400)


def test_a_signal_ends_the_run_with_its_books_in_order(desk: Desk) -> None:
    """What was listed by then is open; what is on its way is noted if it comes back soon."""
    for number in range(4):
        desk.write(f"{number}.txt", 4)
    desk.interrupt_at = 3
    with pytest.raises(KeyboardInterrupt):
        desk.run()
    counts = desk.last.counts
    assert counts.listed == counts.open
    desk.interrupt_at = -1
    assert desk.run().counts.open == 0


def test_many_documents_are_verified_as_the_run_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So little is open when it is cut off, and little is kept in memory."""
    monkeypatch.setattr("esrag.indexing.verifying._WORTH_A_REFRESH", 10)
    monkeypatch.setattr("esrag.indexing.verifying._NOT_MORE_OFTEN", 0.0)
    lines = [f'{{"id": {n}, "text": "record {n}"}}' for n in range(2000)]
    (desk.docs / "r.jsonl").write_text("\n".join(lines))
    looks: list[int] = []
    refresh = desk.index.refresh
    desk.index.refresh = lambda: (looks.append(len(desk.index.chunks)), refresh())[1]  # type: ignore[method-assign]
    assert desk.run(max_batch=100).counts == Counts(listed=2000, indexed=2000)
    assert len(set(looks)) > 2


def test_a_rejection_without_its_letter_is_open(desk: Desk) -> None:
    """When the letter cannot be written, no line says that there is one."""
    desk.write("a.txt", 1)
    (desk.docs / "bad.md").write_text("")
    (desk.folder / "run1.jsonl").mkdir()
    with pytest.raises(UnavailableError, match=r"run1\.jsonl"):
        desk.run()
    assert desk.last.counts.rejected == 0
    assert desk.last.counts.listed == 2
    assert desk.run().counts.rejected == 1
