"""The names of all actions of a server, read from the constants of its compiled classes.

``python tests/contract/security/action_names.py HOME…`` writes ``tests/golden/actions.txt`` from
distributions and plugin folders; a test holds the file against the server that runs.
"""

from __future__ import annotations

import re
import struct
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

FILE = Path(__file__).parents[2] / "golden" / "actions.txt"

# a constant of a class file: the tag 1, two bytes of length, the text
_CONSTANT = re.compile(rb"\x01(..)((?:cluster|indices):[a-z0-9_/]+)", re.DOTALL)
# beginnings that code puts names together from, and what only nodes send to each other
_PART = re.compile(rb"(/|_|/internal/.*|internal.*)$")


def names_in_class(content: bytes) -> set[str]:
    """The action names among the constants of one class file."""
    found = set()
    for length, text in _CONSTANT.findall(content):
        if struct.unpack(">H", length)[0] == len(text) and not _PART.search(text):
            found.add(text.decode())
    return found


def names_in_jars(jars: Iterable[Path]) -> list[str]:
    """The action names in jars, sorted."""
    found: set[str] = set()
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if name.endswith(".class"):
                    found |= names_in_class(archive.read(name))
    return sorted(found)


def jars_of(home: Path) -> list[Path]:
    """The jars of a distribution that are Elasticsearch's own, or ours."""
    return [
        jar
        for jar in sorted(home.rglob("*.jar"))
        if jar.name.startswith(("elasticsearch-9", "x-pack-")) or "plugins" in jar.parts
    ]


def known_names() -> list[str]:
    """The names in the file."""
    return FILE.read_text(encoding="utf-8").split()


if __name__ == "__main__":
    everything = names_in_jars(jar for home in sys.argv[1:] for jar in jars_of(Path(home)))
    FILE.write_text("\n".join(everything) + "\n", encoding="utf-8")
