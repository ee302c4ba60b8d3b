"""A data set survives what happens to it: full disks, kills, odd and hostile documents."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from deadly_disk import killed_at, no_file_above
from poisoned_documents import POISONED

from esrag.errors import PermissionDeniedError, UnavailableError, UsageError
from esrag.examples.building import Helpers, Recipe, build
from esrag.examples.card import read_card
from esrag.examples.checking import findings_in_file
from esrag.examples.desk import SplitShares
from esrag.examples.exporting import export
from esrag.examples.folder import CARD, EXAMPLES, README, examples_file
from esrag.examples.makers import makers_for
from esrag.examples.passages import Passage, Passages
from esrag.examples.rows import read_examples
from esrag.prompting import closed_book
from esrag.training.encoding import ChatEncoder
from tests.making_desk import passage, release_notes, word_search
from tests.tiny_llama import write_tiny_llama

FILES = (EXAMPLES, CARD, README)


def make(folder: Path, passages: Sequence[Passage] = (), *, search: bool = False) -> None:
    """Build a data set of these passages."""
    found = passages or release_notes()
    build(
        folder,
        Recipe("docs", "birds", 7, shares=SplitShares(0.2, 0.2)),
        makers_for((), kinds=(), has_teacher=False, has_search=search),
        read=lambda _: iter(found),
        helpers=Helpers(search=word_search(found)) if search else Helpers(),
    )


def content(folder: Path) -> dict[str, bytes]:
    """What lies there; of the card what does not depend on the time it took."""
    found = {name: (folder / name).read_bytes() for name in FILES}
    card = json.loads(found[CARD])
    del card["costs"]
    return {**found, CARD: json.dumps(card).encode()}


def test_a_disk_that_is_full_at_any_size_leaves_the_data_set_that_was_there(
    tmp_path: Path,
) -> None:
    """Exit code 4 while table, rows or card do not fit; nothing half made stays."""
    folder = tmp_path / "birds"
    make(folder, release_notes()[:3])
    before = content(folder)
    make(tmp_path / "larger")
    largest = max(each.stat().st_size for each in (tmp_path / "larger").iterdir())
    for size in (0, 500, 2_000, 8_000, largest - 1):
        with no_file_above(size), pytest.raises(UnavailableError) as raised:
            make(folder)
        assert "untouched" in raised.value.hint
        assert content(folder) == before
        assert {each.name for each in folder.iterdir()} == {*FILES, ".lock"}
        assert {each.name for each in tmp_path.iterdir()} == {"birds", "larger"}
    make(folder)
    assert content(folder) != before


def test_a_build_that_dies_anywhere_is_run_again_to_the_same_bytes(tmp_path: Path) -> None:
    """What was there stays readable, or is told by check to be half of two."""
    make(tmp_path / "whole")
    whole = content(tmp_path / "whole")
    folder = tmp_path / "birds"
    for operation in range(1, 200, 4):
        make(folder, release_notes()[:3])
        old = (folder / EXAMPLES).read_bytes()
        if not killed_at(operation, lambda: make(folder)):
            break
        rows = (folder / EXAMPLES).read_bytes()
        assert rows in (old, whole[EXAMPLES])
        list(findings_in_file(folder / EXAMPLES))
        make(folder)
        assert {k: v for k, v in content(folder).items() if k != README} == {
            k: v for k, v in whole.items() if k != README
        }
        assert [each.name for each in tmp_path.glob(".*")] == []
    assert operation > 10


def test_an_export_that_dies_is_not_taken_for_one(tmp_path: Path) -> None:
    """Its folder appears with all files; the same command again writes it."""
    make(tmp_path / "birds")
    file = tmp_path / "birds" / EXAMPLES
    rows = sum(export(file, tmp_path / "whole", "trl").values())
    for operation in range(1, 60, 3):
        target = tmp_path / f"export-{operation}"
        died = killed_at(operation, lambda to=target: export(file, to, "trl"))  # type: ignore[misc]
        if not died:
            break
        there = list(target.iterdir()) if target.exists() else []
        if there:  # killed while the files took their places: then each of them is whole
            assert all(each.read_bytes()[-1:] == b"\n" for each in there)
            continue
        assert sum(export(file, target, "trl").values()) == rows
    assert operation > 5


def test_an_export_without_room_leaves_nothing(tmp_path: Path) -> None:
    """Exit code 4, and a folder that is a file is told."""
    make(tmp_path / "birds")
    file = tmp_path / "birds" / EXAMPLES
    with no_file_above(100), pytest.raises(UnavailableError):
        export(file, tmp_path / "out", "axolotl")
    assert [each.name for each in tmp_path.iterdir()] == ["birds"]
    with pytest.raises(UsageError, match="no folder"):
        export(file, file, "axolotl")


def test_a_folder_that_may_not_be_written_to_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 5; 4 where there can be no folder at all."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnavailableError, match="cannot be written"):
        make(tmp_path / "file" / "birds")
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionDeniedError, match="cannot be written"):
        make(tmp_path / "birds")


def test_a_clock_that_jumps_changes_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows hold no time."""
    make(tmp_path / "now")
    clock = iter(range(10**10, 0, -86_400))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    make(tmp_path / "then")
    assert content(tmp_path / "then")[EXAMPLES] == content(tmp_path / "now")[EXAMPLES]


