"""Runs and judgements as files: what is read, what is refused, and that both survive the trip."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esrag.errors import UsageError
from esrag.evaluation.qrels import qrels_of_questions, read_qrels, write_qrels
from esrag.evaluation.trec import Run, ranked, read_run, scores_of_ranking, write_run
from esrag.questions import Evidence, KnownQuestion

PLAIN = {"1": {"a": 1, "b": 0}, "2": {"a": 2}}
ROWS = "1\ta\t1\n1\tb\t0\n2\ta\t2\n"
HEADINGS = "query-id\tcorpus-id\tscore\n"

ids = st.text(min_size=1, max_size=12).filter(
    lambda text: text.strip() and not set(text) & set("\t\n\r\ufeff")
)
writable = ids.filter(lambda text: all(not "\ud800" <= each <= "\udfff" for each in text))


def file_with(folder: Path, text: str, name: str = "test.tsv") -> Path:
    """A file with these bytes."""
    file = folder / name
    file.write_bytes(text.encode("utf-8"))
    return file


@pytest.mark.parametrize(
    "text",
    [
        HEADINGS + ROWS,
        ROWS,  # without headings, the first line is a judgement
        "\ufeff" + HEADINGS + ROWS,
        "\ufeff" + ROWS,
        (HEADINGS + ROWS).replace("\n", "\r\n"),
        "\n" + HEADINGS + "\n" + ROWS + "\n\n",
        ROWS.rstrip("\n"),
        ROWS + "1\ta\t1\n",  # twice the same
        ROWS.replace("\t2", "\t2.0"),
        "1 0 a 1\n1 0 b 0\n2 0 a 2\n",
        "1\t0\ta\t1\n1\t0\tb\t0\n2\t0\ta\t2\n",
        "1  Q0   a 1\n1 Q0 b +0\n2 Q0 a 2\n",
        "1 a 1\n1 b 0\n2 a 2\n",
    ],
)
def test_judgements_are_read_in_every_usual_form(text: str, tmp_path: Path) -> None:
    """With and without headings, mark, CRLF and blank lines; BEIR's and TREC's."""
    assert read_qrels(file_with(tmp_path, text)) == PLAIN


def test_headings_are_known_by_their_words(tmp_path: Path) -> None:
    """A question called query that has a grade is a judgement."""
    assert read_qrels(file_with(tmp_path, "query\td\t1\n")) == {"query": {"d": 1}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HEADINGS + "1\ta\tx\n", 2, "grade"),
        ("1\ta\tx\n", 1, "grade"),
        (ROWS + "2\tb\t1.5\n", 4, "grade"),
        (ROWS + "2\tb\t\n", 4, "grade"),
        (ROWS + "2\tb\t1e3\n", 4, "grade"),
        (ROWS + "2\tb\t1_0\n", 4, "grade"),
        (ROWS + "2\tb\t١\n", 4, "grade"),
        (ROWS + "2\tb\tnan\n", 4, "grade"),
        (ROWS + "2\tb\t1001\n", 4, "grade"),
        (ROWS + "2\tb\t" + "9" * 5000 + "\n", 4, "grade"),
        (ROWS + "2\tb\n", 4, "2 fields"),
        (ROWS + "2\t0\tb\t1\n", 4, "4 fields"),
        ("1\n", 1, "1 fields"),
        ("1 0 my file.pdf 1\n", 1, "5 fields"),
        (ROWS + "\tb\t1\n", 4, "empty id"),
        (ROWS + "2\t \t1\n", 4, "empty id"),
        (ROWS + "1\ta\t2\n", 4, "twice"),
        (ROWS + "x" * 1_000_000 + "\n", 4, "1 fields"),
    ],
)
def test_a_judgement_that_is_none_names_file_and_line(
    text: str, line: int, words: str, tmp_path: Path
) -> None:
    """In a message that a terminal can hold."""
    with pytest.raises(UsageError, match=words) as caught:
        read_qrels(file_with(tmp_path, text))
    assert f"test.tsv, line {line}" in caught.value.message
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("text", ["", "\n\n", HEADINGS, "\ufeff"])
def test_a_file_without_judgements_is_a_wrong_usage(text: str, tmp_path: Path) -> None:
    """An empty mean would say nothing."""
    with pytest.raises(UsageError, match="holds no judgements"):
        read_qrels(file_with(tmp_path, text))


def test_what_is_no_text_names_its_line(tmp_path: Path) -> None:
    """Latin-1, as spreadsheets save it."""
    file = tmp_path / "test.tsv"
    file.write_bytes(ROWS.encode() + "ü\ta\t1\n".encode("latin-1"))
    with pytest.raises(UsageError, match="line 4: not UTF-8"):
        read_qrels(file)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"1\ta\t1\n", mtime=0)[:-9]])
def test_a_broken_archive_is_a_wrong_usage(content: bytes, tmp_path: Path) -> None:
    """Neither a traceback nor half of the judgements."""
    file = tmp_path / "test.tsv.gz"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read"):
        read_qrels(file)


def test_archives_and_folders(tmp_path: Path) -> None:
    """Gzip is read as it is; a folder and a missing file are told."""
    file = tmp_path / "test.tsv.gz"
    file.write_bytes(gzip.compress(ROWS.encode()))
    assert read_qrels(file) == PLAIN
    for path in (tmp_path, tmp_path / "none.tsv"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_qrels(path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    qrels=st.dictionaries(
        writable, st.dictionaries(writable, st.integers(-5, 5), min_size=1), min_size=1
    ),
    trec=st.booleans(),
)
def test_judgements_survive_the_trip(qrels: dict[str, Any], trec: bool, tmp_path: Path) -> None:
    """Whatever the ids, as long as a line can hold them."""
    file = tmp_path / "q.tsv"
    write_qrels(file, qrels, trec=trec)
    assert read_qrels(file) == qrels


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    scores=st.dictionaries(
        writable,
        st.dictionaries(writable, st.floats(allow_nan=False, allow_infinity=False), min_size=1),
        min_size=1,
    )
)
def test_runs_survive_the_trip(scores: dict[str, Any], tmp_path: Path) -> None:
    """Scores to the last digit, and with them the order."""
    file = tmp_path / "r.trec"
    write_run(file, Run("my system", scores))
    assert read_run(file) == Run("my system", scores)


def test_a_run_is_written_as_trec_eval_reads_it(tmp_path: Path) -> None:
    """Six fields, best first, of equal scores the greater id first."""
    file = tmp_path / "r.trec"
    write_run(file, Run("bm25", {"1": {"a": 0.5, "b": 0.5, "c": 2.0}}))
    assert file.read_text().splitlines() == [
        "1 Q0 c 1 2.0 bm25",
        "1 Q0 b 2 0.5 bm25",
        "1 Q0 a 3 0.5 bm25",
    ]
    assert len(list(ir_measures.read_trec_run(str(file)))) == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 Q0 b 2 x t", "score"),
        ("1 Q0 b 2 nan t", "score"),
        ("1 Q0 b 2 inf t", "score"),
        ("1 Q0 b 2 1_0 t", "score"),
        ("1 Q0 b 2 0x1p3 t", "score"),
        ("1 Q0 b 2 1.0", "5 fields"),
        ("1 Q0 my b 2 1.0 t", "7 fields"),
        ("1\tQ0\t\t2\t1.0\tt", "empty id"),
        ("1 Q0 a 2 1.0 t", "twice"),
        ('{"1": {"a": 1.0}}', "3 fields"),
    ],
)
def test_a_line_of_a_run_that_is_none_names_file_and_line(
    line: str, words: str, tmp_path: Path
) -> None:
    """Trec_eval would stop there as well, or misread it."""
    file = file_with(tmp_path, f"1 Q0 a 1 2.0 t\n{line}\n", "r.trec")
    with pytest.raises(UsageError, match=words) as caught:
        read_run(file)
    assert "r.trec, line 2" in caught.value.message


def test_an_empty_run_is_a_run(tmp_path: Path) -> None:
    """A system that found nothing; the file gives it its name."""
    assert read_run(file_with(tmp_path, "", "mine.trec")) == Run("mine", {})


def test_a_run_with_mark_and_crlf_is_read(tmp_path: Path) -> None:
    """As editors on Windows save it; ids keep their spaces between tabs."""
    text = "\ufeff1\tQ0\tmy file.pdf\t1\t2.5\tt\r\n\r\n"
    assert read_run(file_with(tmp_path, text, "r")) == Run("t", {"1": {"my file.pdf": 2.5}})


def test_a_no_break_space_is_a_part_of_an_id(tmp_path: Path) -> None:
    """As for trec_eval; only the spaces of ASCII part fields."""
    file = file_with(tmp_path, " 1 Q0 my\u00a0file\u2003x 1 2.5\vt \n", "r")
    assert read_run(file).scores == {"1": {"my\u00a0file\u2003x": 2.5}}


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\rb", "", " ", "\ud800", "\ufeffa"])
def test_ids_that_a_line_cannot_hold_are_refused(name: str, tmp_path: Path) -> None:
    """Rather than written so that another document is read."""
    with pytest.raises(UsageError, match="cannot stand in a file"):
        write_run(tmp_path / "r", Run("t", {"1": {name: 1.0}}))
    with pytest.raises(UsageError, match="cannot stand in a file"):
        write_qrels(tmp_path / "q", {name: {"a": 1}})


@pytest.mark.parametrize(
    ("documents", "scores"),
    [
        (["a", "b"], [2.0, 1.0]),
        (["a", "b"], [1.0, 1.0]),
        (["b", "a"], [1.0, 1.0]),
        (["a", "b", "c"], [1.0, 3.0, 2.0]),
        (["a", "b"], [float("nan"), 1.0]),
        (["a", "b"], [1.00000001, 1.0]),
        ([], []),
    ],
)
def test_a_ranking_keeps_its_order(documents: list[str], scores: list[float]) -> None:
    """Whatever its scores: what a system showed first is first."""
    assert ranked(scores_of_ranking(documents, scores)) == documents


def test_a_document_stands_where_its_best_chunk_stands() -> None:
    """Further chunks of it do not count, and scores are kept where they can be."""
    found = scores_of_ranking(["b", "a", "b", "c"], [4.0, 3.0, 2.0, 1.0])
    assert found == {"b": 4.0, "a": 3.0, "c": 1.0}


def test_evidence_becomes_judgements() -> None:
    """Every place that serves; a question without any is not judged."""
    first = Evidence("a.md", "x", also=(Evidence("b.md", "x"),))
    known = [
        KnownQuestion("1", "?", "fact", "test", "", (), (first, Evidence("c.md", "y"))),
        KnownQuestion("2", "?", "unanswerable", "test", "", (), ()),
    ]
    assert qrels_of_questions(known) == {"1": {"a.md": 1, "b.md": 1, "c.md": 1}}
