"""The dead letters of a data folder, and when they go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from esrag.corpus.listing import Entry
from esrag.corpus.records import Listed, Skipped
from esrag.dead_letters.files import LetterFolder, as_document
from esrag.dead_letters.settling import Settling, drop_vanished
from esrag.ledger import DeadLetter, DeadLetterFile

ALIAS = "esrag-docs-default"


def letter(run_id: str, path: Path, place: str = "") -> DeadLetter:
    """A rejected input."""
    return DeadLetter(run_id, str(path), place, path.name, "5ha", "parse", "bad_json", "why")


def folder_with(tmp_path: Path, *letters: DeadLetter) -> LetterFolder:
    """The files that runs have left."""
    for each in letters:
        DeadLetterFile(tmp_path / "dlq" / f"{each.run_id}.jsonl").add([each])
    return LetterFolder(tmp_path / "dlq", ALIAS)


def test_letters_of_all_runs_are_read(tmp_path: Path) -> None:
    """With an id that is the same whenever it is computed."""
    folder = folder_with(tmp_path, letter("1", tmp_path / "a"), letter("2", tmp_path / "a"))
    first, second = folder.read()
    assert (first.letter.run_id, second.letter.run_id) == ("1", "2")
    assert first.id != second.id
    assert [each.id for each in folder.read()] == [first.id, second.id]


def test_a_line_that_a_crash_cut_off_is_named_and_kept(tmp_path: Path) -> None:
    """It is no letter; removing others does not remove it."""
    folder = folder_with(tmp_path, letter("1", tmp_path / "a"))
    file = tmp_path / "dlq" / "1.jsonl"
    with file.open("a") as opened:
        opened.write('{"run_id": "1", "pa')
    (filed,) = folder.read()
    assert folder.unreadable == [f"{file}, line 2"]
    assert folder.remove(lambda _: True) == [filed.id]
    assert file.read_text() == '{"run_id": "1", "pa'


def test_a_line_of_an_older_version_is_a_letter(tmp_path: Path) -> None:
    """Fields that it lacks are empty, fields that are not known any more are left out."""
    (tmp_path / "dlq").mkdir()
    line = {"run_id": "1", "path": "a", "code": "empty", "reason": "why", "colour": "red"}
    (tmp_path / "dlq" / "1.jsonl").write_text(json.dumps(line) + "\n")
    (filed,) = LetterFolder(tmp_path / "dlq", ALIAS).read()
    assert (filed.letter.code, filed.letter.stage) == ("empty", "")


def test_a_file_without_letters_disappears(tmp_path: Path) -> None:
    """Files with others stay."""
    folder = folder_with(tmp_path, letter("1", tmp_path / "a"), letter("2", tmp_path / "b"))
    folder.remove(lambda filed: filed.letter.run_id == "1")
    assert [each.name for each in (tmp_path / "dlq").iterdir()] == ["2.jsonl"]


def test_a_run_settles_what_it_has_met(tmp_path: Path) -> None:
    """Letters of inputs that it was not given, and its own, stay."""
    met, other, skipped = tmp_path / "met", tmp_path / "other", tmp_path / "skipped"
    folder = folder_with(tmp_path, *(letter("1", path) for path in (met, other, skipped)))
    settling = Settling(folder)
    entries: list[Entry] = [Listed(met, "met"), Skipped(skipped, "skipped", "hidden file")]
    assert list(settling.passing(entries)) == entries
    DeadLetterFile(tmp_path / "dlq" / "2.jsonl").add([letter("2", met)])
    assert len(settling.settle()) == 2
    assert [(f.letter.run_id, f.letter.path) for f in folder.read()] == [
        ("1", str(other)),
        ("2", str(met)),
    ]


def test_records_of_a_file_are_settled_with_it(tmp_path: Path) -> None:
    """The file is read as a whole, whatever line the letter was about."""
    path = tmp_path / "r.jsonl"
    folder = folder_with(tmp_path, letter("1", path, "line 3"), letter("1", path, "line 9"))
    settling = Settling(folder)
    list(settling.passing([Listed(path, "r.jsonl")]))
    assert len(settling.settle()) == 2


def test_the_index_keeps_a_letter_under_error(tmp_path: Path) -> None:
    """Beside it only the document's own text, if that is asked for."""
    body = as_document(letter("1", tmp_path / "a"), ALIAS)
    assert list(body) == ["error"]
    assert body["error"]["index"] == ALIAS
    assert body["error"]["message"] == "why"
    assert "place" not in body["error"]


def test_letters_of_files_that_are_gone_go_with_them(tmp_path: Path) -> None:
    """Of the origins that are looked at, and not of what lies elsewhere."""
    there = tmp_path / "there"
    there.write_text("x")

    def of(path: Path, origin: str, uri: str = "") -> DeadLetter:
        return replace(letter("1", path), origin=origin, uri=uri or path.as_uri())

    folder = folder_with(
        tmp_path,
        of(there, "file:///docs"),
        of(tmp_path / "gone", "file:///docs"),
        of(tmp_path / "lost", "file:///other"),
        of(Path("page"), "file:///docs", "https://a.example/page"),
    )
    assert len(drop_vanished(folder, {"file:///docs"})) == 1
    assert len(list(folder.read())) == 3
