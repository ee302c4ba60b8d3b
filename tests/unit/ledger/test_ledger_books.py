"""The ledger knows what the index should hold, and takes over what an older esrag wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from esrag.errors import ConflictError, UnsupportedError
from esrag.ledger import Change, Counts, Input, KnownDocument, Ledger

OLD = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL, arguments TEXT NOT NULL);
CREATE TABLE inputs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, number INTEGER NOT NULL,
    path TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, sha256 TEXT NOT NULL DEFAULT '',
    document_hash TEXT NOT NULL DEFAULT '', chunks INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, number)) WITHOUT ROWID;
CREATE TABLE changes (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, number INTEGER NOT NULL,
    at REAL NOT NULL, state TEXT NOT NULL);
CREATE INDEX changes_of_run ON changes (run);
INSERT INTO runs VALUES ('r1', 1.0, 2.0, '[]'), ('r2', 3.0, NULL, '["docs"]');
INSERT INTO inputs VALUES
    ('r1', 1, 'docs/a', 'a', 'indexed', 's1', 'h1', 2, ''),
    ('r1', 2, 'docs/b', 'b', 'indexed', 's2', 'h2', 3, ''),
    ('r1', 3, 'docs/d', 'd', 'indexed', 's2', 'h2', 3, ''),
    ('r2', 1, 'docs/a', 'a', 'indexed', 's3', 'h3', 4, ''),
    ('r2', 2, 'docs/b', 'b', 'sending', 's4', 'h4', 5, ''),
    ('r2', 3, 'docs/c', 'c', 'rejected', '', '', 0, 'read: empty: is empty'),
    ('r2', 4, 'docs/d', 'd', 'rejected', '', '', 0, 'index: mapper_exception: no');
INSERT INTO changes VALUES ('r2', 1, 3.0, 'indexed');
PRAGMA user_version = 1;
"""


def document(name: str, *, origin: str = "file:///docs", version: str = "h") -> KnownDocument:
    """A line of the book."""
    return KnownDocument(name, origin, version, 2, f"/docs/{name}", "s", "r1")


def old_ledger(path: Path) -> Path:
    """As version 1 left it after a run that was cut off."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD)
    return path


def test_an_older_ledger_is_taken_over(tmp_path: Path) -> None:
    """Runs and inputs stay; what the index should hold is what was said last of each document."""
    with Ledger(old_ledger(tmp_path / "l.sqlite")) as ledger:
        assert ledger.cut_off_run() == ("r2", Counts(listed=4, indexed=1, rejected=2, open=1))
        found = [(d.id, d.hash, d.chunks, d.run) for d in ledger.documents()]
        assert found == [("a", "h3", 4, "r2"), ("b", "h2", 3, "r1")]
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as database:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        assert {row[0] for row in database.execute(query)} == {"runs", "inputs", "documents"}


def test_taking_over_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    """What cannot be read stays as it was."""
    path = old_ledger(tmp_path / "l.sqlite")
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE inputs DROP COLUMN sha256")
        database.commit()
    with pytest.raises(Exception, match="sha256"):
        Ledger(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM inputs").fetchone() == (7,)
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_ledger_of_a_newer_esrag_is_refused(tmp_path: Path) -> None:
    """Nobody knows what its tables mean."""
    Ledger(tmp_path / "l.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UnsupportedError, match="newer"):
        Ledger(tmp_path / "l.sqlite")
    with pytest.raises(ConflictError, match="another version"):
        Ledger.reading(tmp_path / "l.sqlite")


def test_the_book_is_read_in_order_and_by_origin(tmp_path: Path) -> None:
    """The last word on a document counts."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.hold(document(name) for name in ("b", "a", "é", "Z"))
        ledger.hold([document("a", version="new"), document("x", origin="s3://b")])
        assert [each.id for each in ledger.documents()] == ["Z", "a", "b", "x", "é"]
        assert [each.id for each in ledger.documents(after="a")] == ["b", "x", "é"]
        assert [each.id for each in ledger.documents(origin="s3://b")] == ["x"]
        assert ledger.origins() == {"file:///docs": 4, "s3://b": 1}
        ledger.drop(["a", "x"])
        assert ledger.origins() == {"file:///docs": 3}


def test_a_document_on_its_way_out_is_marked(tmp_path: Path) -> None:
    """Until it is dropped, or indexed again."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.hold([document("a"), document("b")])
        ledger.removing(["a", "b"])
        assert ledger.being_removed() == ["a", "b"]
        ledger.hold([document("a")])
        ledger.drop(["b"])
        assert ledger.being_removed() == []
        assert [each.id for each in ledger.documents()] == ["a"]


def test_others_see_what_was_committed(tmp_path: Path) -> None:
    """While a run is writing, and without its lock."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.begin("r1", [])
        ledger.listed("r1", [Input(1, "docs/a", "a"), Input(2, "docs/b", "b")])
        ledger.commit()
        ledger.record("r1", [Change(1, "indexed")])
        with Ledger.reading(tmp_path / "l.sqlite") as reader:
            assert reader.counts("r1") == Counts(listed=2, open=2)
            ledger.commit()
            assert reader.counts("r1") == Counts(listed=2, indexed=1, open=1)


def test_reasons_and_rules_are_counted(tmp_path: Path) -> None:
    """By code, and by rule."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.begin("r1", [])
        ledger.listed("r1", (Input(number, "p", f"{number}") for number in range(5)))
        ledger.record("r1", [Change(0, "rejected", code="empty", detail="read: no text")])
        ledger.record("r1", [Change(1, "rejected", code="empty"), Change(2, "unchanged")])
        ledger.record("r1", [Change(3, "skipped", detail="hidden file")])
        assert ledger.rejected_by_code("r1") == {"empty": 2}
        assert ledger.skipped_by_rule("r1") == {"hidden file": 1}
