"""What people get wrong on the command line of ingest: told at once, before anything is sent."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from esrag import bundle, settings
from esrag.cli import run
from esrag.cli.ingest_reading import pool_from, reading_from
from esrag.cli.ingest_report import tell_rejection
from esrag.corpus.listing import Listing, ListingOptions
from esrag.corpus.records import Listed, Rejected
from esrag.errors import UnavailableError


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([""], "a path is empty"),  # esrag ingest "$DOCS", and DOCS is not set
        (["nowhere"], "no such file or folder: nowhere"),
        (["-"], "needs a name"),
        (["--list", "nowhere.txt"], "nowhere.txt"),
        (["--list", "."], "no such file"),
        (["--max-rejected", "-1", "."], "max-rejected"),
        ([], "Name what is to be indexed"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    words: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2."""
    monkeypatch.chdir(tmp_path)
    assert run(["ingest", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_link_to_itself_is_rejected(tmp_path: Path) -> None:
    """It exists, so it is no mistake of the user's; it cannot be opened."""
    loop = tmp_path / "loop.md"
    loop.symlink_to("loop.md")
    (entry,) = Listing([str(loop)], ListingOptions()).entries()
    assert isinstance(entry, Rejected)


def test_a_list_may_come_out_of_another_command(tmp_path: Path) -> None:
    """``--list <(find …)`` gives a pipe."""
    pipe, file = tmp_path / "pipe", tmp_path / "a.md"
    file.write_text("words")
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(f"{file}\n"))
    writer.start()
    (entry,) = Listing([], ListingOptions(lists=(pipe,))).entries()
    writer.join()
    assert isinstance(entry, Listed)
    assert entry.path == file


def test_a_place_that_does_not_answer_is_not_the_users_mistake() -> None:
    """Exit code 4."""
    with pytest.raises(UnavailableError, match="cannot be reached"):
        next(Listing(["ftp://127.0.0.1:1/x.md"], ListingOptions()).entries())


def test_what_was_spooled_is_named_by_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    """The copy is gone when somebody reads this."""
    spooled = Path("/data/spool/run-1/00000001.md")
    tell_rejection(Rejected(spooled, "n.md", "parse", "empty", "no text", uri="stdin:n.md"))
    assert "stdin:n.md" in capsys.readouterr().err


def test_a_settings_file_that_may_not_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, as for one that is not TOML."""

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "esrag.toml")

    monkeypatch.setattr(settings, "Settings", refused)
    assert run(["ingest", "."]) == 2
    assert "esrag.toml cannot be read" in capsys.readouterr().err


def test_chunks_that_the_model_does_not_read_whole_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is cut off would be missed by those who search by meaning."""
    monkeypatch.setattr(bundle, "load_bundle", lambda _: SimpleNamespace(max_sequence_length=256))
    monkeypatch.setattr("esrag.tokens.load_tokenizer", lambda *_: None)
    for length, told in ((256, False), (257, True)):
        chosen = settings.load_settings(chunk={"max_tokens": length})
        pool_from(chosen, reading_from(chosen))
        assert ("chunk.max_tokens" in capsys.readouterr().err) is told


def test_another_cluster_that_is_not_there_is_told_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 4, without the waits of a run that has begun."""
    begun = time.monotonic()
    words = ("--dry-run", "--from-index", "articles", "--from-url", "http://127.0.0.1:9")
    assert run(["ingest", *words]) == 4
    assert "cannot be reached" in capsys.readouterr().err
    assert time.monotonic() - begun < 5
