"""Bad archives and compressed files: bombs, links, names that climb, members that lie."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from bad_case import CUT, SKIPPED, Bad
from valid_files import pdf, tarred, zipped

_TEXT = b"Some words."
_MIB = 1024 * 1024
_END = struct.Struct("<4s4H2LH")


def zips() -> list[Bad]:
    """zip."""
    fine = {"fine.txt": _TEXT}
    return [
        Bad("empty.zip", b"", ("empty",), "no bytes"),
        Bad("nothing.zip", zipped({}), ("empty",), "no members"),
        Bad("garbage.zip", b"PK\x03\x04" + b"garbage" * 90, ("broken",), "a head and nothing else"),
        Bad("cut-off.zip", zipped(fine)[:-30], ("broken",), "without its directory"),
        Bad("climbs.zip", zipped({"../up.txt": _TEXT, **fine}), (CUT, "unsafe_name"), "../"),
        Bad("climbs-deep.zip", zipped({"a/../../b/../up.txt": _TEXT}), ("unsafe_name",), "a/../.."),
        Bad(
            "absolute.zip", zipped({"/etc/cron.d/x.txt": _TEXT}), ("unsafe_name",), "from the root"
        ),
        Bad(
            "windows.zip",
            zipped({"..\\up.txt": _TEXT, "C:\\x.txt": _TEXT}),
            ("unsafe_name",),
            "climbs with backslashes, and a drive",
        ),
        Bad(
            "names.zip",
            zipped({"a\nb.txt": _TEXT, "\x1b[31m.txt": _TEXT}),
            (CUT, "unsafe_name"),
            "a line end and an escape in names",
        ),
        Bad(
            "long-name.zip", zipped({"n" * 2000 + ".txt": _TEXT}), ("id_too_long",), "2,000 letters"
        ),
        Bad("twice.zip", _twice(), (CUT, "duplicate_name"), "two members of one name"),
        Bad(
            "hidden.zip",
            zipped({".git/x.txt": _TEXT, "__MACOSX/x.txt": _TEXT}),
            (SKIPPED,),
            "hidden members",
        ),
        Bad(
            "unknown.zip", zipped({"a.exe": _TEXT, **fine}), (CUT, SKIPPED), "a member of no format"
        ),
        Bad("link.zip", _zip_link(), (CUT, "link"), "a member that is a link to /etc/passwd"),
        Bad("locked.zip", _locked(), ("encrypted",), "an encrypted member"),
        Bad("locked-flag.zip", _locked(lie=True), ("encrypted",), "says that it is encrypted"),
        Bad("method.zip", _patched(zipped(fine), 8, 99), ("broken",), "compressed by method 99"),
        Bad("checksum.zip", _wrong_checksum(), ("broken",), "the checksum is wrong"),
        Bad("nested.zip", _nested(8), (CUT, "nested_archives"), "eight deep"),
        Bad("nested-wide.zip", _nested(5, wide=4), (CUT, "nested_archives"), "42-style: 4**5"),
        Bad("bomb.zip", zipped({"bomb.txt": bytes(30 * _MIB)}), ("too_large",), "30 MiB of NUL"),
        Bad("bomb-many.zip", _bombs(), ("inflates_too_much", "nul_byte"), "6 times 18 MiB of NUL"),
        Bad("bomb-lies.zip", _lies(), ("broken",), "says that it holds ten bytes"),
        Bad(
            "overlap.zip",
            _overlapping(),
            ("duplicate_name", "nul_byte"),
            "all share the same bytes",
        ),
        Bad("crowd.zip", _crowd, ("too_many_members",), "110,000 members"),
        Bad("crowd-says.zip", _crowd_by_word(), ("too_many_members",), "says it has 4 billion"),
        Bad(
            "directory.zip",
            zipped({"a/": b"", "a/b.txt": _TEXT, "a/b.txt/": b""}),
            (CUT,),
            "a file and a folder of one name",
        ),
        Bad(
            "pdf-inside.zip",
            zipped({"a.pdf": pdf(1), "b.pdf": b"%PDF-1.4 cut"}),
            (CUT, "broken"),
            "one good PDF, one bad",
        ),
        Bad("is-a-tar.zip", tarred(fine), ("wrong_type",), "a tar by content"),
    ]


def tars() -> list[Bad]:
    """tar, and what is compressed."""
    fine = {"fine.txt": _TEXT}
    return [
        Bad("empty.tar", b"", ("empty",), "no bytes"),
        Bad("nothing.tar", tarred({}), ("empty",), "no members"),
        Bad("cut-off.tar", tarred({"a.txt": _TEXT * 900})[:4000], ("broken",), "ends in a member"),
        Bad("garbage.tar", b"garbage" * 900, ("broken",), "no tar at all"),
        Bad(
            "links.tar",
            _special(),
            (CUT, "link", "not_a_file"),
            "links, a device, a pipe, and a write through a link: nothing is written",
        ),
        Bad(
            "climbs.tar",
            tarred({"../../up.txt": _TEXT, "/abs.txt": _TEXT, **fine}),
            (CUT, "unsafe_name"),
            "../ and from the root",
        ),
        Bad(
            "names.tar",
            tarred({"a\nb.txt": _TEXT, "\x1b]0;x\x07.txt": _TEXT}),
            (CUT, "unsafe_name"),
            "a line end and an escape in names",
        ),
        Bad("not-utf8.tar", _tar_name(b"caf\xe9.txt"), (CUT,), "a name in Latin-1"),
        Bad("size.tar", _tar_size(1 << 40), ("inflates_too_much",), "a member of 1 TiB"),
        Bad("negative.tar", _tar_size(-5), ("empty",), "a member of -5 bytes"),
        Bad("sparse.tar", _tar_size(10, kind=b"S"), ("empty",), "an old sparse member"),
        Bad(
            "crowd.tar.gz",
            _tar_crowd,
            ("broken", "duplicate_name", "empty"),
            "150,000 members of one name",
        ),
        Bad("bomb.tar.gz", _tar_bomb, ("inflates_too_much",), "100 MiB of NUL"),
        Bad("bomb.txt.gz", gzip.compress(bytes(30 * _MIB), 1), ("too_large",), "30 MiB of NUL"),
        Bad("bomb.txt.bz2", bz2.compress(bytes(25 * _MIB), 1), ("too_large",), "25 MiB of NUL"),
        Bad("bomb.txt.xz", lzma.compress(bytes(25 * _MIB), preset=0), ("too_large",), "the same"),
        Bad(
            "memory.txt.xz",
            _hungry(),
            ("parser_limit",),
            "asks for a dictionary of 3 GiB: not given",
        ),
        Bad("cut-off.txt.gz", gzip.compress(_TEXT * 900)[:-12], ("broken",), "ends too early"),
        Bad("checksum.md.gz", gzip.compress(_TEXT)[:-8] + b"12345678", ("broken",), "a lie"),
        Bad("twice.md.gz.gz", gzip.compress(gzip.compress(_TEXT)), (CUT,), "compressed twice"),
        Bad("many-times.txt" + ".gz" * 20, _many_times(20), ("nested_archives",), "20 times"),
        Bad("no-ending.gz", gzip.compress(_TEXT), ("unknown_type",), "of no type that it names"),
        Bad("is-text.txt.gz", _TEXT, ("wrong_type",), "not compressed at all"),
        Bad("rest.txt.gz", gzip.compress(_TEXT) + b"rest" * 50, ("broken",), "garbage behind it"),
    ]


def _twice() -> bytes:
    once = zipped({"a.txt": _TEXT, "b.txt": b"Other words."})
    return once.replace(b"b.txt", b"a.txt")


def _zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("fine.txt", _TEXT)
    return buffer.getvalue()


def _patched(archive: bytes, at: int, value: int) -> bytes:
    """One number of the first member changed, in its header and in the directory."""
    changed = bytearray(archive)
    struct.pack_into("<H", changed, at, value)
    struct.pack_into("<H", changed, changed.index(b"PK\x01\x02") + at + 2, value)
    return bytes(changed)


def _locked(*, lie: bool = False) -> bytes:
    content = _TEXT if lie else bytes(range(60))
    return _patched(zipped({"secret.txt": content}, stored=("secret.txt",)), 6, 1)


def _wrong_checksum() -> bytes:
    content = b"Some words that were changed later on."
    return zipped({"a.txt": content}, stored=("a.txt",)).replace(b"changed", b"altered")


def _nested(depth: int, *, wide: int = 1) -> bytes:
    content = zipped({"deep.txt": _TEXT})
    for level in range(depth):
        members = {f"{level}-{n}.zip": content for n in range(wide)}
        content = zipped({**members, "here.txt": _TEXT})
    return content


def _bombs() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for n in range(6):
            archive.writestr(f"{n}.txt", bytes(18 * _MIB))
    return buffer.getvalue()


def _lies() -> bytes:
    content = bytes(30 * _MIB)
    return zipped({"a.txt": content}).replace(
        struct.pack("<L", len(content)), struct.pack("<L", 10)
    )


def _overlapping() -> bytes:
    """A directory of 500 entries that all point to the one member."""
    once = zipped({"a.txt": bytes(_MIB)})
    start = once.index(b"PK\x01\x02")
    entry = once[start : once.index(b"PK\x05\x06")]
    end = _END.pack(b"PK\x05\x06", 0, 0, 500, 500, 500 * len(entry), start, 0)
    return once[:start] + entry * 500 + end


def _crowd(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(110_000):
            archive.writestr(zipfile.ZipInfo(f"{n}.txt"), b"")


def _crowd_by_word() -> bytes:
    large = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 32, 1 << 32, 46, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 46, 1)
    end = _END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return b"PK\x03\x04" + bytes(42) + large + locator + end


def _special() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in (
            ("way.txt", tarfile.SYMTYPE, "/tmp"),
            ("hard.txt", tarfile.LNKTYPE, "/etc/passwd"),
            ("device.txt", tarfile.CHRTYPE, ""),
            ("pipe.txt", tarfile.FIFOTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        through = tarfile.TarInfo("way.txt/esrag-was-here.txt")
        through.size = len(_TEXT)
        archive.addfile(through, io.BytesIO(_TEXT))
    return buffer.getvalue()


def _tar_name(name: bytes) -> bytes:
    return _reckoned(tarred({"x" * len(name): _TEXT}, "w").replace(b"x" * len(name), name))


def _tar_size(size: int, *, kind: bytes = b"0") -> bytes:
    archive = bytearray(tarred({"a.txt": _TEXT}))
    archive[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
    archive[156:157] = kind
    return _reckoned(bytes(archive))


def _reckoned(archive: bytes) -> bytes:
    """With the checksum of its first header put right."""
    head = bytearray(archive[:512])
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + archive[512:]


def _tar_crowd(path: Path) -> None:
    one = tarred({"a.txt": b""})[:512]
    with gzip.open(path, "wb", 1) as file:
        for _ in range(150):
            file.write(one * 1000)
        file.write(bytes(1024))


def _tar_bomb(path: Path) -> None:
    with tarfile.open(path, "w:gz", compresslevel=9) as archive:
        info = tarfile.TarInfo("bomb.txt")
        info.size = 100 * _MIB
        archive.addfile(info, _Zeros())  # type: ignore[arg-type]


class _Zeros:
    def read(self, size: int) -> bytes:
        return bytes(size)


def _hungry() -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    plain = bytearray(lzma.compress(_TEXT, format=lzma.FORMAT_XZ, filters=filters))
    at = 12  # the block header: its size, flags, id of the filter, size of properties, dictionary
    plain[at + 4] = 39  # 3 GiB
    length = (plain[at] + 1) * 4
    struct.pack_into("<L", plain, at + length - 4, zlib.crc32(bytes(plain[at : at + length - 4])))
    return bytes(plain)


def _many_times(count: int) -> bytes:
    content = _TEXT
    for _ in range(count):
        content = gzip.compress(content)
    return content
