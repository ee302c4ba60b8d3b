"""Frames between parent and child: four bytes of length, then JSON.

Not pickle: whoever takes the child over shall not be able to run anything in the parent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

MAX_FRAME = 96 * 1024 * 1024
_LENGTH = struct.Struct("<I")


class BadFrameError(ValueError):
    """The other side said something that is no message."""


def pack(message: dict[str, Any]) -> bytes:
    """A frame; raises BadFrameError for what does not fit, and for halves of surrogate pairs."""
    try:
        body = orjson.dumps(message)
    except orjson.JSONEncodeError as error:
        raise BadFrameError(str(error)) from error
    if len(body) > MAX_FRAME:
        raise BadFrameError(f"a message of {len(body)} bytes; at most {MAX_FRAME} are allowed")
    return _LENGTH.pack(len(body)) + body


def unpack(body: bytes | bytearray) -> dict[str, Any]:
    """The message of a frame's body."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadFrameError(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadFrameError("JSON, but not an object")
    return message


def read_frame(channel: BinaryIO) -> dict[str, Any] | None:
    """The next message, waiting for it; None at the end of the stream."""
    head = channel.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = channel.read(length)
    return unpack(body) if len(body) == length else None


class FrameBuffer:
    """Puts frames together from whatever pieces arrive."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        """The bytes that are not a whole frame yet."""
        return len(self._bytes)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that are complete now; raises BadFrameError at one that is too long."""
        self._bytes += data
        at = 0
        try:
            while len(self._bytes) - at >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._bytes, at)
                if length > MAX_FRAME:
                    raise BadFrameError(f"a message of {length} bytes is announced")
                end = at + _LENGTH.size + length
                if len(self._bytes) < end:
                    break
                body = bytes(self._bytes[at + _LENGTH.size : end])
                at = end
                yield body
        finally:
            del self._bytes[:at]
