"""Files in object stores and on other machines, through fsspec: what there is, and fetching it.

    s3://bucket/x --Place--> names of a folder --fetched--> a file in the spool

Whatever a backend raises becomes a reason: it may be any exception of any library.  Which files
are wanted is for the listing to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from esrag.corpus.fetching import Passing, TooSlow, with_tries, within
from esrag.corpus.records import Unreadable
from esrag.corpus.spool import Spool
from esrag.errors import EsragError, UnavailableError, UnsupportedError, UsageError

Result = TypeVar("Result")

LIST_SECONDS = 120.0
FETCH_SECONDS = 300.0
AT_ONCE = 8
_BLOCK = 1024 * 1024
_SMALL = 4 * _BLOCK
_FINAL = (IsADirectoryError, NotADirectoryError, NotImplementedError, ValueError, TypeError)
_NO_CREDENTIALS = ("credential", "accessdenied", "forbidden", "unauthorized", "authentication")


@dataclass(frozen=True, slots=True)
class Found:
    """A name in a remote folder; ``kind`` is folder, file or other, ``size`` -1 when unknown."""

    path: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder at an address: the file system of its protocol, and the path in it."""

    files: Any
    path: str
    uri: str

    @classmethod
    def of(cls, uri: str) -> Place:
        """Raises UnsupportedError when the protocol needs a package that is not installed."""
        protocol = uri.partition("://")[0]
        if "::" in uri:
            raise UsageError(f"{uri}: chained addresses are not read; name the place itself")
        from fsspec.core import url_to_fs

        try:
            files, path = url_to_fs(uri)
        except ImportError as error:
            raise UnsupportedError(
                f"{protocol}:// needs a package that is not installed: {error}",
                hint=f"Install it: pip install {_PACKAGES.get(protocol, 'what is named above')}",
            ) from error
        except ValueError as error:
            raise UsageError(f"{uri} cannot be read: {error}") from error
        except OSError as error:
            if _NO_LIBRARY.search(str(error)):
                raise UnsupportedError(
                    f"{protocol}:// needs libraries that are not on this machine: "
                    f"{_words(error)[:120]}",
                    hint="Install Hadoop's client (libhdfs) and a Java runtime, and set "
                    "HADOOP_HOME and JAVA_HOME",
                ) from error
            raise UnavailableError(f"{uri} cannot be reached: {_words(error)}") from error
        except Exception as error:
            raise UsageError(f"{uri} cannot be read: {_words(error)}") from error
        return cls(files, str(path).rstrip("/") or str(path), uri.rstrip("/"))

    def kind(self) -> str:
        """``folder`` or ``file``, "" when nothing is there; raises Unreadable."""
        try:
            info = self._ask(lambda: self.files.info(self.path))
        except Unreadable as error:
            if error.code == "not_found":
                return ""
            raise
        return "folder" if info["type"] == "directory" else "file"

    def folder(self, path: str) -> list[Found]:
        """What lies in a folder, in any order; raises Unreadable."""

        def look() -> list[Found]:
            names = self.files.ls(path, detail=True)
            self.files.invalidate_cache(path)  # it would hold all that was ever listed
            return [
                Found(str(one["name"]), _KINDS.get(one["type"], "other"), _size(one))
                for one in names
            ]

        return self._ask(look)

    def fetched(self, path: str, spool: Spool, *, max_bytes: int, size: int = -1) -> Path:
        """A file of the spool with the bytes of ``path``; raises Unreadable.

        ``size`` is what a listing said, -1 when it said nothing.
        """
        ending = PurePosixPath(path).suffix

        def fetch() -> Path:
            if 0 < size <= _SMALL and size <= max_bytes:
                # one request; a byte more than was listed shows that the file has grown
                content = self.files.cat_file(path, start=0, end=size + 1)
                if len(content) <= size:
                    return spool.write([content], ending=ending, max_bytes=max_bytes)
            with self.files.open(path, "rb") as file:
                blocks = iter(lambda: file.read(_BLOCK), b"")
                return spool.write(blocks, ending=ending, max_bytes=max_bytes)

        return _explained(fetch)

    def _ask(self, call: Callable[[], Result]) -> Result:
        try:
            return within(LIST_SECONDS, lambda: _explained(call))
        except TooSlow:
            reason = f"{self.uri} did not answer within {LIST_SECONDS:.0f} s"
            raise Unreadable("too_slow", reason, stage="list") from None


def _explained(call: Callable[[], Result]) -> Result:
    """The result of ``call``, tried again when it may help; raises Unreadable."""

    def attempt() -> Result:
        try:
            return call()
        except (Unreadable, EsragError):
            raise
        except FileNotFoundError as error:
            raise Unreadable("not_found", "there is no such file", stage="read") from error
        except PermissionError as error:
            reason = f"access is refused: {_words(error)}"
            raise Unreadable("forbidden", reason, stage="read") from error
        except _FINAL as error:
            raise Unreadable("unreadable", _words(error), stage="read") from error
        except Exception as error:
            name = type(error).__name__.lower()
            if any(sign in name for sign in _NO_CREDENTIALS):
                raise Unreadable("forbidden", _words(error), stage="read") from error
            raise Passing(_words(error)) from error

    try:
        return with_tries(attempt)
    except Passing as error:
        raise Unreadable("unreachable", error.reason, stage="read") from error


def _words(error: BaseException) -> str:
    words = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _size(info: dict[str, Any]) -> int:
    size = info.get("size")
    return int(size) if isinstance(size, int | float) else -1


# pyarrow's words when it finds no libjvm or libhdfs; it raises a plain OSError
_NO_LIBRARY = re.compile(r"^Unable to load lib\w+")
_KINDS = {"file": "file", "directory": "folder"}
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "hdfs": "pyarrow",
    "webdav": "webdav4",
    "hf": "huggingface_hub",
}
