"""The rule for model and deployment ids, which become names of files.

It is the server's own rule (lower case letters, digits, ``_ - .`` inside, at most 64
characters, a leading dot allowed), and it leaves no way out of the folder.
"""

from __future__ import annotations

import re

from esrag.local.mlnode.problems import Problem

_ID = re.compile(r"\.?[a-z0-9](?:[a-z0-9_.\-]*[a-z0-9])?", re.ASCII)
LONGEST = 64


def is_id(identifier: object) -> bool:
    """Whether a model or a deployment can have this id."""
    return (
        isinstance(identifier, str)
        and len(identifier) <= LONGEST
        and _ID.fullmatch(identifier) is not None
    )


def require_id(identifier: object, *, name: str) -> str:
    """The id itself, or a bad_request that names it and the rule."""
    if isinstance(identifier, str) and is_id(identifier):
        return identifier
    raise Problem(
        "bad_request",
        f"Invalid {name}; '{str(identifier)[:200]}' can contain lowercase alphanumeric (a-z and "
        "0-9), hyphens, underscores or dots, must start and end with alphanumeric and cannot "
        f"contain more than {LONGEST} characters",
    )
