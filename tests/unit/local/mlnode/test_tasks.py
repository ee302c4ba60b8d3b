"""What tasks make of scores, on numbers small enough to be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tasks.entities import DEFAULT_TAGS
from esrag.local.mlnode.tasks.registry import read_task
from esrag.local.mlnode.tasks.task import Prepared, Task
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.vocabulary import Vocabulary

NLI = ["contradiction", "neutral", "entailment"]


def prepared(task: Task, tokenizer: VocabularyTokenizer, text: str) -> Prepared:
    """The one input, which must not be refused."""
    [item] = task.prepare([text], tokenizer)
    assert isinstance(item, Prepared), item
    return item


def result(task: Task, vocabulary: Vocabulary, text: str, *rows: Any) -> dict[str, Any]:
    """What the task says of a text for which the module gave these rows."""
    tokenizer = VocabularyTokenizer(vocabulary, task.settings)
    arrays = [np.array(row, dtype=np.float32) for row in rows]
    return task.finish(text, prepared(task, tokenizer, text), arrays, tokenizer)


def task(name: str, **options: Any) -> Task:
    """A task with its options and plain BERT tokens."""
    return read_task({name: {"tokenization": {"bert": {}}, **options}})


def tag(name: str) -> list[float]:
    """Scores that leave no doubt about a tag."""
    return [9.0 if name == one else 0.0 for one in DEFAULT_TAGS]


def entities(vocabulary: Vocabulary, text: str, *tags: str) -> list[tuple[str, str]]:
    """Which names are found when the pieces of a text have these tags."""
    rows = [tag("O"), *map(tag, tags), tag("O")]
    found = result(task("ner"), vocabulary, text, rows)
    return [(one["entity"], one["class_name"]) for one in found["entities"]]


def test_words_of_one_class_are_joined(vocabulary: Vocabulary) -> None:
    """Until one begins, or another class comes, or none."""
    text = "a b c word a"
    tags = ("B_PER", "I_PER", "B_PER", "O", "I_LOC")
    assert entities(vocabulary, text, *tags) == [("a b", "PER"), ("c", "PER"), ("a", "LOC")]
    tags = ("I_PER", "I_LOC", "I_LOC", "B_LOC", "I_ORG")
    assert entities(vocabulary, text, *tags) == [
        ("a", "PER"),
        ("b c", "LOC"),
        ("word", "LOC"),
        ("a", "ORG"),
    ]


def test_the_pieces_of_a_word_decide_together(vocabulary: Vocabulary) -> None:
    """abc is three pieces: two of them are for a place, the mean as well."""
    text = "abc"
    assert entities(vocabulary, text, "I_LOC", "O", "I_LOC") == [("abc", "LOC")]
    assert entities(vocabulary, text, "O", "I_LOC", "O") == []


def test_a_probability_is_the_mean_over_words_and_pieces(vocabulary: Vocabulary) -> None:
    """Softmax first, then means."""
    sure, half = np.exp(9) / (np.exp(9) + 8), 1 / 9
    even = [0.0] * 9
    rows = [tag("O"), tag("I_PER"), tag("I_PER"), even, tag("O")]
    [entity] = result(task("ner"), vocabulary, "a ab", rows)["entities"]
    assert entity["class_probability"] == pytest.approx((sure + (sure + half) / 2) / 2)


def test_annotated_text_marks_the_names(vocabulary: Vocabulary) -> None:
    """Spaces in the name after the & are plus signs; positions count UTF-16 units."""
    rows = [tag("O"), tag("O"), tag("B_PER"), tag("I_PER"), tag("O"), tag("O")]
    found = result(task("ner"), vocabulary, "😀 a b!", rows)
    assert found["annotated"] == "😀 [a b](PER&a+b)!"
    [entity] = found["entities"]
    assert (entity["start_pos"], entity["end_pos"]) == (3, 6)


def test_labels_that_are_no_tags_are_refused() -> None:
    """As the server refuses them when a model is put."""
    with pytest.raises(Problem, match=r"\[ner\] only allows IOB tokenization tagging"):
        task("ner", classification_labels=["O", "PERSON"])


def test_labels_without_names_are_numbers(vocabulary: Vocabulary) -> None:
    """Best first, equal ones in their order."""
    found = result(task("text_classification"), vocabulary, "a", [1.0, 2.0, 1.0])
    assert [name for name, _ in found["classes"]] == ["1", "0", "2"]
    assert sum(probability for _, probability in found["classes"]) == pytest.approx(1)


def test_a_wrong_number_of_scores_is_an_error(vocabulary: Vocabulary) -> None:
    """In the server's words."""
    two = task("text_classification", classification_labels=["x", "y"])
    with pytest.raises(Refused, match=r"exactly \[2\] values in text classification result; got"):
        result(two, vocabulary, "a", [1.0, 2.0, 3.0])
    with pytest.raises(Refused, match=r"exactly \[1\] value in text_similarity result; got \[2\]"):
        result(task("text_similarity", text="b"), vocabulary, "a", [1.0, 2.0])


def zero_shot(**options: Any) -> Task:
    """Two labels."""
    return task("zero_shot_classification", classification_labels=NLI, labels=["b", "c"], **options)


def test_labels_compete_unless_several_may_hold(vocabulary: Vocabulary) -> None:
    """Entailment against entailment, or against contradiction."""
    rows = ([0.0, 5.0, 1.0], [3.0, 5.0, 1.0])
    alone = result(zero_shot(), vocabulary, "a", *rows)
    assert alone["classes"] == [("b", pytest.approx(0.5)), ("c", pytest.approx(0.5))]
    both = dict(result(zero_shot(multi_label=True), vocabulary, "a", *rows)["classes"])
    assert both["b"] == pytest.approx(np.exp(1) / (1 + np.exp(1)))
    assert both["c"] == pytest.approx(np.exp(1) / (np.exp(3) + np.exp(1)))


