"""A parser child whose reader does what the file tells it; all else is the real thing."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from esrag.corpus.options import ReadingOptions
from esrag.corpus.reading import Outcome
from esrag.corpus.reading import read as really_read
from esrag.corpus.records import Listed, Parsed, Rejected
from esrag.parsing import child

CONTAINER_PARTS = 3


def obey(listed: Listed, options: ReadingOptions) -> Iterator[Outcome]:
    """Read as ever, after what the first word of the file asks for."""
    order, _, argument = listed.path.read_text(encoding="utf-8").partition("\n")[0].partition(" ")
    if order.startswith("parts-then-"):
        found = next(really_read(listed, options))
        assert isinstance(found, Parsed)
        for _ in range(CONTAINER_PARTS):
            yield found
        order = order.removeprefix("parts-then-")
    if order == "raise":
        raise ValueError("an error that nobody foresaw")
    if order == "once":  # dies where nobody died before
        mark = Path(tempfile.gettempdir()) / "mark"
        if not mark.exists():
            mark.touch()
            signal.raise_signal(signal.SIGSEGV)
    elif order == "segfault":
        ctypes.string_at(0)
    elif order == "exit":
        sys.stderr.write("Traceback (most recent call last):\nlast words\x1b[31m\n")
        sys.stderr.flush()
        os._exit(int(argument))
    elif order == "spin":
        while True:
            pass
    elif order == "sleep":
        time.sleep(float(argument))
    elif order == "eat":
        _ = [bytearray(16 * 1024 * 1024) for _ in range(1000)]
    elif order == "talk":  # as a library might
        os.write(1, b"noise on standard output\n" * 20_000)
        os.write(2, b"noise on standard error\n" * 20_000)
    elif order == "look":
        opened = {str(link) for link in map(_target, Path("/proc/self/fd").iterdir()) if link}
        for found in (" ".join(sorted(os.environ)), " ".join(sorted(opened)), str(os.environ)):
            words = found if "canary" in found else found[:500]
            yield Rejected(listed.path, listed.name, "parse", "seen", words)
    elif order == "escape":
        yield from (_escaped(listed, *way) for way in _ways(argument))
    elif order == "frame":  # what a child says that was taken over
        os.write(int(argument.split()[0]), bytes.fromhex(argument.split()[1]))
    yield from really_read(listed, options)


def _target(link: Path) -> str:
    try:
        return str(link.readlink()).partition(":")[0]
    except FileNotFoundError:  # that of the listing itself
        return ""


def _ways(outside: str) -> list[tuple[str, Callable[[], object]]]:
    """What a parser has no business to do."""
    inside = Path(tempfile.gettempdir()) / "inside"
    return [
        ("write inside", lambda: inside.write_text("x")),
        ("write outside", lambda: Path(outside).write_text("x")),
        ("remove", Path(outside).with_name("kept.txt").unlink),
        ("connect", lambda: socket.create_connection(("127.0.0.1", 9), timeout=1)),
        ("socket", lambda: socket.socket(socket.AF_UNIX)),
        ("fork", os.fork),
        ("run", lambda: subprocess.run(["/bin/true"], check=True)),
        ("kill", lambda: os.kill(os.getppid(), 0)),
        ("thread", lambda: threading.Thread(target=int).start()),
    ]


def _escaped(listed: Listed, way: str, attempt: Callable[[], object]) -> Rejected:
    try:
        attempt()
    except OSError as error:
        return Rejected(listed.path, listed.name, "parse", "refused", f"{way}: {error}")
    return Rejected(listed.path, listed.name, "parse", "allowed", way)


child.read = obey  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(child.main())
