"""Text of documents and models made harmless for a terminal.

Whatever is shown and does not stand in esrag's own code passes here: control characters in it
could rewrite the screen, set the clipboard, or make one line look like another.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

LONGEST_LINE = 300

# a whole escape sequence goes at once, so that no "[31m" stays behind
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, modes
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])"  # the beginning of a title, link or clipboard
    r"|\x1b[ -/]*[0-~]"
)
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, delete, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # what reorders a line
    "\u00ad\u034f\u180e\u200b\ufeff\u2060-\u2064\ufff9-\ufffb"  # what is not to be seen
    "\u2028\u2029\U000e0000-\U000e0fff]"  # other line ends; tags, which hide whole sentences
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """``text`` without what steers a terminal, reorders a line or cannot be seen or written."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("\ufffd", _STEERING.sub("", _SEQUENCE.sub("", text)))


def given_text(text: str) -> str:
    """What a person gave on the command line or by a pipe, where bytes need not be UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """``text`` for a place that has one line, such as a title; a very long one is cut."""
    line = " ".join(printable(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def link(url: str) -> str:
    """``url`` if it is one that a reader can follow and see through, else "".

    Only http and https are; what is not a printable ASCII character is shown as it is sent, so
    that no letter can pass for another.
    """
    url = re.sub("[\t\r\n]", "", url.strip())
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return ""
        shown = _plain_host(parts.hostname)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    path = url.partition("://")[2][len(parts.netloc) :]
    quoted = "".join(c if "!" <= c <= "~" else _percent(c) for c in path)
    return f"{parts.scheme}://{shown}{port}{quoted}"


def _plain_host(host: str) -> str:
    """The host as it is looked up; raises ValueError when it cannot be one."""
    if ":" in host:
        return f"[{host}]"
    plain = host.encode("idna").decode("ascii") if not host.isascii() else host
    if not re.fullmatch(r"[A-Za-z0-9._-]+", plain):
        raise ValueError(host)
    return plain


def _percent(character: str) -> str:
    # letters of other scripts can be read; all else could hide something
    if unicodedata.category(character)[0] in "LN":
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