def test_the_hypothesis_is_the_template_with_the_label(vocabulary: Vocabulary) -> None:
    """The text is the first of the pair; a is 5, b is 6, c is 7, word is 10."""
    shot = zero_shot(hypothesis_template="word {}")
    item = prepared(shot, VocabularyTokenizer(vocabulary), "a")
    assert [s.ids.tolist() for s in item.sequences] == [[2, 5, 3, 10, 6, 3], [2, 5, 3, 10, 7, 3]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"classification_labels": NLI}, r"requires non-empty \[labels\]"),
        ({"labels": ["a"]}, r"requires \[entailment\] and \[contradiction\]"),
    ],
)
def test_zero_shot_needs_its_labels(options: dict[str, Any], reason: str) -> None:
    """The model's three, and the call's."""
    with pytest.raises(Problem, match=reason):
        task("zero_shot_classification", **options)


def test_the_call_must_bring_its_question() -> None:
    """There is none to fall back on."""
    with pytest.raises(Problem, match=r"\[question\] must not be null"):
        task("question_answering")


def answer(vocabulary: Vocabulary, starts: list[float], ends: list[float], **options: Any) -> Any:
    """The result for the question "a" and the text "b c word"; sequence: cls a sep b c word sep."""
    asked = task("question_answering", question="a", **options)
    return result(asked, vocabulary, "b c word", [starts, ends])


def test_an_answer_runs_from_its_best_start_to_its_best_end(vocabulary: Vocabulary) -> None:
    """Never into the question, never backwards; what speaks for no answer takes its share."""
    starts, ends = [0, 99, 99, 5, 0, 0, 99], [0, 99, 99, 0, 4, 0, 99]
    found = answer(vocabulary, starts, ends)
    assert (found["answer"], found["start_offset"], found["end_offset"]) == ("b c", 0, 3)
    start = np.exp(5) / (np.exp(5) + 3)
    assert found["prediction_probability"] == pytest.approx(start * np.exp(4) / (np.exp(4) + 3))
    assert found["top"] == []
    backwards = answer(vocabulary, [0, 0, 0, 0, 0, 9, 0], [0, 0, 0, 9, 0, 0, 0])
    assert backwards["start_offset"] <= backwards["end_offset"]


def test_an_answer_is_no_longer_than_allowed(vocabulary: Vocabulary) -> None:
    """One token here, although three would be likelier."""
    starts, ends = [0, 0, 0, 5, 0, 0, 0], [0, 0, 0, 0, 0, 5, 0]
    assert answer(vocabulary, starts, ends)["answer"] == "b c word"
    assert answer(vocabulary, starts, ends, max_answer_length=1)["answer"] in ("b", "word")


def test_the_best_answers_are_told_when_asked_for(vocabulary: Vocabulary) -> None:
    """Best first, and the first is the answer."""
    found = answer(vocabulary, [0, 0, 0, 5, 3, 0, 0], [0, 0, 0, 0, 0, 5, 0], num_top_classes=2)
    assert [one["answer"] for one in found["top"]] == ["b c word", "c word"]
    assert found["top"][0]["score"] == found["prediction_probability"]


def test_expansion_reads_the_first_position_only_when_there_are_several() -> None:
    """A dot in a token would be a path, so it is two underscores."""
    vocabulary = Vocabulary(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a.b", "c"))
    found = result(task("text_expansion"), vocabulary, "c", [0.0, -1.0, 0.0, 0.5, 2.0, 1.0])
    assert found["tokens"] == [("a__b", 2.0), ("c", 1.0), ("[SEP]", 0.5)]


def test_only_the_mask_is_kept_whole_in_a_text(vocabulary: Vocabulary) -> None:
    """A text cannot smuggle in other special tokens; the server cuts them like words."""
    tokenizer = VocabularyTokenizer(vocabulary)
    [pieces] = tokenizer.cut(["[MASK] [SEP]a"], TokenizationSettings())
    assert pieces.ids[0] == 4
    assert 3 not in pieces.ids


def test_fill_mask_finds_the_place_of_the_mask(vocabulary: Vocabulary) -> None:
    """The child is asked for that row alone."""
    masked = task("fill_mask", num_top_classes=2)
    item = prepared(masked, VocabularyTokenizer(vocabulary), "a [MASK] b")
    assert item.positions == (2,)
    found = result(masked, vocabulary, "a [MASK] b", [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 3])
    assert [name for name, _ in found["classes"]] == ["word", "c"]
    assert found["sequence"] == "a word b"


def test_a_mask_that_was_cut_away_is_missed(vocabulary: Vocabulary) -> None:
    """The text has it, the sequence does not."""
    short = task("fill_mask", tokenization={"bert": {"max_sequence_length": 3}})
    [refused] = short.prepare(["a [MASK]"], VocabularyTokenizer(vocabulary))
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("mask token id [4] not found")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ner", {}),
        ("fill_mask", {}),
        ("pass_through", {}),
        ("text_embedding", {}),
        ("zero_shot_classification", {"labels": ["a"], "classification_labels": NLI}),
    ],
)
def test_tasks_without_windows_refuse_a_span(name: str, options: dict[str, Any]) -> None:
    """In the server's words."""
    tokenization = {"bert": {"truncate": "none", "span": 5}}
    with pytest.raises(Problem, match=rf"\[{name}\] does not support windowing long text"):
        task(name, **options, tokenization=tokenization)
