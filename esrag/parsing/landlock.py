"""The child may write below its own folder and nowhere else, where the kernel has Landlock.

Linux 5.13 and newer, see https://docs.kernel.org/userspace-api/landlock.html.  Reading is not
restricted: libraries read their own files, and the inputs may lie anywhere.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_ASK_VERSION = 1
_PATH_BENEATH = 1
# write to a file, remove a folder or a file, make a device, folder, file, socket, pipe, link
_WRITES = sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12))
_SINCE = {2: 1 << 13, 3: 1 << 14}  # link or rename across folders, truncate
_OF_A_FILE = (1 << 1) | (1 << 14)


def refuse_writes(*, except_below: Path) -> bool:
    """Restrict this process, for good; False where the kernel does not know how."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    handled = _WRITES | sum(right for since, right in _SINCE.items() if version >= since)
    attributes = struct.pack("=Q", handled)
    rules = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        return False
    try:
        _allow(libc, rules, except_below, handled)
        nothing = Path(os.devnull)
        if nothing.exists():
            _allow(libc, rules, nothing, handled & _OF_A_FILE)
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)
