"""The last look at a document before it leaves the corpus: what it must have, what it may not.

The same for every format: limits, characters that UTF-8 cannot hold, and what the user gave to
all documents.
"""

from __future__ import annotations

from dataclasses import replace

from esrag.corpus.limits import Limits
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Listed, Unreadable
from esrag.types import Document


def finished(document: Document, options: ReadingOptions, *, listed: Listed) -> Document:
    """The document with what the user gave; raises Unreadable when it cannot be indexed."""
    address = listed.uri if listed.uri.startswith(("http://", "https://")) else ""
    document = replace(
        document,
        origin=listed.origin,
        url=document.url or address,
        metadata={**document.metadata, **options.metadata},
        acl=options.acl or document.acl,
    )
    _check(document, options.limits)
    return document


def _check(document: Document, limits: Limits) -> None:
    if len(document.text) > limits.document_characters:
        found, most = f"{len(document.text):,}", f"{limits.document_characters:,}"
        raise Unreadable("text_too_long", f"{found} characters; the limit is {most}")
    if not any(map(str.isalnum, document.text)):
        raise Unreadable("empty", "no text to index")
    if len(document.id.encode("utf-8", "replace")) > limits.id_bytes:
        raise Unreadable("id_too_long", f"the document id is longer than {limits.id_bytes} bytes")
    if len(document.metadata) > limits.metadata_fields:
        found = f"{len(document.metadata)} metadata fields"
        raise Unreadable("metadata", f"{found}; {limits.metadata_fields} are allowed")
    longest = limits.metadata_characters
    for name, value in document.metadata.items():
        if len(name) + len(value) > longest:
            raise Unreadable(
                "metadata", f"metadata field {name[:60]!r} is longer than {longest} characters"
            )
    fields = (document.id, document.text, document.title, document.url, document.author)
    for value in (*fields, *document.acl, *document.metadata, *document.metadata.values()):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Unreadable("lone_surrogate", "holds half of a surrogate pair") from error
