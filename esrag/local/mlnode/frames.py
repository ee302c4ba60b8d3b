"""Messages between the ML node process and the child of a deployment.

A frame is two lengths, a JSON header and raw bytes.  Neither side trusts the other's lengths:
the child runs code from outside.  No pickle, ever.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTHS = struct.Struct("!II")
LARGEST_HEADER = 4 << 20
LARGEST_PAYLOAD = 256 << 20


class PeerEnded(Exception):
    """The other side closed the connection, or what it sent makes no sense."""


def send_frame(connection: socket.socket, header: dict[str, Any], payload: bytes = b"") -> None:
    """Send one frame whole; raises PeerEnded when nobody listens any more."""
    encoded = json.dumps(header, separators=(",", ":")).encode()
    try:
        connection.sendall(_LENGTHS.pack(len(encoded), len(payload)) + encoded + payload)
    except OSError as error:
        raise PeerEnded(f"the connection broke: {error}") from error


def receive_frame(connection: socket.socket) -> tuple[dict[str, Any], bytearray]:
    """Wait for one frame; raises PeerEnded at the end of the connection or on nonsense."""
    header_length, payload_length = _LENGTHS.unpack(_receive(connection, _LENGTHS.size))
    if header_length > LARGEST_HEADER or payload_length > LARGEST_PAYLOAD:
        raise PeerEnded("a frame is larger than allowed")
    try:
        header = json.loads(_receive(connection, header_length))
    except ValueError as error:
        raise PeerEnded("the header of a frame is not JSON") from error
    if not isinstance(header, dict):
        raise PeerEnded("the header of a frame is not an object")
    return header, _receive(connection, payload_length)


def _receive(connection: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    done = 0
    while done < length:
        try:
            count = connection.recv_into(view[done:])
        except OSError as error:
            raise PeerEnded(f"the connection broke: {error}") from error
        if count == 0:
            raise PeerEnded("the connection was closed")
        done += count
    return data
