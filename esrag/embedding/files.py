"""Files of a bundle, read only when they are what its manifest says; in the child only."""

from __future__ import annotations

import hashlib

from esrag.bundle import ModelBundle
from esrag.errors import UnsupportedError


def checked(bundle: ModelBundle, name: str) -> bytes:
    """A file of the bundle; raises UnsupportedError when it is not what the manifest says."""
    content = (bundle.folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != bundle.sha256[name]:
        raise UnsupportedError(
            f"{bundle.folder / name} changed since the bundle was made",
            hint="Make it again with: esrag model build --force",
        )
    return content
