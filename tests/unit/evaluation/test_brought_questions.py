"""Questions that people bring along: tables, lists, JSONL and BEIR folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from making_desk import passage

from esrag.errors import UsageError
from esrag.evaluation.question_sets.beir import read_beir
from esrag.evaluation.question_sets.importing import Brought, kind_of, read_brought
from esrag.questions import Evidence, load_questions, supports


def brought(folder: Path, name: str, text: str) -> Brought:
    """The questions of a file with this text."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_brought(file, kind_of(file))


def test_a_list_of_questions_is_open(tmp_path: Path) -> None:
    """Nobody has said whether the documents answer them; one that comes twice counts once."""
    found = brought(
        tmp_path, "asked.txt", "How many eggs?\n\n  When   did it hatch?\nHow many eggs?\n"
    )
    assert [each.question for each in found.questions] == ["How many eggs?", "When did it hatch?"]
    assert [each.answerable for each in found.questions] == [None, None]
    assert found.told == {
        "left out: there twice": 1,
        "open: neither answer nor evidence is given": 2,
    }


def test_columns_of_others_are_understood(tmp_path: Path) -> None:
    """query and expected are question and answer; forms are made of a short answer."""
    found = brought(
        tmp_path, "asked.csv", 'Query,Expected,Score\nHow many points?,"8,000 points",3\nWhy?,,\n'
    )
    first, second = found.questions
    assert (first.question, first.answer, first.answerable) == (
        "How many points?",
        "8,000 points",
        True,
    )
    assert "8000" in first.answer_groups[0]
    assert second.answerable is None
    assert found.told["column 'score' is not read"] == 1


def test_a_long_answer_has_no_forms(tmp_path: Path) -> None:
    """No answer repeats a whole sentence word by word; that is said."""
    text = "question\tanswer\nWhy?\tBecause the nest is warm when the wind is from the south.\n"
    found = brought(tmp_path, "asked.tsv", text)
    assert found.questions[0].answer_groups == ()
    assert found.questions[0].answerable is True
    assert found.told == {"with a long answer and no accepted forms: judged by evidence": 1}


def test_lines_of_others_are_completed(tmp_path: Path) -> None:
    """JSONL without id, type or forms; what is there stays as it is."""
    lines = [
        {"question": "How many eggs?", "answer": "4 eggs"},
        {"_id": "b", "text": "And why?", "mine": [1, {"x": 2}]},
        {"id": 3, "question": "None?", "answerable": False},
    ]
    found = brought(tmp_path, "asked.jsonl", "\n".join(map(json.dumps, lines)))
    first, second, third = found.questions
    assert (first.type, first.answer_groups) == ("own", (("4 eggs", "four eggs"),))
    assert (second.id, second.answerable, second.other) == ("b", None, {"mine": [1, {"x": 2}]})
    assert (third.id, third.answerable) == ("3", False)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"question": "How?"}\n{"answer": "x"}\n', "line 2: question is missing"),
        ("a.jsonl", "{]\n", "line 1: "),
        ("a.jsonl", "[1]\n", "line 1: not an object"),
        ("a.jsonl", '{"question": 5}\n', "line 1: question is not a text"),
        ("a.jsonl", '{"question": " "}\n', "line 1: question is empty"),
        ("a.jsonl", '{"question": "\\ud800"}\n', "line 1: question holds half"),
        ("a.jsonl", '{"question": "x", "evidence": [{"quote": "y"}]}\n', "line 1: document is"),
        ("a.jsonl", '{"question": "x", "accepted": "y"}\n', "line 1: accepted is not a list"),
        ("a.jsonl", '{"id": "1", "question": "x"}\n{"id": "1", "question": "y"}\n', "line 2: the"),
        ("a.csv", "question,answer\n,x\n", "line 2: question is empty"),
        ("a.txt", "\n \n", "holds no questions"),
        ("a.pdf", "x", "what sort of questions"),
        ("a.jsonl", "[" * 100_000, "line 1: "),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    """With its line."""
    with pytest.raises(UsageError, match=said):
        brought(tmp_path, name, text)


