"""Where the generator is and how to speak with it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

ProtocolName = Literal["messages", "tgi", "elasticsearch"]
BASE_MODEL = "tgi"


@dataclass(frozen=True, slots=True)
class Place:
    """A generator.  Seconds are how long to wait, each for itself; ``total_timeout`` for all.
    ``tries`` is how often it is asked at most before the first token.

    ``authorization`` is the value of that header, "" for none.  ``inference_id`` names the
    endpoint of the cluster with protocol ``elasticsearch``.  ``context_tokens`` is the longest
    prompt plus answer, 0 when the server is to be asked.
    """

    url: str
    protocol: ProtocolName = "messages"
    model: str = BASE_MODEL
    authorization: str = field(default="", repr=False)
    ca_certs: Path | None = None
    inference_id: str = ""
    max_new_tokens: int = 160
    context_tokens: int = 0
    connect_timeout: float = 5.0
    first_token_timeout: float = 60.0
    token_timeout: float = 30.0
    total_timeout: float = 180.0
    tries: int = 3
