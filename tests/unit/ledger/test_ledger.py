"""The ledger accounts for every input at every moment, and survives its process."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from esrag.errors import ConflictError, UnavailableError
from esrag.ledger import Change, Counts, DeadLetter, DeadLetterFile, Input, Ledger


def open_run(path: Path, names: list[str], run_id: str = "r1") -> Ledger:
    """A ledger with one run and some inputs."""
    ledger = Ledger(path)
    ledger.begin(run_id, ["docs"])
    ledger.listed(run_id, (Input(n, f"docs/{name}", name) for n, name in enumerate(names)))
    return ledger


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What the file itself holds."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def test_every_state_is_counted_once(tmp_path: Path) -> None:
    """The identity holds whatever the states are."""
    with open_run(tmp_path / "l.sqlite", list("abcdefg")) as ledger:
        ledger.record(
            "r1",
            [
                Change(0, "indexed"),
                Change(1, "unchanged"),
                Change(2, "rejected", detail="read: empty"),
                Change(3, "skipped"),
                Change(4, "sending"),
                Change(5, "acknowledged"),
            ],
        )
        counts = ledger.counts("r1")
    assert counts == Counts(listed=7, indexed=1, unchanged=1, rejected=1, skipped=1, open=3)
    assert str(counts) == "7 listed = 1 indexed + 1 unchanged + 1 rejected + 1 skipped + 3 open"


def test_a_record_file_is_replaced_by_its_records(tmp_path: Path) -> None:
    """The file itself is no input once its records are known."""
    with open_run(tmp_path / "l.sqlite", ["a.md", "r.jsonl"]) as ledger:
        records = [Input(5, "docs/r.jsonl", "r#x"), Input(6, "docs/r.jsonl", "r#y")]
        ledger.listed("r1", records)
        ledger.opened("r1", 1)
        assert ledger.counts("r1") == Counts(listed=3, open=3)


def test_a_later_state_keeps_what_is_known(tmp_path: Path) -> None:
    """Hash and chunk count stay when a change does not name them."""
    with open_run(tmp_path / "l.sqlite", ["a"]) as ledger:
        ledger.record("r1", [Change(0, "sending", sha256="s", document_hash="h", chunks=3)])
        ledger.record("r1", [Change(0, "indexed")])
    rows = query(tmp_path / "l.sqlite", "SELECT state, sha256, document_hash, chunks FROM inputs")
    assert rows == [("indexed", "s", "h", 3)]


def test_a_run_that_was_cut_off_is_known(tmp_path: Path) -> None:
    """A run that ended, or has nothing open, is not."""
    with open_run(tmp_path / "l.sqlite", ["a", "b"]) as ledger:
        assert ledger.cut_off_run() == ("r1", Counts(listed=2, open=2))
        ledger.end("r1")
        assert ledger.cut_off_run() is None


def test_old_runs_are_forgotten(tmp_path: Path) -> None:
    """The ledger does not grow for ever."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        for number in range(25):
            ledger.begin(f"r{number}", [])
            ledger.listed(f"r{number}", [Input(0, "a", "a")])
        assert ledger.counts("r0").listed == 0
        assert ledger.counts("r24").listed == 1
        assert ledger.counts("r10") == Counts(listed=1, open=1)
    assert query(tmp_path / "l.sqlite", "SELECT count(*) FROM runs") == [(20,)]
    assert query(tmp_path / "l.sqlite", "SELECT count(*) FROM inputs") == [(3,)]


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    """Two ingests into one index would write over each other's history."""
    with Ledger(tmp_path / "l.sqlite"), pytest.raises(ConflictError, match="another ingest"):
        Ledger(tmp_path / "l.sqlite")
    Ledger(tmp_path / "l.sqlite").close()


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    """Nothing is sent that cannot be written down."""
    (tmp_path / "l.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(UnavailableError, match=r"l\.sqlite"):
        Ledger(tmp_path / "l.sqlite")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error says which path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="file"):
        Ledger(tmp_path / "file" / "l.sqlite")


def test_what_was_recorded_survives_a_killed_process(tmp_path: Path) -> None:
    """The state written before the kill is the state read after it."""
    program = (
        "import os, sys; from pathlib import Path; from esrag.ledger import Change, Input, Ledger\n"
        "ledger = Ledger(Path(sys.argv[1])); ledger.begin('r', [])\n"
        "ledger.listed('r', [Input(0, 'a', 'a'), Input(1, 'b', 'b')])\n"
        "ledger.record('r', [Change(0, 'sending')])\n"
        "ledger.commit(); ledger.record('r', [Change(1, 'indexed')])\n"
        f"os.kill(os.getpid(), {signal.SIGKILL})\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path / "l.sqlite"], check=False)
    assert killed.returncode == -signal.SIGKILL
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.cut_off_run() == ("r", Counts(listed=2, open=2))


def test_dead_letters_are_appended_as_lines(tmp_path: Path) -> None:
    """One JSON object a line; no file without a letter."""
    file = DeadLetterFile(tmp_path / "dlq" / "r.jsonl")
    file.add([])
    assert not file.path.exists()
    for name in ("a\nb", "c"):
        file.add([DeadLetter("r", f"docs/{name}", "", name, "s", "read", "empty", "is empty")])
    letters = [json.loads(line) for line in file.path.read_text().splitlines()]
    assert [letter["document_id"] for letter in letters] == ["a\nb", "c"]
    assert letters[0]["code"] == "empty"
