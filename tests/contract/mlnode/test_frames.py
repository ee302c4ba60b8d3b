"""Messages between the process and its children."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from esrag.local.mlnode.frames import PeerEnded, receive_frame, send_frame

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two connected sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        yield ours, theirs


def test_a_frame_arrives_as_it_was_sent(pair: Pair) -> None:
    """Header and bytes."""
    ours, theirs = pair
    send_frame(theirs, {"a": [1, 2]}, b"\0\1\2")
    assert receive_frame(ours) == ({"a": [1, 2]}, bytearray(b"\0\1\2"))


def test_an_ended_peer_is_noticed(pair: Pair) -> None:
    """In the middle of a frame too."""
    ours, theirs = pair
    theirs.sendall(struct.pack("!II", 10, 0) + b"{}")
    theirs.close()
    with pytest.raises(PeerEnded):
        receive_frame(ours)
    with pytest.raises(PeerEnded):
        send_frame(ours, {}, b"x" * 10_000_000)


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("!II", 2**31, 0),
        struct.pack("!II", 2, 2**31) + b"{}",
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 2, 0) + b"\xff\xff",
    ],
)
def test_nonsense_is_the_end(pair: Pair, frame: bytes) -> None:
    """Sizes beyond measure and headers that are none: no memory is wasted on them."""
    ours, theirs = pair
    theirs.sendall(frame)
    with pytest.raises(PeerEnded):
        receive_frame(ours)