def beir(folder: Path, *, queries: list[object], qrels: str, corpus: list[object]) -> Path:
    """A folder in BEIR's layout."""
    (folder / "qrels").mkdir(parents=True)
    for name, records in (("queries", queries), ("corpus", corpus)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}")
    return folder


CORPUS: list[object] = [
    {
        "_id": "d1",
        "title": "Terns",
        "text": "A tern has 4 eggs. It breeds on shores. Eggs are warm.",
    },
    {"_id": "d2", "title": "More", "text": "Terns fly. Some have 4 eggs. Others have 4 eggs too."},
]


def test_judgements_become_evidence(tmp_path: Path) -> None:
    """The best document first, the others serve as well; a quote where one sentence has it."""
    folder = beir(
        tmp_path / "terns",
        queries=[
            {"_id": "q1", "text": "How many eggs?", "answer": ["4 eggs"]},
            {"_id": "q2", "text": "Why do terns fly?", "metadata": {"answer": "Nobody knows."}},
            {"_id": "q3", "text": "Not judged?"},
        ],
        qrels="q1\td2\t1\nq1\td1\t2\nq1\td9\t0\nq2\td2\t1\n",
        corpus=CORPUS,
    )
    found = read_beir(folder)
    one, two = found.questions
    assert one.evidence == (
        Evidence("corpus.jsonl#d1", "A tern has 4 eggs.", (Evidence("corpus.jsonl#d2", ""),)),
    )
    assert one.answer_groups == (("4 eggs", "four eggs"),)
    assert (two.answer, two.evidence) == ("Nobody knows.", (Evidence("corpus.jsonl#d2", ""),))
    assert found.told["left out: no judgement in test"] == 1


def test_a_document_as_a_whole_is_evidence(tmp_path: Path) -> None:
    """Without a quote any of its chunks will do."""
    evidence = Evidence("d2", "")
    assert supports(passage("d2#1", "Terns fly."), evidence)
    assert not supports(passage("d3#1", "Terns fly."), evidence)


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ([{"_id": "q1"}], "line 1: 'text'"),
        ([{"_id": "q1", "text": "a?"}, {"_id": "q1", "text": "b?"}], "line 2: the id q1"),
        ([{"_id": "q9", "text": "a?"}], "no judged questions in test"),
    ],
)
def test_a_damaged_folder_is_named(tmp_path: Path, queries: list[object], said: str) -> None:
    """The file and the line, or what is missing."""
    folder = beir(tmp_path / "terns", queries=queries, qrels="q1\td1\t1\n", corpus=CORPUS)
    with pytest.raises(UsageError, match=said):
        read_beir(folder)


def test_a_split_that_there_is_not_is_named(tmp_path: Path) -> None:
    """With those that there are; a pattern for ids says where the id stands."""
    folder = beir(tmp_path / "terns", queries=[], qrels="", corpus=CORPUS)
    with pytest.raises(UsageError, match="no judgements of 'dev'"):
        read_beir(folder, split="dev")
    with pytest.raises(UsageError, match="where the id stands"):
        read_beir(folder, documents_as="corpus")


def test_who_asks_tells_open_questions_and_leaves_out_rejected_ones(tmp_path: Path) -> None:
    """``load_questions`` is what calibration, measurements and comparisons read."""
    lines = [
        {"id": "a", "question": "Open?", "type": "own", "answerable": None},
        {"id": "b", "question": "Bad?", "type": "own", "accepted": ["x"], "status": "rejected"},
        {"id": "c", "question": "Known?", "type": "own", "accepted": ["x"]},
        {"id": "d", "question": "None?", "type": "own"},
    ]
    file = tmp_path / "set.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    a, c, d = load_questions(file)
    assert (a.open, a.answerable) == (True, True)
    assert (c.open, c.answerable) == (False, True)
    assert (d.open, d.answerable) == (False, False)
