"""What this machine has to offer: memory, disk, and an account that Elasticsearch may run under.

Elasticsearch refuses to run as root.  As root we give it a numeric user id that no account
has, so that nothing needs to be installed and no other program shares it.
"""

from __future__ import annotations

import os
import pwd
import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from esrag.errors import UnsupportedError, UsageError

GIB = 1024**3
_CGROUP = Path("/sys/fs/cgroup")
_FIRST_USER_ID = 60_929  # unassigned in the usual tables of user id ranges


def available_memory() -> int:
    """Bytes that new processes may take: the machine's, or the container's if that is less."""
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        statistics = (_CGROUP / "memory.stat").read_text(encoding="ascii").split()
        reclaimable = int(statistics[statistics.index("inactive_file") + 1])
        free = min(free, limit - used + reclaimable)
    return free


def available_disk(folder: Path) -> int:
    """Bytes free where ``folder`` is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_memory(needed: int, free: int) -> None:
    """Raise UnsupportedError, with both figures, when there is too little memory."""
    if free < needed:
        raise UnsupportedError(
            f"the local stack needs {needed / GIB:.1f} GiB of free memory,"
            f" this machine has {free / GIB:.1f} GiB",
            hint="End other programs, lower local.heap (at least 512m), or use --force.",
        )


def check_disk(folder: Path, needed: int, free: int) -> None:
    """Raise UnsupportedError, with both figures, when there is too little disk."""
    if free < needed:
        raise UnsupportedError(
            f"the local stack needs {needed / GIB:.1f} GiB of free disk at {folder},"
            f" there is {free / GIB:.1f} GiB",
            hint="Free some, or choose another folder with ESRAG_DATA_DIR.",
        )


def service_user() -> int | None:
    """The user id to run Elasticsearch as; None means our own, which is not root's."""
    if os.geteuid() != 0:
        return None
    user = _FIRST_USER_ID
    while _has_account(user):
        user += 1
    return user


def closed_folder(path: Path) -> Path | None:
    """The uppermost folder on the way to ``path`` that other users may not enter, if any."""
    for folder in [*reversed(path.parents), path]:
        if folder.is_dir() and not folder.stat().st_mode & 0o001:
            return folder
    return None


def check_reachable(path: Path, *, user: int | None) -> None:
    """Raise UsageError when the account that Elasticsearch runs under cannot enter ``path``."""
    closed = closed_folder(path) if user is not None else None
    if closed is not None:
        raise UsageError(
            f"Elasticsearch cannot run in {path}: it must not run as root, and other users"
            f" may not enter {closed}",
            hint="Choose another folder with ESRAG_DATA_DIR, for example /var/lib/esrag.",
        )


def give_to(user: int | None, *folders: Path) -> None:
    """Make the folders, closed to others, and hand them and their content to ``user``."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if user is None or folder.stat().st_uid == user:
            continue
        for parent, folder_names, file_names in os.walk(folder):
            for name in (*folder_names, *file_names):
                os.chown(Path(parent, name), user, user, follow_symlinks=False)
        os.chown(folder, user, user)  # last: an interrupted run is then done again


def _has_account(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True
