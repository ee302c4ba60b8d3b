"""Questions from judged folders, question files and data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.examples.passages import Passage
from esrag.questions import load_questions
from esrag.retriever_tuning.asked import from_examples, from_known
from esrag.retriever_tuning.from_index import (
    MOST_MADE,
    document_finder,
    made_questions,
    texts_of,
)
from esrag.retriever_tuning.judged_folder import read_questions, records
from esrag.retriever_tuning.naming import tuned_id
from esrag.retriever_tuning.recipe import TuningRecipe
from esrag.sample import questions_file
from esrag.types import Example, ExampleSource, Message
from tests.tiny_sentence_model import write_judged_folder


def test_a_judged_folder_keeps_its_test_split_apart(tmp_path: Path) -> None:
    """What the split test names is held out, all else may be trained with."""
    folder = write_judged_folder(tmp_path / "judged", 30, test=10)
    pool, held_out = read_questions(folder)
    assert (len(pool), len(held_out)) == (20, 10)
    assert held_out[0].grades == {"d020": 1}


def test_a_single_split_is_to_be_divided(tmp_path: Path) -> None:
    """A folder that has judgements of test alone is no reason to train on nothing."""
    folder = write_judged_folder(tmp_path / "judged", 30, test=10)
    (folder / "qrels" / "train.tsv").unlink()
    pool, held_out = read_questions(folder)
    assert (len(pool), held_out) == (10, ())


def test_questions_about_documents_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    """Judgements of another version of the corpus count for nothing."""
    folder = write_judged_folder(tmp_path / "judged", 30, test=10)
    find = document_finder({f"corpus.jsonl#d{number:03}" for number in range(25)})
    pool, held_out = read_questions(folder, document_of=find)
    assert (len(pool), len(held_out)) == (20, 5)
    assert pool[0].grades == {"corpus.jsonl#d000": 1}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_judgements_without_headings_lose_none(mark: str, tmp_path: Path) -> None:
    """A first line that ends in a grade is a judgement."""
    folder = write_judged_folder(tmp_path / "judged", 30, test=10)
    file = folder / "qrels" / "train.tsv"
    _, _, rows = file.read_text().partition("\n")
    file.write_text(mark + rows, encoding="utf-8")
    pool, _ = read_questions(folder)
    assert len(pool) == 20


def test_an_id_behind_two_documents_names_neither() -> None:
    """Rather no judgement than a wrong one."""
    find = document_finder({"a.jsonl#1", "b.jsonl#1", "b.jsonl#2", "3"})
    assert [find(name) for name in ("1", "2", "3", "a.jsonl#1")] == [
        "",
        "b.jsonl#2",
        "3",
        "a.jsonl#1",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "line 2: no JSON"), ("[]", "line 2: not an object"), ('"\udcff"', "is not UTF-8")],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, words: str) -> None:
    """File and reason, and the line where there are lines."""
    file = tmp_path / "queries.jsonl"
    file.write_bytes(b'{"_id": "1"}\n' + text.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(UsageError, match=words):
        list(records(file))


def test_judgements_that_are_none_are_named(tmp_path: Path) -> None:
    """A table of two columns is refused with its line."""
    folder = write_judged_folder(tmp_path / "judged", 4, test=2)
    (folder / "qrels" / "train.tsv").write_text("head\nq-d000\td000\n")
    with pytest.raises(UsageError, match="line 2"):
        read_questions(folder)


def test_the_sample_questions_name_the_documents_of_their_evidence() -> None:
    """Questions without evidence are left out."""
    known = load_questions(questions_file())
    asked = list(from_known(known))
    assert len(asked) == sum(question.answerable for question in known)
    assert all(question.grades for question in asked)
    assert all(question.maker == "judged" for question in asked)


def example(kind: str, **changes: object) -> Example:
    """A row of a data set about one chunk of one document."""
    source = ExampleSource("i", "s", ("c1",), ("d1",), ("f",), ("h",), "template:table", 7)
    fields: dict[str, object] = {
        "id": "x",
        "kind": kind,
        "split": "train",
        "messages": (Message("assistant", "4 GiB"),),
        "question": "How much?",
        "answer": "4 GiB",
        "source": source,
        "accepted": (("4 GiB",),),
    }
    return Example(**{**fields, **changes})  # type: ignore[arg-type]


def test_only_examples_that_the_corpus_answers_are_questions() -> None:
    """Not unknown ones, and each wording of a fact once."""
    rows = [example("knowledge"), example("knowledge"), example("unknown"), example("instruction")]
    (question,) = from_examples(rows)
    assert question.chunks == ("c1",)
    assert question.grades == {"d1": 1}
    assert question.forms == (("4 GiB",),)
    assert question.maker == "template:table"


def test_questions_are_made_of_chunks() -> None:
    """The makers of data sets serve here too; what is embedded is what the pipeline embeds."""
    passage = Passage(
        id="c1",
        document_id="d1",
        position=0,
        text="Siltbase 4.2.1 was released on 9 April 2026. A batch may hold up to 8,000 points.",
        title="Siltbase 4.2.1",
    )
    asked = made_questions([passage], index="i", set_name="s", seed=7)
    assert asked
    assert {question.chunks for question in asked} == {("c1",)}
    (text,) = texts_of([passage], lambda source: f"{source['context']}\n{source['text']}")
    assert text.text.startswith("Siltbase 4.2.1\nSiltbase 4.2.1 was")


def test_a_long_table_does_not_drown_the_rest() -> None:
    """Of a document there are so many made questions at most, the same ones each time."""
    rows = "\n".join(f"| Sensor {number} | {number} metres |" for number in range(40))
    passages = [
        Passage(
            id=f"c{number}",
            document_id=f"d{number}",
            position=0,
            text=f"| Device | Range |\n| --- | --- |\n{rows}"
            if number
            else "It was released in May.",
            title=f"Sheet {number}",
        )
        for number in range(2)
    ]
    asked = made_questions(passages, index="i", set_name="s", seed=7)
    assert sum("d1" in question.grades for question in asked) == MOST_MADE
    assert asked == made_questions(passages, index="i", set_name="s", seed=7)


def test_a_tuned_id_fits_elasticsearch() -> None:
    """At most 64 characters, with the run's name at the end."""
    assert tuned_id("minilm", "Mine") == "minilm-mine"
    long = tuned_id("m" * 64, "n" * 80)
    assert len(long) == 64
    assert long.endswith("n")


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch": 1}, {"learning_rate": 0.0}, {"dev": 0.5, "test": 0.5}]
)
def test_a_recipe_that_cannot_train_is_refused(wrong: dict[str, float]) -> None:
    """With what is wrong, before anything is read."""
    with pytest.raises(UsageError):
        TuningRecipe(**wrong)  # type: ignore[arg-type]
