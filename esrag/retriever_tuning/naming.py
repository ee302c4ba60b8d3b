"""What a tuned model is called in the cluster.  Pure."""

from __future__ import annotations

import re

_MOST = 64  # of a trained model id


def tuned_id(base: str, run: str) -> str:
    """The base's id and the run's name; the base's is cut where both are too long."""
    tail = "-" + re.sub(r"[^a-z0-9_.-]", "-", run.lower())
    tail = tail[-(_MOST // 2) :]
    return (base[: _MOST - len(tail)] + tail).strip("_-.")
