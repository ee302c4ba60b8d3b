"""Makes the bad corpus: ``python tests/bad/bad_corpus.py FOLDER`` writes it out.

Nothing of it lies in the repository; every file is made when it is needed, and large ones take
no room on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bad_archives import tars, zips
from bad_case import Bad
from bad_mails import mails, sources, tables
from bad_markup import html
from bad_office import office
from bad_pdfs import pdfs
from bad_places import places
from bad_records import jsonl
from bad_texts import markdown, plain

GROUPS: dict[str, Callable[[], list[Bad]]] = {
    "plain": plain,
    "markdown": markdown,
    "html": html,
    "jsonl": jsonl,
    "places": places,
    "zips": zips,
    "tars": tars,
    "pdfs": pdfs,
    "office": office,
    "mails": mails,
    "tables": tables,
    "sources": sources,
}


def build(group: str, folder: Path) -> dict[Path, Bad]:
    """Every file of a group below ``folder``, by its path."""
    folder.mkdir(parents=True)
    return {bad.make(folder): bad for bad in members(group)}


@cache
def members(group: str) -> list[Bad]:
    """The files of a group; some take a second to make."""
    return GROUPS[group]()


def main(target: Path) -> None:
    """Write all groups, and say what each file must become."""
    for group in GROUPS:
        for path, bad in build(group, target / group).items():
            print(f"{str(path)!a}\t{','.join(bad.expect)}\t{bad.why}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
