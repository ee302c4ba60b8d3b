"""A question set as a table for a spreadsheet (TSV, CSV), and the rows of a table back again.

    questions ─► sheet ─► somebody edits it ─► rows ─► merging, importing

A row is one question; evidence takes two columns a place.  What a row cannot hold (other places of
a quote, provenance) stays with the question that has its id.  Every error names its line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import UsageError
from esrag.evaluation.question_sets.cells import forms_cell, from_cell, to_cell
from esrag.evaluation.question_sets.records import SetQuestion

COLUMNS = (
    "id", "status", "note", "question", "answer", "accepted", "answerable", "type", "split",
)  # fmt: skip
ANSWERABLE: Mapping[str, bool | None] = {"yes": True, "no": False, "unknown": None}
SHOWN_ERRORS = 20
_LARGEST_CELL = 1_000_000  # characters
# what others call the same
_ALSO_CALLED: Mapping[str, str] = {
    "query": "question", "text": "question", "prompt": "question", "input": "question",
    "_id": "id", "qid": "id", "question_id": "id", "query-id": "id", "query_id": "id",
    "answers": "answer", "expected": "answer", "expected_answer": "answer", "reference": "answer",
    "reference_answer": "answer", "ground_truth": "answer", "output": "answer",
    "forms": "accepted", "category": "type", "comment": "note", "comments": "note",
    "document": "document_1", "document_id": "document_1", "doc_id": "document_1",
    "source": "document_1", "quote": "quote_1", "evidence": "quote_1", "context": "quote_1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is written: cells by column, and the line that it begins on."""

    line: int
    cells: Mapping[str, str]

    def get(self, name: str) -> str:
        """A cell as text; "" when there is none."""
        return from_cell(self.cells.get(name, ""))


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a table, and the headings of columns that mean nothing here."""

    rows: tuple[Row, ...]
    columns: frozenset[str]
    unread: tuple[str, ...]


def as_tsv(questions: Sequence[SetQuestion]) -> str:
    """The whole table, with a line of headings."""
    most = max((len(each.evidence) for each in questions), default=0) or 1
    columns = [
        *COLUMNS,
        *(f"{name}_{n}" for n in range(1, most + 1) for name in ("document", "quote")),
    ]
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(columns)
    for question in questions:
        cells = _cells(question)
        table.writerow([to_cell(cells.get(name, "")) for name in columns])
    return text.getvalue()


def _cells(question: SetQuestion) -> dict[str, str]:
    said = next(name for name, value in ANSWERABLE.items() if value is question.answerable)
    cells = {
        "id": question.id,
        "status": question.status,
        "note": question.note,
        "question": question.question,
        "answer": question.answer,
        "accepted": forms_cell(question.answer_groups),
        "answerable": said,
        "type": question.type,
        "split": question.split,
    }
    for number, place in enumerate(question.evidence, start=1):
        cells |= {f"document_{number}": place.document_id, f"quote_{number}": place.quote}
    return cells


def read_sheet(file: Path) -> Sheet:
    """The rows of a TSV or CSV file; raises UsageError, naming the line, for what is none."""
    text = _text(file)
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max("\t,;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    csv.field_size_limit(_LARGEST_CELL)
    try:
        numbered = list(_numbered(reader))
    except csv.Error as error:
        raise UsageError(
            f"{file}, line {reader.line_num}: {error}",
            hint="Save the table as tab-separated text, UTF-8.",
        ) from error
    if not numbered:
        raise UsageError(f"{file} is empty")
    (_, headings), *rest = numbered
    names = [_column(heading) for heading in headings]
    if "question" not in names and "id" not in names:
        raise UsageError(
            f"{file}, line 1: no column is called question",
            hint=f"The first line names the columns: {', '.join(COLUMNS)}, document_1, quote_1",
        )
    double = next((name for name in names if name and names.count(name) > 1), "")
    if double:
        raise UsageError(f"{file}, line 1: two columns are called {double}")
    rows = tuple(_row(file, line, cells, names) for line, cells in rest)
    known = frozenset(name for name in names if is_known(name))
    return Sheet(rows, known, tuple(name for name in names if name and name not in known))


def is_known(name: str) -> bool:
    """Whether a column means something here."""
    head, _, number = name.rpartition("_")
    return name in COLUMNS or (head in ("document", "quote") and number.isdecimal())


def raise_for(file: Path, errors: Iterable[str]) -> None:
    """Raise UsageError with the errors of a file, if there are any; each names its line."""
    told = list(errors)
    if told:
        more = len(told) - SHOWN_ERRORS
        shown = "\n".join(told[:SHOWN_ERRORS]) + (f"\n… and {more:,} more" if more > 0 else "")
        raise UsageError(
            f"{file} cannot be used, and nothing was changed:\n{shown}",
            hint="Mend these lines and give the same command again.",
        )


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
        # a spreadsheet's "Unicode text" is UTF-16
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = raw.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{file}, line {line}: not UTF-8: {error.reason}", hint="Save the file as UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line that it begins on."""
    line = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1  # type: ignore[attr-defined]


def _row(file: Path, line: int, cells: Sequence[str], names: Sequence[str]) -> Row:
    further = [cell for cell in cells[len(names) :] if cell.strip()]
    if further:
        raise UsageError(
            f"{file}, line {line}: {len(cells)} cells under {len(names)} headings",
            hint="A cell that holds a tab or a line end stands in double quotes.",
        )
    return Row(line, dict(zip(names, cells, strict=False)))


def _column(heading: str) -> str:
    name = "_".join(heading.strip().casefold().split())
    return _ALSO_CALLED.get(name, name)
