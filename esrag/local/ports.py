"""Which port each member listens on: the configured one, else last time's, else a free one.

A port is taken when binding to it on loopback fails.  Free ports are drawn below the range
that the kernel uses for outgoing connections, so that a port is still free when a member is
started again.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable

from esrag.errors import ConflictError

LOOPBACK = "127.0.0.1"
_RANGE = range(20_000, 30_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether somebody could listen on ``port`` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(
    configured: int,
    *,
    remembered: int | None,
    setting: str,
    taken: set[int],
    is_free: Callable[[int], bool] = is_free,
) -> int:
    """The port to use; ``setting`` names the configuration entry, ``taken`` are the siblings'.

    Raises ConflictError when a configured port is in use.
    """
    if configured:
        if configured not in taken and is_free(configured):
            return configured
        raise ConflictError(
            f"port {configured} is in use by another program ({setting} = {configured})",
            hint=f"End that program, choose another port, or set {setting} to 0 for a free one.",
        )
    if remembered and remembered not in taken and is_free(remembered):
        return remembered
    draw = random.SystemRandom()
    for _ in range(_TRIES):
        port = draw.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise ConflictError(
        f"no free port was found between {_RANGE.start} and {_RANGE.stop}",
        hint=f"Name one: {setting}",
    )
