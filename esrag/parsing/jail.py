"""What a child gives up before it sees its first file, so that it cannot get it back.

Linux only; elsewhere the limits and the empty environment are all there is.  Each of these is
asked for and none is insisted on: which of them a system grants is said in ``docs/parsing.md``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
from pathlib import Path

from esrag.parsing.landlock import refuse_writes
from esrag.parsing.seccomp import refuse_system_calls

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000


def die_with(parent: int) -> None:
    """End this process when ``parent`` ends, however that happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the parent
    if not sys.platform.startswith("linux"):
        return
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before we asked
        os._exit(0)


def lock_up() -> None:
    """No new privileges, no network, no writing but to the child's folder, no other process."""
    if not sys.platform.startswith("linux"):
        return
    libc = _libc()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # As root a network namespace of one's own is enough.  Anyone else needs a user namespace as
    # well, which some systems do not grant; the filter below refuses sockets there too.
    if libc.unshare(_CLONE_NEWNET) != 0 and os.geteuid() != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    refuse_writes(except_below=Path(tempfile.gettempdir()))
    refuse_system_calls()
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
