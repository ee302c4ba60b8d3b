"""Cases out of a seed: valid files that were broken in some way, under names that hurt.

The same seed and number give the same case, whatever was made before it.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from valid_files import valid_file, zipped

from esrag.corpus.formats import ENDINGS, FORMATS

NAMES = tuple(name for one in FORMATS for name in one.names)
_LETTERS = ["a", "Z", "é", "漢", "🎈", " ", "\n", "\t", "\x1b[31m", "\u202e", "'", '"', "%", "#"]
_LETTERS += ["\\", "$(id)", "..", "{{x}}", "<b>", "\udce9", "\udcff", "!", "&amp;", "\x7f", "\x9b"]
_NASTY = [
    b"\0",
    b"\xff" * 4,
    b"\xff\xff\xff\x7f",
    b"%s%n",
    b"<!--",
    b"]]>",
    b'"',
    b"\n\n",
    b"{" * 40,
]
_NASTY += [
    b"<![CDATA[",
    b"&#xD800;",
    b"\\u0000",
    b"\\ud800",
    b"=" * 50,
    b"endstream",
    b"\r",
    b"\x1b",
]


@dataclass(frozen=True, slots=True)
class Case:
    """A file to be; ``how`` says what was done to it."""

    number: int
    name: str
    content: bytes
    how: str


def cases(seed: int, count: int, *, first: int = 0) -> Iterator[Case]:
    """Cases ``first`` to ``first + count``; all formats take turns."""
    for number in range(first, first + count):
        yield case(seed, number)


def case(seed: int, number: int) -> Case:
    """One case."""
    chance = random.Random(f"{seed}-{number}")
    ending = chance.choice(FORMATS[number % len(FORMATS)].endings)
    content = _valid(ending)
    steps: list[str] = []
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        break_it = chance.choice(_BREAKERS)
        content = break_it(chance, content)
        steps.append(break_it.__name__.strip("_"))
    return Case(number, _name(chance, number) + ending, content, " ".join(steps))


@cache
def _valid(ending: str) -> bytes:
    return valid_file(ending)


def _name(chance: random.Random, number: int) -> str:
    """A name that no other case has, ten bytes or two hundred long."""
    letters = "".join(chance.choices(_LETTERS, k=chance.choice([0, 1, 5, 30])))
    return f"{number}-{letters}"


def _cut_off(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _cut_out(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.choice([1, 4, 100, 5000]) :]


def _flip(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content or b"x")
    for _ in range(chance.choice([1, 2, 8, 64])):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwrite(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    put = chance.choice(_NASTY)
    return content[:at] + put + content[at + len(put) :]


def _insert(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(_NASTY) * chance.choice([1, 3, 1000]) + content[at:]


def _noise(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.randbytes(chance.choice([1, 16, 512])) + content[at:]


def _repeat(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    part = content[start : start + chance.choice([1, 8, 64, 400])]
    return content[:start] + part * chance.choice([2, 50, 2000]) + content[start:]


def _shuffle(chance: random.Random, content: bytes) -> bytes:
    size = max(1, len(content) // chance.choice([2, 5, 20]))
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    chance.shuffle(parts)
    return b"".join(parts)


def _swap_in(chance: random.Random, content: bytes) -> bytes:
    """Another format's content, whole or behind this one's head."""
    other = _valid(chance.choice(ENDINGS))
    return other if chance.random() < 0.5 else content[: chance.choice([4, 60, 600])] + other


def _random(chance: random.Random, content: bytes) -> bytes:
    """Nothing of it but, now and then, its first bytes."""
    return content[: chance.choice([0, 0, 8])] + chance.randbytes(chance.choice([0, 1, 50, 5000]))


def _inside(chance: random.Random, content: bytes) -> bytes:
    """Break one member of a zip archive and pack it again, so that its checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except Exception:  # noqa: BLE001 - no zip, or one that is broken already
        return _flip(chance, content)
    name = chance.choice(sorted(members) or [""])
    members[name] = chance.choice(_BREAKERS)(chance, members.get(name, b""))
    if chance.random() < 0.1:
        del members[name]
    return zipped(members, stored=("mimetype",))


_BREAKERS: list[Callable[[random.Random, bytes], bytes]] = [
    _cut_off,
    _cut_out,
    _flip,
    _overwrite,
    _insert,
    _noise,
    _repeat,
    _shuffle,
    _swap_in,
    _random,
    _inside,
    _inside,
]
