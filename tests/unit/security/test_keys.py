"""Keys: tried before they are trusted, kept where nobody else reads, replaced in one step."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from key_server import KeyServer

from esrag import keys
from esrag.errors import (
    ConflictError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)
from esrag.keeping import NewFile, SameFile, read_file
from esrag.testing_elasticsearch import ElasticsearchFake

FILTER = {"term": {"metadata.tenant": "acme"}}


class FullDisk(NewFile):
    """A file that cannot take the secret."""

    def keep(self, secret: str) -> None:
        """Fail as a full disk does."""
        raise OSError(28, "No space left on device")


class Stopped(SameFile):
    """A file whose writer is stopped right after the last step."""

    def keep(self, secret: str) -> None:
        """Keep the secret, and be stopped."""
        super().keep(secret)
        raise KeyboardInterrupt


def make(server: KeyServer, path: Path, **more: Any) -> keys.Made:
    """A key for questions, kept in a new file."""
    place = more.pop("place", NewFile(path))
    client = ElasticsearchFake(server).client()
    return keys.create(client, "app", "hr", expires="90d", place=place, **more)


def turn(server: KeyServer, path: Path, **more: Any) -> keys.Made:
    """Replace the key in a file."""
    settings: dict[str, Any] = {"expires": None, "grace_seconds": 0, "place": SameFile(path)}
    client = ElasticsearchFake(server).client()
    return keys.rotate(client, keys.id_of(read_file(path)), **settings | more)


def test_a_new_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, one line, and the id in it is that of the key."""
    made = make(KeyServer(), tmp_path / "app.key")
    assert stat.S_IMODE((tmp_path / "app.key").stat().st_mode) == 0o600
    assert keys.id_of(read_file(tmp_path / "app.key")) == made.id
    assert (made.name, made.set, made.kept) == (
        "esrag-app-hr",
        "hr",
        {"file": str(tmp_path / "app.key")},
    )


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    """Refused before any key is made."""
    server = KeyServer()
    (tmp_path / "app.key").write_text("mine")
    with pytest.raises(UsageError):
        make(server, tmp_path / "app.key")
    assert (tmp_path / "app.key").read_text() == "mine"
    assert server.keys == {}


def test_a_key_weaker_than_its_role_is_deleted(tmp_path: Path) -> None:
    """The message names what is missing and whose rights to raise."""
    server = KeyServer(lacking=frozenset({"indices:data/read/msearch"}))
    with pytest.raises(PermissionDeniedError) as caught:
        make(server, tmp_path / "app.key")
    assert "indices:data/read/msearch on esrag-docs-hr" in caught.value.message
    assert "sam" in caught.value.message
    assert server.live == []
    assert not (tmp_path / "app.key").exists()


def test_a_key_makes_no_keys(tmp_path: Path) -> None:
    """The server would make a key without any rights."""
    server = KeyServer(by_key=True)
    with pytest.raises(PermissionDeniedError, match="cannot make keys"):
        make(server, tmp_path / "app.key")
    assert server.keys == {}


def test_a_filter_that_the_licence_does_not_enforce_is_refused(tmp_path: Path) -> None:
    """Such a key can be made but not used; the other way is one set per tenant."""
    server = KeyServer(enforces_filters=False)
    with pytest.raises(UnsupportedError) as caught:
        make(server, tmp_path / "app.key", query=FILTER)
    assert "a document set of its own" in caught.value.hint
    assert server.live == []


def test_a_filter_that_cannot_be_tried_is_refused(tmp_path: Path) -> None:
    """Without an index the server judges nothing, and a key would come out that never works."""
    server = KeyServer(enforces_filters=False, shards=0)
    with pytest.raises(ConflictError, match="no index yet"):
        make(server, tmp_path / "app.key", query=FILTER)
    assert server.live == []
    make(server, tmp_path / "app.key")
    assert len(server.live) == 1


def test_a_filter_narrows_the_documents_alone(tmp_path: Path) -> None:
    """It stands on the documents' indices and is given on when the key is replaced."""
    server = KeyServer()
    make(server, tmp_path / "app.key", query=FILTER)
    turn(server, tmp_path / "app.key")
    for key in server.keys.values():
        entries = key["role_descriptors"]["esrag_app_hr"]["indices"]
        filtered = [entry["names"] for entry in entries if entry.get("query") == FILTER]
        assert filtered == [["esrag-docs-hr", "esrag-docs-hr-0*"]]


