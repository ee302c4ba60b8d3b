"""``esrag ingest`` as far as it goes without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers

from esrag.cli import run

MODEL = "sentence-transformers__all-minilm-l6-v2"


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of documents, and a data folder with a tokenizer in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    bundle = tmp_path / "data" / "bundles" / MODEL
    bundle.mkdir(parents=True)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(bundle / "tokenizer.json"))
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Title\n\nSome words.\n")
    (folder / "photo.png").write_bytes(b"")
    return folder


def test_a_missing_path_is_wrong_usage(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the path is named."""
    assert run(["ingest", str(docs), str(docs / "nowhere.md")]) == 2
    assert "nowhere.md" in capsys.readouterr().err


def test_without_a_bundle_the_hint_says_how_to_make_one(
    docs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 6."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(docs))
    assert run(["ingest", "--dry-run", str(docs)]) == 6
    assert "esrag model build" in capsys.readouterr().err


def test_a_dry_run_counts_without_a_cluster(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is data, the rules are talk."""
    assert run(["ingest", "--dry-run", str(docs)]) == 0
    found = capsys.readouterr()
    assert found.out == "1 documents, 1 chunks, 0 rejected, 1 skipped; nothing was sent\n"
    assert "skipped 1: unknown type .png" in found.err


def test_a_dry_run_shows_chunks_as_json(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With offsets and context."""
    assert run(["ingest", "--dry-run", "--show-chunks", "--json", str(docs)]) == 0
    (document,) = json.loads(capsys.readouterr().out)["documents"]
    (chunk,) = document["chunks"]
    assert (chunk["start"], chunk["end"], chunk["context"]) == (0, 20, "Title")


def test_a_rejected_input_ends_with_three(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless the user allows for it; the reason is printed without control characters."""
    (docs / "bad\x1b[31m.md").write_bytes(b"\xff")
    assert run(["ingest", "--dry-run", str(docs)]) == 3
    talk = capsys.readouterr().err
    assert "(undecodable)" in talk
    assert "\x1b[31m.md" not in talk
    assert run(["ingest", "--dry-run", "--max-rejected", "1", str(docs)]) == 0


def test_showing_chunks_needs_a_dry_run(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2."""
    assert run(["ingest", "--show-chunks", str(docs)]) == 2
    assert "--dry-run" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_said_at_once(
    docs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong address is wrong usage."""
    monkeypatch.setenv("ESRAG_ELASTICSEARCH_URL", "no address")
    assert run(["ingest", str(docs)]) == 2
    assert "no address" in capsys.readouterr().err
