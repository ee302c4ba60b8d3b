"""What is inside a TorchScript archive, looked at before it is loaded.

Loading runs code of the archive, so the obvious attempts are refused first: operations that
touch files, state hooks of unknown classes, archives that inflate without end.  This is the
first fence; the second, the jail of the child process, does not rely on it.
"""

from __future__ import annotations

import io
import re
import zipfile

MOST_MEMBERS = 100_000
LARGEST_EXPANSION = 20  # code and debug information compress well, weights do not
_ALLOWED_SLACK = 64 << 20
_FILE_OPERATIONS = re.compile(rb"\b(?:torch|ops\.aten|aten)\.(from_file|save|load)\(")
_STATE_HOOK = re.compile(rb"^\s*def __setstate__\(", re.MULTILINE)
# torch's own quantised modules restore packed weights this way.
_STATE_HOOK_ALLOWED = ("code/__torch__/torch/ao/nn/", "code/__torch__/torch/nn/quantized/")


class UnsafeArchive(Exception):
    """The bytes are no TorchScript archive, or one that must not be loaded."""


def check_archive(definition: bytes) -> None:
    """Raise UnsafeArchive with the reason when the definition must not be loaded."""
    try:
        with zipfile.ZipFile(io.BytesIO(definition)) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise UnsafeArchive(f"the archive has {len(members)} members")
            expanded = sum(member.file_size for member in members)
            if expanded > LARGEST_EXPANSION * len(definition) + _ALLOWED_SLACK:
                raise UnsafeArchive(f"the archive would inflate to {expanded} bytes")
            if not any(member.filename.endswith("/constants.pkl") for member in members):
                raise UnsafeArchive("the definition is a zip archive, but not TorchScript")
            for member in members:
                if member.filename.endswith(".py"):
                    _check_code(member.filename, archive.read(member))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise UnsafeArchive(f"the definition is not a TorchScript archive: {error}") from error


def _check_code(name: str, code: bytes) -> None:
    operation = _FILE_OPERATIONS.search(code)
    if operation is not None:
        raise UnsafeArchive(
            f"{name} uses the forbidden operation aten::{operation[1].decode('ascii')}"
        )
    inside = name.partition("/")[2]
    if _STATE_HOOK.search(code) and not inside.startswith(_STATE_HOOK_ALLOWED):
        raise UnsafeArchive(f"{name} defines __setstate__, which would run while loading")
