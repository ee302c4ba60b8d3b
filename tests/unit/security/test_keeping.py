"""Places for a secret: what is there is not lost, and what cannot be used is said beforehand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError

from esrag.cli.connection import connect_with
from esrag.errors import PermissionDeniedError, UnsupportedError, UsageError
from esrag.keeping import Keyring, NewFile, SameFile, read_file, read_keyring
from esrag.settings import load_settings


class Memory(KeyringBackend):
    """A keyring in memory; ``locked`` ones cannot be used."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        """An entry."""
        if self.locked:
            raise NoKeyringError("no recommended backend")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep an entry."""
        self.kept[service, username] = password


@pytest.fixture
def memory() -> Iterator[Memory]:
    """The keyring of this test."""
    before, own = keyring.get_keyring(), Memory()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


def test_a_keyring_entry_is_kept_and_read(memory: Memory) -> None:
    """And not overwritten, unless it is to be replaced."""
    place = Keyring("app")
    place.reserve()
    place.keep("secret")
    assert place.holds("secret")
    assert memory.kept == {("esrag", "app"): "secret"}
    with pytest.raises(UsageError, match="already"):
        Keyring("app").reserve()
    Keyring("app", replace=True).reserve()


def test_a_keyring_that_cannot_be_used_is_told(memory: Memory) -> None:
    """Before a key is made; a file is the other way."""
    memory.locked = True
    with pytest.raises(UnsupportedError) as caught:
        Keyring("app").reserve()
    assert "--out FILE" in caught.value.hint


def test_settings_read_the_key_where_it_is_kept(memory: Memory, tmp_path: Path) -> None:
    """From the file or the entry that they name; without one, said so."""
    (tmp_path / "app.key").write_text("ZmlsZQ==\n")
    memory.set_password("esrag", "app", "a2V5cmluZw==")
    for given, expected in (
        ({"api_key_file": tmp_path / "app.key"}, "ZmlsZQ=="),
        ({"api_key_keyring": "app"}, "a2V5cmluZw=="),
    ):
        with connect_with(load_settings(elasticsearch=given)) as client:
            assert client._headers["authorization"] == f"ApiKey {expected}"
    with pytest.raises(PermissionDeniedError):
        connect_with(load_settings(elasticsearch={"api_key_keyring": "other"}))
    assert read_keyring("other") is None


def test_two_keys_at_once_are_refused(tmp_path: Path) -> None:
    """It could not be said which one is meant."""
    both = {"api_key": "x", "api_key_file": tmp_path / "app.key"}
    with pytest.raises(UsageError, match="give one"):
        load_settings(elasticsearch=both)


@pytest.mark.parametrize("content", ["", "two words\n", "\n\n"])
def test_a_file_without_one_key_is_refused(tmp_path: Path, content: str) -> None:
    """Empty, or holding something else."""
    (tmp_path / "key").write_text(content)
    with pytest.raises(UsageError, match="does not hold one"):
        read_file(tmp_path / "key")


def test_a_folder_that_is_not_there_is_told_beforehand(tmp_path: Path) -> None:
    """For a new file as for one to be replaced."""
    for place in (NewFile(tmp_path / "no" / "key"), SameFile(tmp_path / "no" / "key")):
        with pytest.raises(UsageError):
            place.reserve()


def test_through_a_link_the_file_behind_it_is_replaced(tmp_path: Path) -> None:
    """The link stays a link."""
    (tmp_path / "real").write_text("old\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    place = SameFile(tmp_path / "link")
    place.reserve()
    place.keep("new")
    assert (tmp_path / "link").is_symlink()
    assert read_file(tmp_path / "real") == "new"


def test_a_new_file_is_no_link_of_somebody_else(tmp_path: Path) -> None:
    """A link laid out beforehand does not lead the secret away."""
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        NewFile(tmp_path / "key").reserve()
    assert not (tmp_path / "elsewhere").exists()


def test_the_secret_is_never_readable_for_others(tmp_path: Path) -> None:
    """Whatever mask the account has."""
    before = os.umask(0)
    try:
        place = NewFile(tmp_path / "key")
        place.reserve()
        assert (tmp_path / "key").stat().st_mode & 0o077 == 0
        place.keep("secret")
        assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    finally:
        os.umask(before)


def test_a_reservation_can_be_undone(tmp_path: Path) -> None:
    """Nothing stays of either kind."""
    (tmp_path / "old").write_text("old\n")
    for place in (NewFile(tmp_path / "new"), SameFile(tmp_path / "old")):
        place.reserve()
        place.release()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
