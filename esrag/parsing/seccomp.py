"""A filter of system calls for the child: no sockets, no programs, no other process.

A network namespace of its own is not granted everywhere; this is, on every Linux since 3.5, to
anyone who gives up new privileges.  What is refused fails with EPERM, so that a library which asks
gets an error and no bang.  Threads may be started and the process may abort; all else that a
parser needs is reading, memory and time.

The filter is a program of classic BPF over the number of the call and its arguments, see
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW = 0x7FFF_0000
_REFUSE = 0x0005_0001  # with EPERM
_MISSING = 0x0005_0026  # with ENOSYS: the C library then starts threads in the old way
_X32 = 0x4000_0000  # the same calls once more under other numbers
_CLONE_THREAD = 0x1_0000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data

_SAME_EVERYWHERE = {"pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434}
_CLONE3 = 435
_X86_64 = {
    "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "socketpair": 53,
    "accept4": 288, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62,
    "tkill": 200, "ptrace": 101, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297,
    "process_vm_readv": 310, "process_vm_writev": 311, "mount": 165, "umount2": 166,
    "unshare": 272, "setns": 308, "bpf": 321, "userfaultfd": 323, "perf_event_open": 298,
    "add_key": 248, "request_key": 249, "keyctl": 250, "init_module": 175, "finit_module": 313,
}  # fmt: skip
_AARCH64 = {
    "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "accept": 202, "connect": 203,
    "accept4": 242, "execve": 221, "execveat": 281, "kill": 129, "tkill": 130, "ptrace": 117,
    "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "process_vm_readv": 270,
    "process_vm_writev": 271, "mount": 40, "umount2": 39, "unshare": 97, "setns": 268, "bpf": 280,
    "userfaultfd": 282, "perf_event_open": 241, "add_key": 217, "request_key": 218, "keyctl": 219,
    "init_module": 105, "finit_module": 273,
}  # fmt: skip
# machine -> AUDIT_ARCH, the calls that are refused, clone, tgkill
_MACHINES = {
    "x86_64": (0xC000_003E, _X86_64, 56, 234),
    "aarch64": (0xC000_00B7, _AARCH64, 220, 131),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_system_calls() -> bool:
    """Put the filter on this process, for good; False where the machine or kernel has none."""
    program = filter_of(platform.machine(), os.getpid())
    if not program:
        return False
    code = b"".join(program)
    held = _Program(len(program), code)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(held), 0, 0) == 0)


def filter_of(machine: str, pid: int) -> list[bytes]:
    """The instructions for a machine; none for one that is not known."""
    if machine not in _MACHINES:
        return []
    architecture, refused, clone, tgkill = _MACHINES[machine]
    numbers = sorted({*refused.values(), *_SAME_EVERYWHERE.values()})
    refuse = _step(_RETURN, _REFUSE)
    allow = _step(_RETURN, _ALLOW)
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        refuse,  # calls of another architecture, by which all others could be had
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),
        refuse,
        _step(_EQUAL, _CLONE3, 0, 1),
        _step(_RETURN, _MISSING),
    ]
    for number in numbers:
        program += [_step(_EQUAL, number, 0, 1), refuse]
    program += [
        _step(_EQUAL, clone, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_ANY_BIT, _CLONE_THREAD, 0, 1),
        allow,  # a thread
        refuse,  # a process
        _step(_EQUAL, tgkill, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_EQUAL, pid, 0, 1),
        allow,  # how abort() ends its own process
        refuse,
        allow,
    ]
    return program


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBL", code, if_true, if_false, value)
