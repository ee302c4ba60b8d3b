"""Server-sent events out of bytes, however they are cut.  Pure; knows nothing of what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_EVENT = 2**20


class EventError(Exception):
    """What came is no stream of events."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, "message" unless it was named, and its data."""

    name: str
    data: bytes


class EventStream:
    """Collects bytes and hands out the events that are whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []
        self._held = 0

    def feed(self, part: bytes) -> Iterator[Event]:
        """The events that ``part`` completes; raises EventError for one without an end."""
        text = self._rest + part
        # a carriage return at the end may be half of a line end
        whole, self._rest = (text[:-1], text[-1:]) if text.endswith(b"\r") else (text, b"")
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, last = whole.split(b"\n")
        self._rest = last + self._rest
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield self._event()
            else:
                self._name = ""
        if self._held + len(self._rest) > LONGEST_EVENT:
            raise EventError(f"an event of more than {LONGEST_EVENT:,} bytes")

    def _take(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._held += len(line)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _event(self) -> Event:
        event = Event(self._name or "message", b"\n".join(self._data))
        self._name, self._data, self._held = "", [], 0
        return event
