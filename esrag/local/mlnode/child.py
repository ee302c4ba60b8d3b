"""The child process of a deployment: loads one TorchScript module and runs it.

It is forked from the nursery's process and answers on inherited sockets: one for control (orders
come in, ready or refused goes out, then silence until the end), and one for each allocation there
may be, served by a thread each.  It ends when the ML node process does: the kernel's signal for
that, and end of file on every socket.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import selectors
import socket
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from esrag.local.mlnode import jail
from esrag.local.mlnode.archive import UnsafeArchive, check_archive
from esrag.local.mlnode.frames import PeerEnded, receive_frame, send_frame

if TYPE_CHECKING:
    from esrag.local.mlnode.forward import Module


class Unloadable(Exception):
    """The definition cannot or must not be loaded; trying again will not help."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the parent wants: which module, with how many threads."""

    threads: int
    kind: str
    pad_id: int
    output: str
    parts: list[str]
    sha256: str
    empty_folder: str


def run(control_number: int, slots: Sequence[int], *, parent: int) -> NoReturn:
    """Jail this process, load the module, serve until the parent hangs up."""
    code = 1
    try:
        jail.name_process("esrag-module")
        jail.wait_for_adoption(parent)
        jail.die_with(parent)
        # Now, as a namespace is left by one thread: a forked process has no other yet.
        isolated = jail.leave_network()
        control = socket.socket(fileno=control_number)
        with contextlib.suppress(PeerEnded):
            _obey(control, slots, parent=parent, isolated=isolated)
        code = 0
    except BaseException:  # noqa: BLE001  nothing may go back into the nursery's loop
        traceback.print_exc()
    finally:
        os._exit(code)  # forward passes of daemon threads are not worth waiting for


def import_torch() -> None:
    """Import what is slow; where it is missing, each child says so."""
    with contextlib.suppress(ImportError):
        importlib.import_module("esrag.local.mlnode.forward")


def _obey(control: socket.socket, slots: Sequence[int], *, parent: int, isolated: bool) -> None:
    orders = Orders(**receive_frame(control)[0])
    try:
        module, without_files = _load(orders, parent)
    except Unloadable as error:
        send_frame(control, {"refused": str(error)})
        return
    send_frame(control, {"ready": True, "isolated": isolated and without_files})
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        for descriptor in slots:
            selector.register(socket.socket(fileno=descriptor), selectors.EVENT_READ)
        _watch(selector, control, module)


def _watch(selector: selectors.BaseSelector, control: socket.socket, module: Module) -> None:
    """Start a slot's thread at its first batch, until the parent hangs up.

    There are more slots than allocations, so that a deployment can grow while it runs.
    """
    while True:
        for key, _ in selector.select():
            if key.fileobj is control:
                return
            selector.unregister(key.fileobj)
            threading.Thread(target=_serve, args=(key.fileobj, module), daemon=True).start()


def _load(orders: Orders, parent: int) -> tuple[Module, bool]:
    try:
        from esrag.local.mlnode import forward
    except ImportError as error:
        raise Unloadable(f"{error}; the models need: pip install 'esrag[local]'") from error
    forward.prepare(orders.threads)
    definition = _read(orders)
    without_files = jail.close(
        empty_folder=Path(orders.empty_folder),
        parent=parent,
        definition_length=len(definition),
    )
    try:
        check_archive(definition)
        module = forward.Module(
            definition, kind=orders.kind, pad_id=orders.pad_id, output=orders.output
        )
    except (UnsafeArchive, *forward.MODEL_ERRORS) as error:
        raise Unloadable(f"Could not load the model definition: {str(error)[:1000]}") from error
    module.warm_up()
    return module, without_files


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
    from esrag.local.mlnode.forward import pack, unpack

    try:
        while True:
            header, values = pack(module.run(*unpack(*receive_frame(slot))))
            send_frame(slot, header, values)
    except PeerEnded:
        os._exit(0)
