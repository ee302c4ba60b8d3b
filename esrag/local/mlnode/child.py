"""The child process of a deployment: loads one TorchScript module and runs it.

    python -m esrag.local.mlnode.child '{"control": 5, "slots": [7, 8], …}'

It answers on inherited sockets: one for control (ready or refused, then silence until the end)
and one for each allocation, served by a thread each.  It ends when the parent does: the
kernel's signal for that, and end of file on every socket.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from esrag.local.mlnode import jail
from esrag.local.mlnode.archive import UnsafeArchive, check_archive
from esrag.local.mlnode.frames import PeerEnded, receive_frame, send_frame

if TYPE_CHECKING:
    from esrag.local.mlnode.forward import Module


class Unloadable(Exception):  # noqa: N818 - reads as what it is
    """The definition cannot or must not be loaded; trying again will not help."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the parent wants: which module, with how many threads, on which sockets."""

    parent: int
    control: int
    slots: tuple[int, ...]
    threads: int
    kind: str
    pad_id: int
    parts: tuple[str, ...]
    sha256: str
    empty_folder: str


def main() -> None:
    """Jail this process, load the module, serve until the parent hangs up."""
    orders = Orders(**json.loads(sys.argv[1]))
    jail.die_with(orders.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is the parent's business
    isolated = jail.leave_network()
    control = socket.socket(fileno=orders.control)
    try:
        try:
            module = _load(orders)
        except Unloadable as error:
            send_frame(control, {"refused": str(error)})
            return
        for descriptor in orders.slots:
            slot = socket.socket(fileno=descriptor)
            threading.Thread(target=_serve, args=(slot, module), daemon=True).start()
        send_frame(control, {"ready": True, "isolated": isolated})
        receive_frame(control)
    except PeerEnded:
        pass
    finally:
        os._exit(0)  # forward passes of daemon threads are not worth waiting for


def _load(orders: Orders) -> Module:
    from esrag.local.mlnode import forward

    forward.prepare(orders.threads)
    definition = _read(orders)
    jail.close(
        empty_folder=Path(orders.empty_folder),
        parent=orders.parent,
        definition_length=len(definition),
    )
    try:
        check_archive(definition)
        module = forward.Module(definition, kind=orders.kind, pad_id=orders.pad_id)
    except (UnsafeArchive, *forward.MODEL_ERRORS) as error:
        raise Unloadable(f"Could not load the model definition: {str(error)[:1000]}") from error
    # The first pass is slow; better now than with somebody's question.
    module.run([np.full(8, orders.pad_id, dtype=np.int32)] * 2)
    return module


def _read(orders: Orders) -> bytes:
    try:
        definition = b"".join(Path(part).read_bytes() for part in orders.parts)
    except OSError as error:
        raise Unloadable(f"Could not read the model definition: {error}") from error
    found = hashlib.sha256(definition).hexdigest()
    if found != orders.sha256:
        raise Unloadable(
            f"The sha256 of the stored model definition is [{found}], at upload it was "
            f"[{orders.sha256}]; upload the model again"
        )
    return definition


def _serve(slot: socket.socket, module: Module) -> None:
    from esrag.local.mlnode.forward import pack

    try:
        while True:
            header, payload = receive_frame(slot)
            header_out, vectors = pack(module.run(_sequences(header, payload)))
            send_frame(slot, header_out, vectors)
    except PeerEnded:
        os._exit(0)


def _sequences(header: dict[str, Any], payload: bytearray) -> list[np.ndarray[Any, Any]]:
    ids = np.frombuffer(payload, dtype=np.int32)
    return np.split(ids, np.cumsum(header["lengths"])[:-1])


if __name__ == "__main__":
    main()
