"""A question set goes to a spreadsheet and comes back: nothing lost, no formula, errors by line."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.errors import UsageError
from esrag.evaluation.question_sets.cells import forms_cell, forms_in_cell, from_cell, to_cell
from esrag.evaluation.question_sets.merging import Merged, merge_questions, merge_sheet
from esrag.evaluation.question_sets.records import SetQuestion, read_set
from esrag.evaluation.question_sets.sheets import as_tsv, read_sheet
from esrag.questions import Evidence
from esrag.sample import questions_file

SET = (
    SetQuestion(
        "one", "How many eggs?", "table", "test", "5,000 eggs", (("5,000 eggs", "5000"),),
        (Evidence("a.md", "eggs | 5,000", (Evidence("b.md", "eggs | 5,000"),)),),
        other={"source": {"maker": "template:table", "documents": ["a.md"]}},
    ),
    SetQuestion("two", "When was Tern 4.2.7 released?", "unanswerable", "test", answerable=False),
    SetQuestion("three", "Anything else?", "own", answerable=None),
)  # fmt: skip
HEAD = (
    "id\tstatus\tnote\tquestion\tanswer\taccepted\tanswerable\ttype\tsplit\tdocument_1\tquote_1\n"
)


def back(folder: Path, text: str, before: tuple[SetQuestion, ...] = SET) -> Merged:
    """The set after a table with this text."""
    file = folder / "review.tsv"
    file.write_bytes(text.encode())
    return merge_sheet(file, before, read_sheet(file))


def test_a_table_that_nobody_touched_changes_nothing(tmp_path: Path) -> None:
    """Other places, provenance and what is unknown here stay."""
    merged = back(tmp_path, as_tsv(SET))
    assert tuple(merged.questions) == SET
    assert merged.changes == {"as they were": 3, "added": 0}


def test_the_sample_goes_there_and_back(tmp_path: Path) -> None:
    """163 questions of people, with several groups, several quotes, and fields of their own."""
    sample = read_set(questions_file())
    assert tuple(back(tmp_path, as_tsv(sample), sample).questions) == sample


FORMULAS = (
    "=1+1", "+1", "-200", "@SUM(A1)", "'=1", "''=1", '=HYPERLINK("http://evil.example","x")',
    "=cmd|' /C calc'!A0", "＝1+1", "－5", "＠x", "  =1", "\t=1",
)  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    """A spreadsheet sees an apostrophe first, wherever it stands; reading takes it off."""
    question = SetQuestion(
        text.strip(), text, text, text, text, ((text, f"{text} more"),), (Evidence(text, text),),
        note=text,
    )  # fmt: skip
    for row in csv.reader(io.StringIO(as_tsv([question])), delimiter="\t"):
        assert not any(cell[:1] in "=+-@＝＋－＠" for cell in row if cell)
    assert from_cell(to_cell(text)) == text.strip()


@pytest.mark.parametrize(
    "groups",
    [
        (("a",),), (("a", "b"), ("c",)), (("a | b", "c && d"),), (("\\", "\\|", "a\\b"),),
        (("-200", "−200"),), (("&", "a & b", "&&&"),),
    ],
)  # fmt: skip
def test_forms_of_a_cell(groups: tuple[tuple[str, ...], ...]) -> None:
    """Whatever stands in a form, groups and forms are found again."""
    assert forms_in_cell(forms_cell(groups)) == groups
    assert forms_in_cell(from_cell(to_cell(forms_cell(groups)))) == groups


def test_what_a_reviewer_did_is_taken_in_and_counted(tmp_path: Path) -> None:
    """Status, notes and edits; a row without an id is new; what is not there stays."""
    rows = (
        "one|ok||How many eggs a crate?|5,000|5,000 / 5000|yes|table|test|a.md|eggs / 5,000",
        "two|rejected|odd|When was Tern 4.2.7 released?|||no|unanswerable|test||",
        "|||Who counts?|The wardens|wardens|yes|own|test|a.md|The wardens count.",
    )
    lines = (row.replace("|", "\t").replace("/", "|") for row in rows)
    text = HEAD + "".join(f"{line}\n" for line in lines)
    merged = back(tmp_path, text)
    one, two, three, new = merged.questions
    assert (one.question, one.status) == ("How many eggs a crate?", "reviewed")
    assert one.answer_groups == (("5,000", "5000"),)
    assert one.evidence == SET[0].evidence  # with the other place
    assert (two.status, two.note) == ("rejected", "odd")
    assert three == SET[2]
    assert (new.question, new.answer_groups, new.type) == ("Who counts?", (("wardens",),), "own")
    assert merged.changes == {"edited": 1, "rejected": 1, "not in the file": 1, "added": 1}


WRONG = (
    ("nine\t\t\tHow?\t\t\t\town\t\t\t\n", "line 2: no question of the set has the id nine"),
    ("one\tmaybe\t\tHow?\t\t\t\town\t\t\t\n", "line 2: status is 'maybe'"),
    ("one\t\t\t\t\t\t\town\t\t\t\n", "line 2: question is empty"),
    ("one\t\t\tHow?\t\ta | | b\t\town\t\t\t\n", "line 2: accepted: a form"),
    ("one\t\t\tHow?\t\t\tperhaps\town\t\t\t\n", "line 2: answerable is 'perhaps'"),
    ("one\t\t\tHow?\t\t5\tno\town\t\t\t\n", "line 2: answerable is no, but"),
    ("one\t\t\tHow?\t\t\t\town\t\t\twords\n", "line 2: quote_1 has no document_1"),
    ("two\t\t\tA?\t\t\tno\tx\t\t\t\n\ntwo\t\t\tA?\t\t\tno\tx\t\t\t\n", "line 4: the question two"),
    ("\t\t\tHow many?\t\t\t\t\t\t\t\n\t\t\tHow many?\t\t\t\t\t\t\t\n", "line 3: the question q-"),
    ("one\t\t\tHow?\t\t\t\town\t\t\t\tmore\n", "line 2: 12 cells under 11 headings"),
    ('one\t"\tx\n', "line 2: unexpected end"),
)


@pytest.mark.parametrize(("rows", "said"), WRONG)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, rows: str, said: str) -> None:
    """The error has the line on which the row begins."""
    with pytest.raises(UsageError, match=said):
        back(tmp_path, HEAD + rows)


def test_all_lines_that_cannot_be_used_are_told_at_once(tmp_path: Path) -> None:
    """A reviewer mends a file once."""
    rows = "".join(f"nine{number}\t\t\tHow?\t\t\t\town\t\t\t\n" for number in range(30))
    with pytest.raises(UsageError) as error:
        back(tmp_path, HEAD + rows)
    assert "line 2:" in error.value.message
    assert "line 21:" in error.value.message
    assert "and 10 more" in error.value.message


def test_a_line_is_counted_where_a_cell_has_several(tmp_path: Path) -> None:
    """A note of three lines does not move the number of the row behind it."""
    rows = 'one\t\t"a\nb\nc"\tHow?\t\t\t\town\t\t\t\nnine\t\t\tHow?\t\t\t\town\t\t\t\n'
    with pytest.raises(UsageError, match="line 5: no question"):
        back(tmp_path, HEAD + rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_what_spreadsheets_write_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Tabs, commas or semicolons, with or without a mark, and CRLF."""
    rows = [["ID", "Status", "Note"], ["one", "reviewed", "größer"]]
    text = "".join(f"{delimiter.join(row)}\r\n" for row in rows)
    file = tmp_path / "review.csv"
    file.write_bytes(text.encode(encoding))
    merged = merge_sheet(file, SET, read_sheet(file))
    assert (merged.questions[0].status, merged.questions[0].note) == ("reviewed", "größer")
    assert merged.questions[0].question == SET[0].question


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"a\tb\n1\t2\n", "line 1: no column is called question"),
        (b"question\tquery\n1\t2\n", "two columns are called question"),
        (b"question\nfine\n\xff\xfe\n", "line 3: not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, raw: bytes, said: str) -> None:
    """What it lacks is said."""
    file = tmp_path / "x.tsv"
    file.write_bytes(raw)
    with pytest.raises(UsageError, match=said):
        read_sheet(file)


def test_a_page_s_questions_are_taken_in(tmp_path: Path) -> None:
    """JSONL of the review page takes the places of the questions with its ids."""
    rejected = SetQuestion(
        "two", SET[1].question, "unanswerable", answerable=False, status="rejected"
    )
    merged = merge_questions(tmp_path / "x.jsonl", SET, [rejected])
    assert [each.status for each in merged.questions] == ["", "rejected", ""]
    with pytest.raises(UsageError, match="nine: no question of the set has this id"):
        merge_questions(tmp_path / "x.jsonl", SET, [SetQuestion("nine", "How?", "own")])


TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=30
).filter(lambda text: bool(text.strip()))
FORMS = st.lists(
    TEXTS.map(lambda text: " ".join(text.split())), min_size=1, max_size=3, unique=True
)
QUESTIONS = st.builds(
    SetQuestion,
    TEXTS,
    TEXTS,
    TEXTS,
    note=TEXTS,
    answer=TEXTS,
    answer_groups=st.lists(FORMS.map(tuple), max_size=3).map(tuple),
    evidence=st.lists(st.builds(Evidence, TEXTS, TEXTS), max_size=2).map(tuple),
    status=st.sampled_from(("", "reviewed", "rejected")),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(question=QUESTIONS)
def test_whatever_stands_in_a_question_comes_back(question: SetQuestion) -> None:
    """Any characters, quotes, tabs and line ends; untouched is unchanged, byte for byte."""
    with TemporaryDirectory() as folder:
        merged = back(Path(folder), as_tsv([question]), (question,))
    assert merged.questions == [question]
