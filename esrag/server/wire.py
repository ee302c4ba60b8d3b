"""JSON and server-sent events as bytes."""

from __future__ import annotations

import json
from typing import Any

HEARTBEAT = b": still there\n\n"
DONE = b"data: [DONE]\n\n"


def to_json(value: Any) -> bytes:
    """Compact JSON in ASCII: half a surrogate is no error, and no parser sees odd line ends."""
    return json.dumps(value, separators=(",", ":")).encode()


def event(name: str, value: Any) -> bytes:
    """A named event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), to_json(value))


def data(value: Any) -> bytes:
    """An event without a name, as OpenAI's streams have them."""
    return b"data: %s\n\n" % to_json(value)
