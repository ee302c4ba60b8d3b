"""The prompts of the benchmark of grounded tuning hold what they should, and nothing that helps."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.grounded_rows import (
    documents_held_out,
    from_examples,
    from_folder,
    from_sample,
    written_rows,
)
from esrag import prompting
from esrag.errors import UsageError
from esrag.examples.passages import Passage
from esrag.examples.rows import write_examples
from esrag.questions import holds
from esrag.sample import corpus_folder

COLOURS = ("red", "green", "blue", "white", "black", "grey")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six passages about doors, and a question for each."""
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for number, colour in enumerate(COLOURS):
        text = f"The door of house {number} is {colour}."
        corpus.append({"_id": f"d{number}", "title": "Doors", "text": text})
        question = f"Which colour has the door of house {number}?"
        queries.append({"_id": f"q{number}", "text": question, "answer": [colour]})
        qrels.append(f"q{number}\td{number}\t1")
    for name, records in (("corpus", corpus), ("queries", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n", encoding="utf-8")
    return tmp_path


def sample_passages() -> list[Passage]:
    """Each release note of the sample as one passage."""
    return [
        Passage(
            id=name,
            document_id=name,
            position=0,
            text=(corpus_folder() / name).read_text(encoding="utf-8"),
        )
        for name in sorted(
            f"release-notes/{file.name}" for file in corpus_folder().glob("release-notes/*.md")
        )
    ]


def test_half_of_a_folder_s_questions_have_their_passage(folder: Path) -> None:
    """The other half cannot be answered from what is shown."""
    posed = from_folder(folder, limit=3, seed=1)
    assert [each.answerable for each in posed] == [True, False] * 3
    for each in posed:
        number = int(each.id[1:])
        prompt = each.messages[-1].content
        assert each.given == 3
        assert holds(prompt, [[COLOURS[number]]]) is each.answerable
        if each.answerable:
            shown = prompt.split(f"[{each.relevant[0]}]\n")[1].split("</passage")[0]
            assert COLOURS[number] in shown


def test_the_same_seed_gives_the_same_prompts(folder: Path) -> None:
    """So that every model is asked the same, today and tomorrow."""
    assert from_folder(folder, limit=3, seed=1) == from_folder(folder, limit=3, seed=1)


def test_the_prompt_is_that_of_serving(folder: Path) -> None:
    """Rules first, then the passages and the question."""
    posed = from_folder(folder, limit=1, seed=1)[0]
    assert posed.messages[0].content == prompting.SYSTEM
    assert posed.messages[1].content.endswith(f"Question: {posed.question}")


def test_written_rows_are_about_trained_documents_only(tmp_path: Path) -> None:
    """And the sample's own questions about held-out ones only; no document is on both sides."""
    passages = sample_passages()
    held_out = frozenset({"release-notes/siltbase-4.2.1.md", "release-notes/wakebell-1.9.1.md"})
    rows = list(written_rows(passages, held_out=held_out, seed=7))
    assert rows
    assert not held_out & {document for row in rows for document in row.source.documents}
    for row in rows:
        if row.kind == "grounded":
            (number,) = row.relevant
            assert holds(row.answer, row.accepted)
            assert row.answer.endswith(f"[{number}]")
        else:
            assert row.answer == prompting.MODEL_REFUSAL
    asked = from_sample(passages, held_out=held_out, seed=7)
    assert {each.id.split()[0] for each in asked} == {"fact-01", "fact-07", "fact-34"}
    assert {p.document_id for each in asked for p in each.passages} <= held_out
    for each in asked:
        if each.answerable:
            (number,) = each.relevant
            assert holds(each.passages[number - 1].text, each.accepted)


def test_written_rows_have_as_many_passages_and_refusals_as_asked_for() -> None:
    """Each wording once with one passage and once with two; a tenth as many without the answer."""
    rows = list(
        written_rows(sample_passages(), held_out=frozenset(), seed=7, sizes=(1, 2), without=0.1)
    )
    answered = [row for row in rows if row.kind == "grounded"]
    refused = [row for row in rows if row.kind == "unanswerable"]
    assert Counter(len(row.source.chunks) for row in answered) == {
        1: len(answered) // 2,
        2: len(answered) // 2,
    }
    assert len(refused) == len(answered) // 10
    assert len({row.id for row in rows}) == len(rows)


def test_rows_of_a_data_set_are_those_of_its_test_split(tmp_path: Path) -> None:
    """Trained rows measure nothing; a file without test rows is told."""
    rows = list(written_rows(sample_passages(), held_out=frozenset(), seed=7))
    file = tmp_path / "examples.jsonl"
    write_examples(file, rows)
    assert documents_held_out(file) == frozenset()
    with pytest.raises(UsageError, match="no grounded rows in its test split"):
        from_examples(file, limit=5, seed=1)
    chosen_by = [replace(row, split="dev") for row in rows[:4]]
    write_examples(file, [*chosen_by, *rows[4:]])
    assert len(from_examples(file, limit=5, seed=1, split="dev")) == 4
    documents = {document for row in chosen_by for document in row.source.documents}
    assert documents_held_out(file) == documents_held_out(file, ("dev",)) == documents
    assert documents_held_out(file, ("test",)) == frozenset()
