"""docs/ingest.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from esrag.auditing.findings import KINDS
from esrag.cli.ingest_report import Place, end_as_json
from esrag.cli.ingest_run import Ended
from esrag.cluster.pressure import SendState
from esrag.indexing import PruneReport, Report
from esrag.ledger import Counts, DeadLetter

PAGE = (Path(__file__).parents[3] / "docs" / "ingest.md").read_text(encoding="utf-8")
LETTER = DeadLetter("run", "a.md", "", "a.md", "5ha", "parse", "empty", "why")
REPORT = Report(
    run_id="run",
    counts=Counts(listed=1, rejected=1),
    chunks_written=0,
    chunks_removed=0,
    seconds=1.0,
    rejected=(LETTER,),
    rejected_by_code={"empty": 1},
    skipped={},
    dead_letters=Path("dlq/run.jsonl"),
    ledger=Path("ledger.sqlite"),
)
PLACE = Place("default", "esrag-docs-default", "cluster", "model", "uuid", "9.5.3")


def ended(pruned: PruneReport | None = None) -> Ended:
    """The end of a run."""
    return Ended(REPORT, PLACE, SendState(32, 2), pruned)


def test_every_key_of_the_report_is_documented() -> None:
    """In the table of keys."""
    table = PAGE.split("| key of the report |", 1)[1].split("\n\n", 1)[0]
    assert [key for key in end_as_json(ended()) if f"`{key}`" not in table] == []


def test_the_report_has_the_same_keys_whatever_happened() -> None:
    """With and without pruning, in the same order."""
    assert list(end_as_json(ended())) == list(end_as_json(ended(PruneReport(withheld="open"))))


def test_every_field_of_a_letter_is_shown() -> None:
    """In the example of a line of the file."""
    assert [name for name in LETTER.as_json() if f'"{name}"' not in PAGE] == []


def test_every_kind_of_finding_is_documented() -> None:
    """In the table of findings."""
    table = PAGE.split("| finding |", 1)[1].split("\n\n", 1)[0]
    assert [kind for kind in KINDS if f"`{kind}`" not in table] == []
