"""Sends one request again when its outcome is unknown or the server is busy; nothing else.

Only for requests that may arrive twice without harm.  Waits 1, 2, 4 … seconds, each shortened by
chance ("full jitter") so that many clients do not return at the same moment.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from esrag.errors import UnavailableError

Result = TypeVar("Result")

TRIES = 8
LONGEST_WAIT = 30.0


def retrying(
    call: Callable[[], Result],
    *,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """The result of ``call``; an UnavailableError is tried again, the last one is raised."""
    for attempt in range(tries - 1):
        try:
            return call()
        except UnavailableError:
            sleep(chance() * min(LONGEST_WAIT, 2.0**attempt))
    return call()
