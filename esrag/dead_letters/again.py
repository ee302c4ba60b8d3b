"""What it takes to try the input of a letter again: the entry that a listing would give of it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from esrag.corpus.listing import Entry
from esrag.corpus.records import Listed, Rejected
from esrag.ledger import DeadLetter

_FILE = "file://"


def entry_of(letter: DeadLetter) -> Entry | None:
    """The file again, under the name and origin it had; None for what is not on this machine."""
    if letter.uri and not letter.uri.startswith(_FILE):
        return None
    path = path_of(letter)
    name = letter.name or letter.document_id
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
