"""What a run keeps is read back as it was written, and damage is told with file and line."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.errors import ConflictError, UnavailableError, UsageError
from esrag.evaluation.plain import NotPlainError, as_plain, from_plain, parsed, written
from esrag.evaluation.records import (
    Cited,
    Passage,
    Reply,
    Scored,
    Span,
    SpanEvidence,
    System,
    Usage,
)
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import (
    GrowingFile,
    KeptReply,
    RunRecord,
    read_outcome,
    read_questions,
    read_replies,
    read_run,
    read_scored,
    write_questions,
    write_replies,
    write_run,
    write_scored,
)
from esrag.questions import load_questions
from esrag.sample import questions_file

REPLY = Reply(
    "q1",
    "rag",
    "answered",
    text="Port 7443.\u2028\x00 <b>",
    written="Port 7443 [1].",
    passages=(Passage("c1", "d1", 1, 0.5, "It uses port 7443.", start=12),),
    cited=(Cited(0, "c1", "d1", "port 7443"),),
    usage=Usage(seconds=1.25, prompt_tokens=12),
)
SPAN = Span(0, 10, "supported", "reference", "it holds 7443", (SpanEvidence("d1", "port 7443"),))
RUN = RunRecord("r", "asking", (System("rag", "rag", {"answer.verify": "off"}),), "rag", "2026")


def folder_at(path: Path) -> RunFolder:
    """A folder with its parts."""
    folder = RunFolder(path)
    with folder.held():
        write_run(folder, RUN)
    return folder


def test_all_that_a_run_keeps_comes_back_as_it_was(tmp_path: Path) -> None:
    """Records, with what is awkward in texts, and figures that nobody has."""
    folder = folder_at(tmp_path / "r")
    known = load_questions(questions_file())[:5]
    write_questions(folder, known)
    write_replies(folder, "rag", [KeptReply("k", REPLY)])
    scored = Scored(REPLY, (SPAN,), {"right": 1.0, "f1": None})
    write_scored(folder, "rag", [scored])
    assert read_run(folder) == RUN
    assert read_questions(folder) == known
    assert read_replies(folder, "rag") == (KeptReply("k", REPLY),)
    assert read_scored(folder, "rag") == (scored,)
    assert read_outcome(folder).comparisons is None
    assert read_replies(folder, "other") == ()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_is_kept_in_one_line(text: str, error: str, seconds: float) -> None:
    """A lone half of a surrogate pair becomes a question mark, all else stays."""
    reply = replace(REPLY, text=text, error=error, usage=Usage(seconds=seconds))
    line = written(reply)
    assert "\n" not in line
    safe = replace(
        reply,
        text=text.encode("utf-8", "replace").decode(),
        error=error.encode("utf-8", "replace").decode(),
    )
    assert from_plain(Reply, parsed(line)) == safe


@dataclass(frozen=True)
class _Holder:
    metrics: Mapping[str, float | None]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_figure_is_nan_or_infinite(value: float) -> None:
    """What cannot be said is None; anything else is a mistake that must not be kept."""
    with pytest.raises(NotPlainError):
        as_plain(_Holder({"right": value}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ('{"key": "k", "reply": {"question_id": "q1"}}', "lacks system"),
        ('{"key": "k", "reply": 3}', "an object is wanted"),
        ('{"key": 3, "reply": {}}', "a text is wanted"),
        ("not json", "no JSON"),
        ("[]", "an object is wanted"),
        ('{"key": "k", "reply": {"question_id":"q","system":"s","status":"lost"}}', "one of"),
        ('{"key":"k","reply":{"question_id":"q","system":"s","status":"failed","x":1}}', "'x'"),
        (
            '{"key":"k","reply":{"question_id":"q","system":"s","status":"failed",'
            '"usage":{"seconds":NaN}}}',
            "no number",
        ),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_damage_is_told_with_file_and_line(tmp_path: Path, damage: str, words: str) -> None:
    """The line counts from 1; nothing is taken for granted or left out."""
    folder = folder_at(tmp_path / "r")
    good = written(KeptReply("k", REPLY))
    folder.replies("rag").write_text(f"{good}\n{damage}\n{good}\n", encoding="utf-8")
    with pytest.raises(UsageError) as found:
        read_replies(folder, "rag")
    assert "rag.jsonl, line 2: " in found.value.message
    assert words in found.value.message


def test_a_last_line_that_was_cut_off_does_not_count_and_is_mended(tmp_path: Path) -> None:
    """The process was killed while it wrote; what came before stays."""
    folder = folder_at(tmp_path / "r")
    file = folder.replies("rag")
    whole = written(KeptReply("k", REPLY))
    file.write_text(f"{whole}\n{whole[:20]}", encoding="utf-8")
    assert len(read_replies(folder, "rag")) == 1
    other = KeptReply("k2", replace(REPLY, question_id="q2"))
    with GrowingFile(file) as growing:
        growing.add(other)
    assert read_replies(folder, "rag") == (KeptReply("k", REPLY), other)


def test_a_full_disk_is_told_and_what_was_kept_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4, with what to do; the replies so far can be read."""
    folder = folder_at(tmp_path / "r")
    with GrowingFile(folder.replies("rag")) as growing:
        growing.add(KeptReply("k", REPLY))

        def full(handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("esrag.evaluation.storage.os.fsync", full)
        with pytest.raises(UnavailableError, match="the disk is full"):
            growing.add(KeptReply("k2", replace(REPLY, question_id="q2")))
        monkeypatch.undo()
    assert read_replies(folder, "rag")[0] == KeptReply("k", REPLY)


def test_one_process_at_a_time_holds_a_run(tmp_path: Path) -> None:
    """The second is told so, exit 7."""
    folder = RunFolder(tmp_path / "r")
    with folder.held(), pytest.raises(ConflictError, match="at work"), folder.held():
        pass


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    """``--out`` may name the wrong folder."""
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"), RunFolder(tmp_path).held():
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.tex"]


def test_a_run_is_found_by_name_or_folder_and_others_are_named(tmp_path: Path) -> None:
    """A mistyped name lists what there is."""
    folder = folder_at(tmp_path / "evaluations" / "may")
    assert RunFolder.found("may", data_dir=tmp_path).path == folder.path
    assert RunFolder.found(str(folder.path), data_dir=tmp_path / "x").name == "may"
    with pytest.raises(UsageError, match="there are may"):
        RunFolder.found("june", data_dir=tmp_path)


def test_a_foreign_run_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    """The names of its systems are names of files."""
    folder = folder_at(tmp_path / "r")
    with pytest.raises(UsageError, match="cannot name a system"):
        folder.replies("../../etc/passwd")


def test_a_run_of_a_later_format_is_refused(tmp_path: Path) -> None:
    """Rather than read by halves."""
    folder = folder_at(tmp_path / "r")
    file = folder.path / "run.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UsageError, match="format 2"):
        read_run(folder)
