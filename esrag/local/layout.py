"""Where the local stack keeps its things: every path below ``<data_dir>/local`` is named here.

The two folders beside it from which the stack's server may load adapters are named here as well.

    software/   downloads, unpacked programs, compiled plugins; may be shared, can be made again
    data/       what the three members store; only ``reset`` removes it
    config/     Elasticsearch's configuration, written anew at each start
    logs/       one file for each member
    stack.json  which processes run; secrets.json: the password; connection.json: for clients

It knows nothing of processes and touches no file, except to make folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MEMBERS = ("elasticsearch", "mlnode", "tgi")
TITLES = {
    "elasticsearch": "Elasticsearch",
    "mlnode": "ML node process",
    "tgi": "TGI-compatible server",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one stack; ``shared_software`` replaces ``root / "software"``."""

    root: Path
    shared_software: Path | None = None

    @property
    def software(self) -> Path:
        """Downloads and what is made from them."""
        return self.shared_software or self.root / "software"

    @property
    def downloads(self) -> Path:
        """Archives whose checksum agreed."""
        return self.software / "downloads"

    @property
    def config(self) -> Path:
        """Elasticsearch's configuration folder."""
        return self.root / "config"

    @property
    def scratch(self) -> Path:
        """Temporary files of Elasticsearch; also its home folder."""
        return self.root / "tmp"

    @property
    def snapshots(self) -> Path:
        """Where file system snapshots may go."""
        return self.root / "data" / "snapshots"

    @property
    def state_file(self) -> Path:
        """Which processes were started, and where."""
        return self.root / "stack.json"

    @property
    def adapters(self) -> Path:
        """The registered adapters; they are not the stack's, and stay when it is reset."""
        return self.root.parent / "adapters"

    @property
    def runs(self) -> Path:
        """The runs of training, whose adapters may be served without being registered."""
        return self.root.parent / "runs"

    @property
    def secrets_file(self) -> Path:
        """The password of user ``elastic``."""
        return self.root / "secrets.json"

    @property
    def authority(self) -> Path:
        """With TLS: the certificate that clients check the server's against."""
        return self.root / "tls" / "authority.pem"

    @property
    def connection_file(self) -> Path:
        """What clients read (``esrag.settings``); exists while the stack is up."""
        return self.root / "connection.json"

    @property
    def lock_file(self) -> Path:
        """Held by whoever changes the stack."""
        return self.root / "lock"

    def data(self, member: str) -> Path:
        """What ``member`` stores."""
        return self.root / "data" / member

    def log(self, member: str) -> Path:
        """Standard output and standard error of ``member``."""
        return self.root / "logs" / f"{member}.log"
