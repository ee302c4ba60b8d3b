"""Server-sent events: the same whatever way the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.generation.sse import LONGEST_EVENT, Event, EventError, EventStream

BYTES = (
    ": a comment\r\n\r\n"
    'data: {"text": "Grüße 🎡"}\n\n'
    "event: error\r\ndata:no space\r\n\r\n"
    "data: two\ndata: lines\nid: 7\nretry: 3\n\n"
    "event: empty\n\n"
    "data: alone\r\r"
    "data: [DONE]\n\n"
    "data: never ended"
).encode()
EVENTS = [
    Event("message", '{"text": "Grüße 🎡"}'.encode()),
    Event("error", b"no space"),
    Event("message", b"two\nlines"),
    Event("message", b"alone"),
    Event("message", b"[DONE]"),
]


def test_events_come_in_all_their_forms() -> None:
    """Three kinds of line ends, comments, names, several lines; no event without its end."""
    assert list(EventStream().feed(BYTES)) == EVENTS


@given(st.lists(st.integers(0, len(BYTES)), max_size=40))
def test_events_do_not_depend_on_how_bytes_are_cut(cuts: list[int]) -> None:
    """Inside a character, a field or a line end: the events are the same."""
    stream, found, last = EventStream(), [], 0
    for cut in (*sorted(cuts), len(BYTES)):
        found += list(stream.feed(BYTES[last:cut]))
        last = cut
    assert found == EVENTS


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_bytes_give_events_or_none(parts: list[bytes]) -> None:
    """Nothing that a server sends is a traceback."""
    stream = EventStream()
    for part in parts:
        assert all(isinstance(event.data, bytes) for event in stream.feed(part))


@pytest.mark.parametrize("part", [b"data: " + b"x" * 70_000, b"data: x\n" * 9_000])
def test_an_event_without_an_end_is_an_error(part: bytes) -> None:
    """Neither one line nor many may fill the memory."""
    stream = EventStream()
    parts = [part] * (LONGEST_EVENT // len(part) + 40)
    with pytest.raises(EventError):
        [list(stream.feed(each)) for each in parts]
