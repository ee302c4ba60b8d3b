"""Makes the bad corpus: ``python tests/bad/bad_corpus.py FOLDER`` writes it out.

Nothing of it lies in the repository; every file is made when it is needed, and large ones take
no room on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bad_case import Bad
from bad_markup import html
from bad_places import places
from bad_records import jsonl
from bad_texts import markdown, plain

GROUPS: dict[str, Callable[[], list[Bad]]] = {
    "plain": plain,
    "markdown": markdown,
    "html": html,
    "jsonl": jsonl,
    "places": places,
}


def build(group: str, folder: Path) -> dict[Path, Bad]:
    """Every file of a group below ``folder``, by its path."""
    folder.mkdir(parents=True)
    return {bad.make(folder): bad for bad in GROUPS[group]()}


def main(target: Path) -> None:
    """Write all groups, and say what each file must become."""
    for group in GROUPS:
        for path, bad in build(group, target / group).items():
            print(f"{str(path)!a}\t{','.join(bad.expect)}\t{bad.why}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
