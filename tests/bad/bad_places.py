"""Bad files by what the file system makes of them: pipes, links, names, rights."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from bad_case import CUT, SKIPPED, Bad

_TEXT = b"some words"


def places() -> list[Bad]:
    """What lies in a folder and is no file, or has a name that hurts."""
    return [
        Bad("pipe.txt", lambda path: os.mkfifo(path), (SKIPPED,), "a FIFO must not block"),
        Bad("socket.txt", _socket, (SKIPPED,), "a socket"),
        Bad("dangling.txt", _link("nowhere"), (SKIPPED,), "a link that leads nowhere"),
        Bad("itself.txt", _link("itself.txt"), (SKIPPED,), "a link to itself"),
        Bad("out.txt", _link("/etc/hostname"), (SKIPPED,), "a link that leads out of the folder"),
        Bad("loop", _link("."), (SKIPPED,), "a link to its own folder"),
        Bad("null.txt", _link("/dev/zero"), (SKIPPED,), "a link to a device without end"),
        Bad("folder.txt", lambda path: path.mkdir(), (), "an empty folder is no input"),
        Bad(".hidden.txt", _TEXT, (SKIPPED,), "hidden"),
        Bad("new\nline.txt", _TEXT, (CUT,), "a line end in the name"),
        Bad("\x1b[31mred\x1b]0;x\x07.txt", _TEXT, (CUT,), "terminal escapes in the name"),
        Bad("\u202etxt.exe.txt", _TEXT, (CUT,), "a name that is shown backwards"),
        Bad("🎈 balloon ﷽.txt", _TEXT, (CUT,), "emoji and ligatures"),
        Bad(b"latin1-\xe9\xff.txt", _TEXT, (CUT,), "a name that is no UTF-8: shown with escapes"),
        Bad("x" * 251 + ".txt", _TEXT, (CUT,), "a name of 255 bytes"),
        Bad("--help.txt", _TEXT, (CUT,), "a name like an option"),
        Bad("a\\b%2e%2e.txt", _TEXT, (CUT,), "a name like a path of others"),
        Bad(" leading and trailing .txt", _TEXT, (CUT,), "blanks around the name"),
        Bad("<script>alert(1)<.txt", _TEXT, (CUT,), "markup in the name"),
        Bad("CON.txt", _TEXT, (CUT,), "a device on other systems"),
        Bad(".txt", _TEXT, (SKIPPED,), "nothing but an ending: hidden"),
        Bad("two.txt.TXT", _TEXT, (CUT,), "endings in any case"),
    ]


def _socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)  # the address of a socket is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def _link(target: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.symlink_to(target)

    return make
