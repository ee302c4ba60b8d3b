"""How much of anything is read: one table, the same for the parser, the docs and the tests.

A limit is a promise to the machine (memory, time), not to the author: what is over it is rejected
with its reason code and the figure, and never cut off silently.  Time and memory of the parser
child are ``esrag.parsing``'s; this module knows only what can be counted while reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers.  Each field's metadata says what it is and the code it rejects with."""

    file_bytes: int = field(
        default=100 * MIB, metadata={"what": "any file (the setting `ingest.max_file_mib`)"}
    )
    text_bytes: int = field(
        default=20 * MIB, metadata={"what": "a text file that is one document, before decoding"}
    )
    held_bytes: int = field(
        default=64 * MIB,
        metadata={
            "what": "a PDF, office file or archive inside an archive or mail (held in memory)"
        },
    )
    package_bytes: int = field(
        default=128 * MIB, metadata={"what": "the XML of an office or EPUB file, unpacked"}
    )
    record_bytes: int = field(
        default=8 * MIB, metadata={"what": "a record: a line of JSONL, an element of a JSON array"}
    )
    mail_bytes: int = field(
        default=64 * MIB, metadata={"what": "a mail with its attachments, alone or in a mailbox"}
    )
    document_characters: int = field(
        default=10_000_000, metadata={"what": "the text of a document, in characters"}
    )
    pages: int = field(default=20_000, metadata={"what": "pages of a PDF, slides, sheets"})
    members: int = field(
        default=100_000, metadata={"what": "members of an archive, those inside its members too"}
    )
    inflated_bytes: int = field(
        default=4 * GIB, metadata={"what": "all that is taken out of one archive, unpacked"}
    )
    inflation_ratio: int = field(
        default=200,
        metadata={"what": "unpacked bytes for each packed one, beyond the first 64 MiB"},
    )
    nesting: int = field(
        default=5,
        metadata={"what": "archives and mails inside one another, the outermost included"},
    )
    metadata_fields: int = field(default=200, metadata={"what": "metadata fields of a document"})
    metadata_characters: int = field(
        default=4_000, metadata={"what": "a metadata field with its name, in characters"}
    )
    id_bytes: int = field(default=512, metadata={"what": "a document id"})


CODES = {
    "file_bytes": "too_large",
    "text_bytes": "too_large",
    "held_bytes": "too_large",
    "package_bytes": "inflates_too_much",
    "record_bytes": "record_too_large",
    "mail_bytes": "too_large",
    "document_characters": "text_too_long",
    "pages": "too_many_pages",
    "members": "too_many_members",
    "inflated_bytes": "inflates_too_much",
    "inflation_ratio": "inflates_too_much",
    "nesting": "nested_archives",
    "metadata_fields": "metadata",
    "metadata_characters": "metadata",
    "id_bytes": "id_too_long",
}
RATIO_FROM_BYTES = 64 * MIB  # a small file of blanks may shrink a thousandfold and harms nobody


def table() -> list[tuple[str, str, str]]:
    """What is limited, to how much, and the reason code, for the docs."""
    limits = Limits()
    return [
        (one.metadata["what"], amount(one.name, getattr(limits, one.name)), CODES[one.name])
        for one in fields(Limits)
    ]


def amount(name: str, value: int) -> str:
    """A limit's value as a person reads it."""
    return size(value) if name.endswith("_bytes") else f"{value:,}"


def size(count: int) -> str:
    """Bytes as KiB, MiB or GiB."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if count >= unit:
            return (
                f"{count / unit:.3g} {name}" if count < 1000 * unit else f"{count // unit} {name}"
            )
    return f"{count} bytes"
