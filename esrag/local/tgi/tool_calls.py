"""A generated call, read back: whole for an answer, piece by piece for a stream.

Kept as TGI has it, with its habits: the name comes in the first piece together with the opening
brace, the last piece loses one closing brace, and what ends the stream after that has no piece.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from esrag.local.tgi.errors import ToolFailed
from esrag.local.tgi.generation.events import Finished, NextToken
from esrag.local.tgi.grammar.tools import NO_TOOL


@dataclass(frozen=True, slots=True)
class Call:
    """A function and the JSON of its arguments."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a streamed call; ``name`` in the first one only."""

    event: NextToken | Finished
    name: str | None


def read_call(text: str) -> Call | None:
    """The call that a text holds, None for ``no_tool``; raises ToolFailed."""
    call = _parse(text)
    if call is None:
        shown = json.dumps(text, ensure_ascii=False)
        raise ToolFailed(f"Failed to parse generated text: {_problem(text)} {shown}")
    name = call.pop("_name")
    return None if name == NO_TOOL else Call(name, orjson.dumps(call).decode())


class CallStream:
    """Follows a streamed call token by token."""

    def __init__(self) -> None:
        self._text = ""
        self._state: Literal["buffering", "tool"] = "buffering"
        self.declined = False

    def push(self, event: NextToken | Finished) -> list[Piece]:
        """What to send for a token; ``declined`` once the model chose to use no tool."""
        self._text += event.token.text
        if self._state == "buffering":
            begun = _parse(self._text.rstrip(" \t\r\n,}") + "}}")
            if begun is None:
                return []
            if begun["_name"] == NO_TOOL:
                self.declined = True
                return []
            self._state = "tool"
            return [Piece(_with_text(event, "{"), begun["_name"])]
        if _parse(self._text) is None:
            return [Piece(event, None)]
        self._state = "buffering"
        return [Piece(_with_text(event, event.token.text.rstrip().removesuffix("}")), None)]


def _with_text(event: NextToken | Finished, text: str) -> NextToken | Finished:
    return replace(event, token=replace(event.token, text=text))


def _parse(text: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    match value:
        case {"function": {"_name": str()} as call}:
            return dict(call)
    return None


def _problem(text: str) -> str:
    """What serde says of a text that breaks off; the usual reason is ``max_tokens``."""
    line, column = text.count("\n") + 1, len(text.rpartition("\n")[2].encode())
    inside: list[str] = []
    open_string, escaped, last = False, False, ""
    for letter in text:
        if open_string and escaped:
            escaped = False
        elif open_string:
            escaped = letter == "\\"
            open_string = letter != '"'
        elif letter == '"':
            open_string = True
        elif letter in "{[":
            inside.append(letter)
        elif letter in "}]" and inside:
            inside.pop()
        last = letter if not letter.isspace() else last
    if open_string:
        what = "a string"
    elif last in (":", ",") or not inside:
        what = "a value"
    else:
        what = "an object" if inside[-1] == "{" else "a list"
    return f"EOF while parsing {what} at line {line} column {column}"
