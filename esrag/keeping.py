"""Where the secret of an API key is kept: a file that only its owner reads, or the keyring.

    place.reserve()   proves that the secret can be kept, before a key is made
    place.keep()      keeps it, in one step
    place.release()   undoes reserve when no key came of it

A file holds the encoded key and a line end, as ``elasticsearch.api_key_file`` reads it.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from esrag.errors import UnsupportedError, UsageError

KEYRING_SERVICE = "esrag"


class Place(Protocol):
    """Something that can keep one secret."""

    def describe(self) -> dict[str, str]:
        """For a report: what kind of place, and which."""

    def reserve(self) -> None:
        """Make sure that keeping will work."""

    def keep(self, secret: str) -> None:
        """Keep the secret."""

    def holds(self, secret: str) -> bool:
        """Whether this secret is what is kept."""

    def release(self) -> None:
        """Forget the reservation; what was kept before stays."""


class NewFile:
    """A file that is not there yet; an existing one is never overwritten."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def describe(self) -> dict[str, str]:
        """The file."""
        return {"file": str(self.path)}

    def reserve(self) -> None:
        """Create the file, empty, readable for its owner alone."""
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise UsageError(
                f"{self.path} is there already",
                hint="Name another file; to replace the key in it: esrag keys rotate --out FILE",
            ) from error
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}") from error

    def keep(self, secret: str) -> None:
        """Write the secret into the reserved file."""
        _write(self.path, secret)

    def holds(self, secret: str) -> bool:
        """Whether the file holds this secret."""
        return _holds(self.path, secret)

    def release(self) -> None:
        """Remove the file again."""
        self.path.unlink(missing_ok=True)


class SameFile:
    """A file whose secret is replaced in one step: a reader finds the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()  # through a link, the file behind it is replaced
        self._new: Path | None = None

    def describe(self) -> dict[str, str]:
        """The file."""
        return {"file": str(self.path)}

    def reserve(self) -> None:
        """Create the new file beside the old one, with the same owner and mode."""
        try:
            facts = self.path.stat()
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be replaced: {error.strerror}") from error
        self._new = Path(name)
        try:
            if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(handle, facts.st_uid, facts.st_gid)
            os.fchmod(handle, facts.st_mode & 0o777)
        except OSError as error:
            self.release()
            raise UsageError(
                f"{self.path} belongs to another account and cannot be replaced: {error.strerror}"
            ) from error
        finally:
            os.close(handle)

    def keep(self, secret: str) -> None:
        """Write the new file and let it take the name of the old one."""
        if self._new is None:
            raise RuntimeError("reserve() comes first")
        _write(self._new, secret)
        self._new.replace(self.path)
        self._new = None

    def holds(self, secret: str) -> bool:
        """Whether the file holds this secret."""
        return _holds(self.path, secret)

    def release(self) -> None:
        """Remove the new file; the old one is untouched."""
        if self._new is not None:
            self._new.unlink(missing_ok=True)
            self._new = None


class Keyring:
    """An entry of this account's keyring, under the service ``esrag``."""

    def __init__(self, entry: str, *, replace: bool = False) -> None:
        self.entry = entry
        self._replace = replace

    def describe(self) -> dict[str, str]:
        """The entry."""
        return {"keyring": self.entry}

    def reserve(self) -> None:
        """Ask the keyring, which may have to be unlocked; an entry is not overwritten."""
        if read_keyring(self.entry) is not None and not self._replace:
            raise UsageError(
                f"the keyring has an entry {self.entry} already",
                hint=f"To replace the key in it: esrag keys rotate --keyring {self.entry}",
            )

    def keep(self, secret: str) -> None:
        """Put the secret into the keyring."""
        keyring = _keyring()
        try:
            keyring.set_password(KEYRING_SERVICE, self.entry, secret)
        except keyring.errors.KeyringError as error:
            raise UnsupportedError(f"the keyring does not keep {self.entry}: {error}") from error

    def holds(self, secret: str) -> bool:
        """Whether the entry holds this secret."""
        return read_keyring(self.entry) == secret

    def release(self) -> None:
        """Nothing was reserved."""


def read_file(path: Path) -> str:
    """The secret in a file."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"the key file {path} cannot be read: {words}") from error
    if not secret or any(character.isspace() for character in secret):
        raise UsageError(f"the key file {path} does not hold one encoded API key")
    return secret


def read_keyring(entry: str) -> str | None:
    """The secret of a keyring entry, if there is one."""
    keyring = _keyring()
    try:
        found = keyring.get_password(KEYRING_SERVICE, entry)
    except keyring.errors.KeyringError as error:
        raise UnsupportedError(
            f"the keyring cannot be used: {error}",
            hint="On a machine without one keep the key in a file: --out FILE",
        ) from error
    return None if found is None else str(found)


def _write(path: Path, secret: str) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _holds(path: Path, secret: str) -> bool:
    try:
        return path.read_text(encoding="utf-8").strip() == secret
    except OSError:
        return False


def _keyring() -> Any:
    with suppress(ImportError):
        import keyring
        import keyring.errors

        return keyring
    raise UnsupportedError(
        "the package keyring is not installed",
        hint="pip install 'esrag[keyring]', or keep the key in a file: --out FILE",
    )
