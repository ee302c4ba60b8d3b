"""The process itself: one data folder, one port on loopback, a clean end.

A lock on the data folder keeps a second process away from it.  On SIGTERM everybody who waits
is refused, the children end, and the deployments stay on the list for the next start.
"""

from __future__ import annotations

import fcntl
import logging
import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from esrag.errors import ConflictError, UnavailableError
from esrag.local.mlnode.app import create_app
from esrag.local.mlnode.deployments import Deployments
from esrag.local.mlnode.durable import Staging
from esrag.local.mlnode.execution import ChildExecution
from esrag.local.mlnode.nursery import Nursery
from esrag.local.mlnode.store import ModelStore

HOST = "127.0.0.1"
MOST_SOCKETS = 16_384
_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn, told to let go of waiting callers as soon as the end is asked for."""

    def __init__(self, config: uvicorn.Config, deployments: Deployments) -> None:
        super().__init__(config)
        self._deployments = deployments

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        for deployment in self._deployments.all():
            deployment.begin_stop()
        super().handle_exit(sig, frame)


def serve(*, port: int, data: Path) -> None:
    """Run until SIGTERM or SIGINT; raises ConflictError when folder or port are taken."""
    # uvicorn raises the signal again after its clean end; by then it means nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    _allow_many_sockets()
    with _folder_of_our_own(data), _listen(port) as listener:
        staging = Staging(data / "staging")
        empty_folder = data / "empty"
        empty_folder.mkdir(exist_ok=True)
        store = ModelStore(data / "models", staging)
        nursery = Nursery()
        deployments = Deployments(
            data / "deployments",
            staging,
            store,
            empty_folder=empty_folder,
            start=lambda settings: ChildExecution(settings, nursery),
        )
        if not deployments.isolated:
            _log.warning("children cannot be cut off from the network on this system")
        deployments.start_again()
        config = uvicorn.Config(
            create_app(store, deployments),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=300,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        try:
            _log.info("listening on http://%s:%d", HOST, listener.getsockname()[1])
            _Server(config, deployments).run(sockets=[listener])
        finally:
            nursery.close()
            deployments.shut_down()


def _allow_many_sockets() -> None:
    """Every deployment has a socket for each allocation that it may come to have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_SOCKETS if hard == resource.RLIM_INFINITY else min(hard, MOST_SOCKETS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _folder_of_our_own(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnavailableError(
            f"the data folder {data} cannot be used: {error}", hint="Choose another with --data."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConflictError(
            f"another ML node process uses the data folder {data}",
            hint="End it first, or choose another folder with --data.",
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def _listen(port: int) -> socket.socket:
    # Without the protocol's number asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"port {port} on {HOST} cannot be used: {error.strerror}",
            hint="Choose another with --port.",
        ) from error
    return listener
