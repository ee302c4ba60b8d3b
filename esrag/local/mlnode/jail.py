"""What the child of a deployment gives up before it touches code from outside.

    leave_network   at once, while there is one thread: a network namespace of its own
    close           when the bytes are read: no files, no rights, limits

As root the namespace is made directly and the user becomes ``nobody``; for others a user
namespace comes first.  Where the system allows neither, the child runs on and says so.
Linux only, as is the whole local stack; the standard library only, because this runs before
everything else.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import time
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_NAME = 15
_ADOPTION_SECONDS = 5.0
_CAPABILITY_VERSION = 0x20080522
_NOBODY = 65534
_SPARE_MEMORY = 4 << 30
_MEMORY_PER_DEFINITION_BYTE = 8

_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> None:
    """End this process when the thread that started it does; at once when that has happened."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def name_process(name: str) -> None:
    """Show this name, of at most 15 characters, instead of the program's in lists."""
    _libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def wait_for_adoption(parent: int) -> None:
    """Wait until the process that forked this one has ended and ``parent`` has taken it over."""
    deadline = time.monotonic() + _ADOPTION_SECONDS
    while os.getppid() != parent and time.monotonic() < deadline:
        time.sleep(0.001)


def leave_network() -> bool:
    """Move to a network namespace without any interface that is up; False when not allowed."""
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET
    if _libc.unshare(flags) == 0:
        return True
    # Root without the capability (a container) may still be allowed a user namespace.
    return os.geteuid() == 0 and _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0


def close(*, empty_folder: Path, parent: int, definition_length: int) -> bool:
    """Give up files, rights and endless memory; True when no file can be reached any more."""
    memory = _data_size() + _SPARE_MEMORY + _MEMORY_PER_DEFINITION_BYTE * definition_length
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    without_files = True
    try:
        os.chroot(empty_folder)
        os.chdir("/")
    except OSError:
        without_files = False
    if os.geteuid() == 0:
        # Not permitted inside a user namespace without mapped ids, where it would mean nothing.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _drop_capabilities()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    die_with(parent)  # a change of user clears it
    return without_files


def _drop_capabilities() -> None:
    """A user namespace gives all of them, and with them the way out of the empty folder."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _libc.capset(ctypes.byref(header), ctypes.byref(nothing))


def _data_size() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":  # the probe: can this user isolate a child?
    raise SystemExit(0 if leave_network() else 1)
