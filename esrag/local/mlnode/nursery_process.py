"""The process that children of deployments are forked from; see ``nursery``.

    python -m esrag.local.mlnode.nursery_process <control socket> <ML node process's id>

For each byte on its socket it forks a child that has the sockets which came with the byte, and
answers with the child's process id.  It has one thread, reads no model and no request, and ends
at the end of file.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence

from esrag.local.mlnode import child, jail
from esrag.local.mlnode.frames import send_frame

MOST_DESCRIPTORS = 250
_PID = struct.Struct("!i")


def main() -> None:
    """Import what is slow, then fork on demand."""
    control, parent = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is the parent's business
    jail.name_process("esrag-nursery")
    child.import_torch()
    gc.freeze()  # a collection in a child would copy the pages that it shares
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, MOST_DESCRIPTORS)
        if not descriptors:
            return
        pid = _fork(control, descriptors, parent)
        for descriptor in descriptors:
            os.close(descriptor)
        send_frame(control, {"pid": pid})


def _fork(control: socket.socket, descriptors: Sequence[int], parent: int) -> int:
    """A child whose own parent ends at once, so that the ML node process adopts it."""
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        pid = os.fork()
        if pid:
            os.write(writing, _PID.pack(pid))
            os._exit(0)
        for own in (control.detach(), reading, writing):
            os.close(own)
        child.run(descriptors[0], descriptors[1:], parent=parent)
    os.close(writing)
    os.waitpid(middle, 0)
    (pid,) = _PID.unpack(os.read(reading, _PID.size))
    os.close(reading)
    return int(pid)


if __name__ == "__main__":
    main()
