"""zip, tar and compressed files: members are read one after the other, and nothing is unpacked.

A member's name is taken as a name, never as a path on this machine; links and devices are no
text.  ``reading`` reads each member by its own format, within limits of number, size, ratio and
nesting, so this module only opens.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, cast

from esrag.corpus.formats.contents import MEMBER, Content, Excluded, Failure, Found, Member
from esrag.corpus.limits import RATIO_FROM_BYTES, size
from esrag.corpus.listing.rules import HIDDEN
from esrag.corpus.options import ReadingOptions
from esrag.corpus.origins import printable_name
from esrag.corpus.records import Unreadable

_ENCRYPTED = 1
_TAIL_BYTES = 66_000  # a zip file's comment has up to 65,535 bytes
_DIRECTORY_BYTES = 64 * 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_APPLE = "__MACOSX/"
_KINDS = {
    tarfile.LNKTYPE: ("link", "a hard link to {}"),
    tarfile.SYMTYPE: ("link", "a link to {}"),
    tarfile.CHRTYPE: ("not_a_file", "a device"),
    tarfile.BLKTYPE: ("not_a_file", "a device"),
    tarfile.FIFOTYPE: ("not_a_file", "a pipe"),
}
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def parse(content: Content, options: ReadingOptions) -> Iterator[Found]:
    """The members, in the order of the archive."""
    del options
    if content.form is not None and content.form.name == "zip":
        return _zip(content)
    if content.form is not None and content.form.name.startswith("tar"):
        return _tar(content)
    return _compressed(content)


def _zip(content: Content) -> Iterator[Found]:
    content.hold()
    _refuse_crowd(content)
    try:
        archive = zipfile.ZipFile(content.file)
    except _DAMAGE as error:
        raise Unreadable("broken", f"no zip archive that can be read: {error}") from error
    names = _Names(content.name)
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            refused = names.refused(info.filename)
            if refused is not None:
                yield refused
                continue
            name = names.of(info.filename)
            mode = info.external_attr >> 16
            if mode & 0o170000 == 0o120000:
                yield Failure(name, Unreadable("link", "a link"), names.place(info.filename))
            elif info.flag_bits & _ENCRYPTED:
                locked = Unreadable("encrypted", "the member is encrypted")
                yield Failure(name, locked, names.place(info.filename))
            else:
                try:
                    file = archive.open(info)
                except _DAMAGE as error:
                    yield Failure(name, _damaged(error), names.place(info.filename))
                    continue
                with file:
                    yield Member(name, file, info.file_size)


def _refuse_crowd(content: Content) -> None:
    """Look at the end of the file: zipfile would hold a directory of millions in memory."""
    content.file.seek(0, 2)
    length = content.file.tell()
    content.file.seek(max(0, length - _TAIL_BYTES))
    tail = content.file.read(_TAIL_BYTES)
    content.file.seek(0)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return  # zipfile says that better
    count, directory = struct.unpack_from("<HL", tail, end + 10)
    large = tail.rfind(b"PK\x06\x06")
    if count == 0xFFFF and large >= 0 and len(tail) >= large + 48:
        count, directory = struct.unpack_from("<QQ", tail, large + 32)
    if count > content.limits.members or directory > _DIRECTORY_BYTES:
        most = content.limits.members
        raise Unreadable("too_many_members", f"{count:,} members; the limit is {most:,}")


def _tar(content: Content) -> Iterator[Found]:
    names = _Names(content.name)
    count = unpacked = 0
    try:
        with tarfile.open(fileobj=_unpacked(content), mode="r|") as archive:
            while (info := archive.next()) is not None:
                count, unpacked = count + 1, unpacked + info.size
                # tarfile remembers every member, and a million of them add up.
                archive.members = []  # type: ignore[attr-defined]
                _refuse_bomb(content, unpacked)
                if not info.isdir():
                    yield _tar_member(archive, info, names)
    except _DAMAGE as error:
        if isinstance(error, Unreadable):
            raise
        reason = f"damaged after {count} members: {_words(error)}"
        raise Unreadable("broken", reason) from error


def _refuse_bomb(content: Content, unpacked: int) -> None:
    """A tar is a stream: what is skipped has to be unpacked as well, so all sizes count."""
    limits = content.limits
    most = limits.inflated_bytes
    if content.size is not None:
        most = min(most, RATIO_FROM_BYTES + limits.inflation_ratio * content.size)
    if unpacked > most:
        raise Unreadable("inflates_too_much", f"its members are more than {size(most)} unpacked")


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, names: _Names) -> Found:
    refused = names.refused(info.name)
    if refused is not None:
        return refused
    name, place = names.of(info.name), names.place(info.name)
    if info.type in _KINDS:
        code, words = _KINDS[info.type]
        return Failure(name, Unreadable(code, words.format(printable_name(info.linkname))), place)
    file = archive.extractfile(info)
    if file is None:
        return Failure(name, Unreadable("unsupported", "an unknown kind of member"), place)
    return Member(name, file, info.size)


def _compressed(content: Content) -> Iterator[Found]:
    """One compressed file: it keeps its own name, and is read by the ending before ``.gz``."""
    inner = PurePosixPath(content.typed_name).stem
    try:
        yield Member(content.name, _unpacked(content), None, inner=inner)
    except _DAMAGE as error:
        raise _damaged(error) from error


def _unpacked(content: Content) -> IO[bytes]:
    """The bytes of a file that is compressed, or as they are."""
    head = content.head(6)
    if head[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=content.file, mode="rb"))
    if head[:3] == b"BZh":
        return cast(IO[bytes], bz2.BZ2File(content.file))
    if head == b"\xfd7zXZ\0":
        return cast(IO[bytes], lzma.LZMAFile(content.file))
    return content.file


class _Names:
    """The names of an archive's members: which can be used, and which came before."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._seen: set[int] = set()

    def of(self, name: str) -> str:
        """The document id of a member."""
        return f"{self._archive}{MEMBER}{_relative(name)}"

    def place(self, name: str) -> str:
        """Where it is, for a person."""
        return _relative(name)

    def refused(self, name: str) -> Found | None:
        """Why a member of this name is not read; None when it is."""
        path, place = PurePosixPath(name.replace("\\", "/")), self.place(name)
        unsafe = ""
        if path.is_absolute() or (len(name) > 1 and name[1] == ":"):
            unsafe = "an absolute path"
        elif ".." in path.parts:
            unsafe = "a path that leads out of the archive"
        elif any(character in name for character in "\0\n\r"):
            unsafe = "a name of more than one line"
        if unsafe:
            return Failure(self.of(name), Unreadable("unsafe_name", unsafe), place)
        if name.startswith(_APPLE) or any(part.startswith(".") for part in path.parts):
            return Excluded(self.of(name), HIDDEN)
        key = hash(str(path))
        if key in self._seen:
            twice = Unreadable("duplicate_name", "a member before it has the same name")
            return Failure(self.of(name), twice, place)
        self._seen.add(key)
        return None


def _relative(name: str) -> str:
    path = printable_name(name.replace("\\", "/").removeprefix("./"))
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", path)


def _damaged(error: Exception) -> Unreadable:
    return Unreadable("broken", f"damaged: {_words(error)}")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:150] or type(error).__name__
