"""Downloads are verified, repaired and unpacked as a whole or not at all."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from esrag.errors import UnavailableError
from esrag.local import distribution
from esrag.local.distribution import Artifact
from esrag.local.progress import Reporter, Silent

CONTENT = b"the real thing"
ARTIFACT = Artifact("org.example", "thing", "1.0", "zip", hashlib.sha256(CONTENT).hexdigest())


class Server:
    """Plays the repository: gives one answer after the other and counts the requests."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.requests = 0

    def __call__(self, artifact: Artifact, folder: Path, reporter: Reporter) -> Path:
        """Write the next answer into ``folder``, or raise it."""
        self.requests += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        file = folder / artifact.file_name
        file.write_bytes(answer)
        return file


def fetch(tmp_path: Path, server: Server, artifact: Artifact = ARTIFACT) -> Path:
    """Fetch into ``tmp_path`` from ``server`` without waiting between the attempts."""
    return distribution.fetch(
        artifact,
        tmp_path / "downloads",
        Silent(),
        repository=tmp_path / "repository",
        download=server,
        pause=0,
    )


def test_a_download_is_kept(tmp_path: Path) -> None:
    """The second call asks nobody."""
    server = Server(CONTENT)
    first = fetch(tmp_path, server)
    assert (fetch(tmp_path, server), first.read_bytes(), server.requests) == (first, CONTENT, 1)


def test_a_copy_in_the_maven_repository_is_used_where_it_lies(tmp_path: Path) -> None:
    """What another tool has downloaded is not downloaded again."""
    copy = tmp_path / "repository" / "org/example/thing/1.0/thing-1.0.zip"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT)
    assert fetch(tmp_path, Server()) == copy


def test_a_cut_download_is_repeated(tmp_path: Path) -> None:
    """What does not have the pinned checksum is thrown away."""
    server = Server(CONTENT[:5], CONTENT)
    assert fetch(tmp_path, server).read_bytes() == CONTENT


def test_a_spoiled_earlier_download_is_replaced(tmp_path: Path) -> None:
    """A file of the right name is not trusted for its name."""
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "thing-1.0.zip").write_bytes(b"half")
    assert fetch(tmp_path, Server(CONTENT)).read_bytes() == CONTENT


def test_a_lost_connection_is_tried_again(tmp_path: Path) -> None:
    """One failure does not end the command."""
    server = Server(OSError("reset"), CONTENT)
    assert fetch(tmp_path, server).read_bytes() == CONTENT


def test_without_a_network_the_message_says_where_to_put_the_file(tmp_path: Path) -> None:
    """The hint holds the file's address, checksum and place."""
    server = Server(*[OSError("no route to host")] * 3)
    with pytest.raises(UnavailableError, match="no route to host") as caught:
        fetch(tmp_path, server)
    place = tmp_path / "downloads" / "thing-1.0.zip"
    for part in (ARTIFACT.repository_path, ARTIFACT.sha256, str(place)):
        assert part in caught.value.hint


def test_a_wrong_checksum_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file that is never right is named as such and removed."""
    wrong = replace(ARTIFACT, sha256="0" * 64)
    with pytest.raises(UnavailableError, match="not the pinned one"):
        fetch(tmp_path, Server(*[CONTENT] * 3), wrong)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_the_innermost_reason_is_told(tmp_path: Path) -> None:
    """Errors that wrap others are unwrapped."""
    nested = OSError(OSError(ConnectionRefusedError("connection refused")))
    with pytest.raises(UnavailableError) as caught:
        fetch(tmp_path, Server(*[nested] * 3))
    assert caught.value.message.endswith("Central: connection refused")


def make_archive(path: Path) -> Path:
    """An archive with a top folder, a program and a text."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode in (("top/bin/run", 0o755), ("top/text", 0o600)):
            item = zipfile.ZipInfo(name)
            item.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(item, name)
    return path


def test_unpacking_keeps_programs_executable_and_all_readable(tmp_path: Path) -> None:
    """Elasticsearch runs under another account and must be able to read its home."""
    distribution.unpack(make_archive(tmp_path / "a.zip"), tmp_path / "home")
    modes = {
        name: stat.S_IMODE((tmp_path / "home" / name).stat().st_mode)
        for name in ("", "bin/run", "text")
    }
    assert modes == {"": 0o755, "bin/run": 0o755, "text": 0o644}


def test_a_broken_archive_leaves_no_home(tmp_path: Path) -> None:
    """The folder appears whole or not at all."""
    archive = make_archive(tmp_path / "a.zip")
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(zipfile.BadZipFile):
        distribution.unpack(archive, tmp_path / "homes" / "home")
    assert list((tmp_path / "homes").iterdir()) == []
