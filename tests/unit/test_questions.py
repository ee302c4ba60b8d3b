"""Questions with known answers: when an answer holds the reference."""

import json
from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.questions import Evidence, holds, load_questions, supports
from esrag.testing import make_hit


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("It costs **€49** a month.", "€49"),
        ("Released on March 3, 2026.", "2026-03-03"),
        ("The limit is 1,200 requests", "1,200 requests"),
        ("port 7443.", "7443"),
    ],
)
def test_an_answer_holds_a_form_however_it_is_written(text: str, form: str) -> None:
    """Markup, case and the way a date is written do not matter."""
    assert holds(text, [[form]])


@pytest.mark.parametrize(
    ("text", "form"), [("4.2.10", "4.2.1"), ("17443", "7443"), ("€490", "€49"), ("4.2.1", "4.2")]
)
def test_a_part_of_a_longer_number_is_not_the_answer(text: str, form: str) -> None:
    """Numbers count only as a whole."""
    assert not holds(text, [[form]])


def test_every_group_must_be_there() -> None:
    """An answer of two parts needs both."""
    assert holds("Team costs €49, Business €99", [["€49"], ["€99"]])
    assert not holds("Team costs €49", [["€49"], ["€99"]])
    assert not holds("anything", [])


def test_evidence_is_found_in_the_right_document_only() -> None:
    """The same words elsewhere are not the evidence."""
    hit = make_hit("a.md", "The  port\nis 7443.")
    assert supports(hit, Evidence("a.md", "The port is 7443."))
    assert not supports(hit, Evidence("b.md", "The port is 7443."))


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    """The error says which line of which file."""
    path = tmp_path / "q.jsonl"
    good = {"id": "1", "question": "q", "type": "single_fact", "accepted": ["x"], "evidence": []}
    path.write_text(json.dumps(good) + "\n[]\n")
    with pytest.raises(UsageError, match="line 2"):
        load_questions(path)


def test_a_line_ends_with_a_line_feed_only(tmp_path: Path) -> None:
    """JSON allows Unicode's own separators inside a string."""
    path = tmp_path / "questions.jsonl"
    record = {
        "id": "q",
        "question": "Which\u2028port?",
        "type": "fact",
        "answer": "",
        "evidence": [],
    }
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    assert load_questions(path)[0].text == "Which\u2028port?"


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    """With a byte order mark and its line ends."""
    path = tmp_path / "q.jsonl"
    line = json.dumps({"id": "1", "question": "q", "type": "fact", "accepted": ["x"]})
    path.write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n\r\n".encode())
    assert [each.id for each in load_questions(path)] == ["1"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"question": ""}, "question is empty"),
        ({"question": 5}, "question is not a text"),
        ({"question": "q \ud800?"}, "half of a surrogate pair"),
        ({"id": ["a"]}, "id is not a text"),
        ({"type": ["a"]}, "type is not a text"),
        ({"answer": 5}, "answer is not a text"),
        ({"accepted": "abc"}, "accepted is not a list"),
        ({"accepted": [5]}, "forms of an answer"),
        ({"answer_groups": ["abc"]}, "forms of an answer"),
        ({"answerable": "maybe"}, "answerable is not true, false or null"),
        ({"evidence": "d"}, "evidence is not a list"),
        ({"evidence": ["d"]}, "evidence is not an object"),
        ({"evidence": [{"document": "d"}]}, "quote is missing"),
        ({"evidence": [{"document": "d", "quote": 1}]}, "quote is not a text"),
    ],
)
def test_a_field_of_another_kind_is_named(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    """A text in the place of a list would else be taken for its letters."""
    path = tmp_path / "q.jsonl"
    good = {"id": "1", "question": "q", "type": "fact", "accepted": ["x"]}
    path.write_text(json.dumps({**good, **changes}))
    with pytest.raises(UsageError, match=f"q.jsonl, line 1: not a question: .*{said}"):
        load_questions(path)


def test_a_line_that_is_no_object_is_no_question(tmp_path: Path) -> None:
    """Nor is one that is nested beyond reading."""
    path = tmp_path / "q.jsonl"
    for line in ("[1, 2]", "5", "{", "[" * 100_000):
        path.write_text(line)
        with pytest.raises(UsageError, match="line 1: not a question"):
            load_questions(path)
