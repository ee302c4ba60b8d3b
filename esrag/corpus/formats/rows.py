"""Each row of a table as a document of its own, for CSV and spreadsheets alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from esrag.corpus.formats.contents import RECORD, Failure, Found, Part, sha256_of
from esrag.corpus.formats.record import TEXT_FIELDS, document_of
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable

_LONGEST_METADATA = 1_000


def records(
    rows: Iterable[Sequence[str]], *, file: str, options: ReadingOptions, inside: str = ""
) -> Iterator[Found]:
    """A document or a failure for each row below the header; blank rows are none.

    Without a mapped or known text column the text is the whole row, "column: value" by line.
    """
    header: list[str] = []
    for number, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = _names(row)
            continue
        place = f"{inside} row {number}".strip()
        mark = f"{inside}-R{number}" if inside else f"R{number}"
        values = {name: cell for name, cell in zip(header, row, strict=False) if cell.strip()}
        sha256 = sha256_of("\0".join(row).encode("utf-8", "replace"))
        try:
            document = document_of(
                _with_text(values, options),
                file=file,
                place=place,
                number=mark,
                paths=options.fields,
            )
            yield Part(document, place, sha256)
        except Unreadable as error:
            yield Failure(f"{file}{RECORD}{mark}", error, place, sha256)


@contextmanager
def by_rows_instead() -> Iterator[None]:
    """Around the reading of a whole table: what is too long for one document has another way."""
    try:
        yield
    except Unreadable as error:
        if error.code not in ("too_large", "text_too_long"):
            raise
        reason = f"{error.reason}; with --table-rows each row is a document"
        raise Unreadable(error.code, reason, stage=error.stage) from error


def _with_text(values: dict[str, str], options: ReadingOptions) -> dict[str, object]:
    if options.fields.get("text") or any(name.lower() in TEXT_FIELDS for name in values):
        return dict(values)
    text = "\n".join(f"{name}: {cell}" for name, cell in values.items())
    short = {name: cell for name, cell in values.items() if len(cell) <= _LONGEST_METADATA}
    return {**short, "text": text}


def _names(row: Sequence[str]) -> list[str]:
    """The header's names, each once; a column without one is called by its number."""
    names: list[str] = []
    for number, cell in enumerate(row, start=1):
        name = " ".join(cell.split()) or f"column {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return names
