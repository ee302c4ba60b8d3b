"""What a run may be called, so that its name is a folder's on every system."""

from __future__ import annotations

import re

from esrag.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def names_a_run(text: str) -> bool:
    """Whether this can be a run's name."""
    return _NAME.fullmatch(text) is not None


def require_run_name(name: str) -> str:
    """The name, if it can name a run; raises UsageError."""
    if not names_a_run(name):
        raise UsageError(
            f"{name!r} cannot name a run",
            hint="Small letters, digits, dots, - and _; at most 80, the first a letter or digit.",
        )
    return name