def test_a_secret_that_cannot_be_kept_leaves_no_key(tmp_path: Path) -> None:
    """Neither in the cluster nor as an empty file."""
    server = KeyServer()
    with pytest.raises(OSError, match="No space"):
        make(server, tmp_path / "app.key", place=FullDisk(tmp_path / "app.key"))
    assert server.live == []
    assert not (tmp_path / "app.key").exists()


def test_a_lost_answer_leaves_no_key(tmp_path: Path) -> None:
    """A key whose secret nobody heard is found by its mark."""
    server = KeyServer(lose_creation=True)
    with pytest.raises(UnavailableError):
        make(server, tmp_path / "app.key")
    assert len(server.keys) == 1
    assert server.live == []


def test_a_replaced_key_ends_after_the_new_one_is_kept(tmp_path: Path) -> None:
    """The file keeps its mode and holds the new secret."""
    server = KeyServer()
    old = make(server, tmp_path / "app.key")
    (tmp_path / "app.key").chmod(0o640)
    new = turn(server, tmp_path / "app.key")
    assert keys.id_of(read_file(tmp_path / "app.key")) == new.id
    assert stat.S_IMODE((tmp_path / "app.key").stat().st_mode) == 0o640
    assert (server.live, new.replaced) == ([new.id], old.id)


def test_a_failed_replacement_leaves_the_old_key(tmp_path: Path) -> None:
    """File and key are as before; no other file stays."""
    server = KeyServer()
    old = make(server, tmp_path / "app.key")
    server.lacking = frozenset({"indices:data/read/msearch"})
    with pytest.raises(PermissionDeniedError):
        turn(server, tmp_path / "app.key")
    assert keys.id_of(read_file(tmp_path / "app.key")) == old.id
    assert server.live == [old.id]
    assert list(tmp_path.iterdir()) == [tmp_path / "app.key"]


def test_stopped_after_the_last_step_the_kept_key_works(tmp_path: Path) -> None:
    """What the file holds is never invalidated."""
    server = KeyServer()
    make(server, tmp_path / "app.key")
    with pytest.raises(KeyboardInterrupt):
        turn(server, tmp_path / "app.key", place=Stopped(tmp_path / "app.key"))
    assert keys.id_of(read_file(tmp_path / "app.key")) in server.live


def test_with_grace_the_old_key_lives_on(tmp_path: Path) -> None:
    """It is told when to end and by what it was replaced, and stays ours."""
    server = KeyServer()
    old = make(server, tmp_path / "app.key")
    new = turn(server, tmp_path / "app.key", grace_seconds=600)
    assert server.live == [old.id, new.id]
    assert server.keys[old.id]["expiration"] == "600s"
    assert server.keys[old.id]["metadata"]["replaced_by"] == new.id
    assert server.keys[old.id]["metadata"]["managed_by"] == "esrag"


def test_only_our_own_keys_are_withdrawn(tmp_path: Path) -> None:
    """A key without our metadata is left alone."""
    server = KeyServer()
    made = make(server, tmp_path / "app.key")
    server.keys["other"] = {**server.keys[made.id], "id": "other", "metadata": {}}
    client = ElasticsearchFake(server).client()
    with pytest.raises(ConflictError):
        keys.revoke(client, ("other",))
    assert keys.revoke(client, (made.id,)) == 1
    assert server.live == ["other"]


def test_the_secret_is_in_no_representation(tmp_path: Path) -> None:
    """What is printed or logged by accident does not hold it."""
    server = KeyServer()
    made = make(server, tmp_path / "app.key")
    client = ElasticsearchFake(server).client()
    secret = read_file(tmp_path / "app.key")
    assert secret not in repr(made) + repr(keys.own_keys(client))


@pytest.mark.parametrize("text", ["", "x", "eA==", "Onk=", "eDo="])
def test_other_text_is_no_key(text: str) -> None:
    """An id and a secret, joined and encoded."""
    with pytest.raises(UsageError):
        keys.id_of(text)