def test_poisoned_documents_cannot_change_the_form_of_a_row(tmp_path: Path) -> None:
    """Their words are questions, passages or answers; no word of theirs begins or ends a turn."""
    poisoned = [
        passage(
            each.name,
            f"{each.text}\n\n| Part | Price |\n|---|---|\n| {each.device} | {each.attack[:60]} |",
            title=each.title or f"{each.device} {each.attack}",
        )
        for each in POISONED
    ]
    make(tmp_path / "birds", [*release_notes(), *poisoned], search=True)
    encoder = ChatEncoder.from_folder(write_tiny_llama(tmp_path / "base"))
    start = encoder.tokenizer.convert_tokens_to_ids("<|im_start|>")
    of_poison = 0
    for row in read_examples(tmp_path / "birds" / EXAMPLES):
        of_poison += any(name in row.source.documents for name in (one.name for one in POISONED))
        assert [message.role for message in row.messages] == ["system", "user", "assistant"]
        assert row.messages[0].content == closed_book("")[0].content or "passage" in (
            row.messages[0].content
        )
        assert not any("<|" in message.content for message in row.messages)
        encoded = encoder.rows([row], max_tokens=10**6).rows
        assert all(each.tokens.count(start) == 3 for each in encoded)
    assert of_poison > 10


@pytest.mark.parametrize(
    "text",
    [
        "Tern 4 was released on 3 May 2026. \ud800 A batch may hold up to 5 points.",
        "Tern 4 was released on 3 May 2026.\0 A batch may hold up to 5 points.",
        "Tern 4 was released on 3 May 2026. " + "A batch may hold up to 5 points. " * 4_000,
        "Tern 4 was released on 3 May 2026. " + "x" * 1_000_000,
        "Tern 4 was released on 3 May 2026." + "\u0301" * 50_000,
    ],
    ids=["half a character", "nul", "130 kB", "one word of 1 MB", "marks"],
)
def test_odd_texts_are_taught_or_left_out(tmp_path: Path, text: str) -> None:
    """Whatever comes of them can be read again."""
    from esrag.cluster.chunk_scan import StoredChunk
    from esrag.examples.reading import passage_of

    source = {"document_id": "odd\ud800", "text": text, "title": "Tern 4 notes\ud800", "acl": None}
    odd = passage_of(StoredChunk("odd", source))
    make(tmp_path / "birds", [*release_notes(), odd])
    assert list(read_examples(tmp_path / "birds" / EXAMPLES))


def test_the_last_version_of_a_document_is_the_one(tmp_path: Path) -> None:
    """It was written anew while a point in time was renewed: what it had more of before goes."""
    import sqlite3

    old = [Passage(f"c{n}", "a.md", n, f"old {n}", document_hash="1") for n in range(3)]
    new = [Passage(f"c{n}", "a.md", n, f"new {n}", document_hash="2") for n in range(2)]
    foreign = [Passage(f"d{n}", "b.md", n, "x", document_hash=f"text-{n}") for n in range(2)]
    held = Passages(sqlite3.connect(":memory:"), [*old, *new, *foreign])
    assert [each.text for each in held] == ["new 0", "new 1", "x", "x"]


def _lines(file: Path) -> Iterator[dict[str, object]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: b"[" * 200_000,
        lambda line: line[: len(line) // 2],
        lambda line: b"\xff\xfe" + line,
        lambda line: line.replace(b'"content": "', b'"content": "\\ud800', 1),
        lambda line: line.replace(b'"seed": ', b'"seed": 1e999', 1),
        lambda line: line.replace(b'"kind": "', b'"kind": "\x1b]0;title\\u0007', 1),
        lambda line: b"9" * 10_000,
        lambda line: b"null",
        lambda line: b"\0",
    ],
    ids=["deep", "cut", "no UTF-8", "half a character", "1e999", "escape", "number", "null", "nul"],
)
def test_a_damaged_row_is_told_with_its_line(tmp_path: Path, damage: object) -> None:
    """Exit code 2, and nobody trains on the rest."""
    make(tmp_path / "birds")
    file = tmp_path / "birds" / EXAMPLES
    first, second, *rest = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join((first, damage(second), *rest)) + b"\n")  # type: ignore[operator]
    with pytest.raises(UsageError, match=r"line 2|not UTF-8"):
        list(read_examples(file))


@pytest.mark.parametrize("card", ["", "[" * 100_000, "{}", '{"sha256": "x"}', "[1]", "\0"])
def test_a_damaged_card_is_told(tmp_path: Path, card: str) -> None:
    """The rows are not touched by it."""
    make(tmp_path / "birds")
    (tmp_path / "birds" / CARD).write_text(card)
    with pytest.raises(UsageError, match="card"):
        read_card(tmp_path / "birds")


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..", "a\nb", "a" * 300, "\x1b[2J"])
def test_a_name_that_leads_elsewhere_is_no_data_set(tmp_path: Path, name: str) -> None:
    """Nothing outside is made."""
    from esrag.cli.printable import printable
    from esrag.examples.folder import dataset_folder

    with pytest.raises(UsageError) as raised:
        dataset_folder(tmp_path, name)
    assert printable(raised.value.message) == raised.value.message
    with pytest.raises(UsageError):
        list(read_examples(examples_file(tmp_path, name)))
