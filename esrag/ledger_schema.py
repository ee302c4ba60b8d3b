"""The tables of a ledger, and how a ledger of an older esrag becomes one of today.

Knows SQL and nothing of runs; ``ledger`` opens the file and uses the tables.
"""

from __future__ import annotations

import sqlite3

from esrag.errors import UnsupportedError

VERSION = 2

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started REAL NOT NULL, ended REAL,
    arguments TEXT NOT NULL, counts TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS inputs (
    run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE, number INTEGER NOT NULL,
    path TEXT NOT NULL, place TEXT NOT NULL DEFAULT '', name TEXT NOT NULL, state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '', document_hash TEXT NOT NULL DEFAULT '',
    chunks INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, origin TEXT NOT NULL, hash TEXT NOT NULL, chunks INTEGER NOT NULL,
    path TEXT NOT NULL, sha256 TEXT NOT NULL, run TEXT NOT NULL,
    removing INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_of_origin ON documents (origin);
"""
_FROM_1 = (
    "ALTER TABLE runs RENAME TO runs_1",
    "ALTER TABLE inputs RENAME TO inputs_1",
    "INSERT INTO runs (id, started, ended, arguments)"
    " SELECT id, started, ended, arguments FROM runs_1 ORDER BY started, rowid",
    "INSERT INTO inputs (run, number, path, name, state, detail, sha256, document_hash, chunks)"
    " SELECT runs.number, old.number, old.path, old.name, old.state, old.detail, old.sha256,"
    " old.document_hash, old.chunks FROM inputs_1 AS old JOIN runs ON runs.id = old.run",
    # what the index should hold is what the last run that speaks of a document left there
    "INSERT OR REPLACE INTO documents (id, origin, hash, chunks, path, sha256, run)"
    " SELECT inputs.name, '', document_hash, chunks, path, sha256, runs.id"
    " FROM inputs JOIN runs ON runs.number = inputs.run"
    " WHERE state IN ('indexed', 'unchanged') ORDER BY runs.number, inputs.number",
    # a document that was refused on the way left nothing
    "DELETE FROM documents WHERE EXISTS (SELECT 1 FROM inputs JOIN runs AS later"
    " ON later.number = inputs.run JOIN runs AS own ON own.id = documents.run"
    " WHERE inputs.name = documents.id AND later.number > own.number AND state = 'rejected'"
    " AND (detail LIKE 'index:%' OR detail LIKE 'verify:%'))",
    "DROP TABLE inputs_1",
    "DROP TABLE runs_1",
    "DROP TABLE changes",
)


def prepare(database: sqlite3.Connection) -> None:
    """Make the tables, or bring older ones up to date, in one transaction."""
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise UnsupportedError(
            f"the ledger was written by a newer esrag (version {found} of its tables)",
            hint="Use that version, or move the file away: the index knows what it holds.",
        )
    database.execute("PRAGMA foreign_keys = OFF")
    if found != VERSION:
        database.execute("BEGIN IMMEDIATE")
        try:
            steps = list(_FROM_1) if found == 1 else []
            for step in [*steps[:2], *_statements(_TABLES), *steps[2:]]:
                database.execute(step)
            database.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
    database.execute("PRAGMA foreign_keys = ON")


def _statements(script: str) -> list[str]:
    return [statement for statement in script.split(";") if statement.strip()]
