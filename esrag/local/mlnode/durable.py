"""Writing files so that a crash at any moment leaves the old content or the new, never half.

Temporary files live in one staging folder on the same file system, so that what a crash left
behind can be swept away at the next start without guessing at names.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path


class Staging:
    """The folder in which files and folders are prepared before they take their place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def fresh_path(self) -> Path:
        """A path inside the staging folder that nothing uses yet."""
        return self._folder / uuid.uuid4().hex

    def write(self, path: Path, data: bytes) -> None:
        """Replace the content of ``path``; when this returns the data is on the disk."""
        temporary = self.fresh_path()
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a whole folder: it is gone at once, or still there entirely."""
        doomed = self.fresh_path()
        path.rename(doomed)
        sync_folder(path.parent)
        if doomed.is_dir():
            shutil.rmtree(doomed)
        else:
            doomed.unlink()


def sync_folder(folder: Path) -> None:
    """Put the folder's own entries (a rename, say) on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
