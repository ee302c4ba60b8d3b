"""What it takes to try the input of a letter again: the entry that a listing would give of it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from esrag.corpus.listing import Entry, ListingOptions, can_be_had_again, had_again
from esrag.corpus.records import Listed, Rejected
from esrag.ledger import DeadLetter

_FILE = "file://"


def is_within_reach(letter: DeadLetter) -> bool:
    """Whether the input can be had again: a file or a page, not what was piped in once."""
    return not letter.uri or can_be_had_again(letter.uri)


def entry_of(letter: DeadLetter, options: ListingOptions) -> Entry:
    """The file or page again, under the name and origin it had; fetches what is elsewhere."""
    name = letter.name or letter.document_id
    if letter.uri and not letter.uri.startswith(_FILE):
        return had_again(letter.uri, name=name, origin=letter.origin, options=options)
    path = path_of(letter)
    if not path.is_file():
        return Rejected(
            path,
            name,
            "list",
            "not_found",
            "the file of an older letter is not there any more",
            origin=letter.origin,
            uri=letter.uri,
        )
    return Listed(path, name, letter.origin, letter.uri or path.absolute().as_uri())


def path_of(letter: DeadLetter) -> Path:
    """Where the file was, whatever bytes its name has."""
    if letter.uri.startswith(_FILE):
        return Path(os.fsdecode(unquote_to_bytes(letter.uri.removeprefix(_FILE))))
    return Path(letter.path)
