"""Reading a generated sentence: citations that were given, others, labels, whole statements."""

import pytest

from esrag.verification.statement import read_statement


@pytest.mark.parametrize(
    ("sentence", "text", "cited", "invalid"),
    [
        ("It is 5 [1].", "It is 5.", (1,), ()),
        ("It is 5 [1][2].", "It is 5.", (1, 2), ()),
        ("It is 5 [1, 9].", "It is 5.", (1,), (9,)),
        ("It is 5 [1-3].", "It is 5.", (1, 2, 3), ()),
        ("It is 5 [passage 2].", "It is 5.", (2,), ()),
        ("It is 5 (Source 2).", "It is 5.", (2,), ()),
        ("It is 5 【1】.", "It is 5.", (1,), ()),
        ("It is 5 [0].", "It is 5.", (), (0,)),
        ("Answer: It is 5 [1].", "It is 5.", (1,), ()),
        ("- It is 5 [1].", "It is 5.", (1,), ()),
        ("According to the passage, it is 5 [1].", "It is 5.", (1,), ()),
        ("The passage states that it is 5.", "It is 5.", (), ()),
    ],
)
def test_markers_and_labels_are_no_part_of_a_statement(
    sentence: str, text: str, cited: tuple[int, ...], invalid: tuple[int, ...]
) -> None:
    """What is left is what is checked and shown; a passage that was not given is kept apart."""
    found = read_statement(sentence, given=3)
    assert (found.text, found.cited, found.invalid, found.whole) == (text, cited, invalid, True)


@pytest.mark.parametrize(
    "sentence", ["It had 118 (118) tackles.", "Use [1-100] points.", "It is [x]."]
)
def test_numbers_of_the_sentence_itself_stay(sentence: str) -> None:
    """A number in round brackets inside it, and a range that nobody cites, are words."""
    found = read_statement(sentence, given=3)
    assert (found.text, found.cited, found.invalid) == (sentence, (), ())


@pytest.mark.parametrize("text", ["When is it?", "It is", "[1]", "# It is.", "a | b.", ""])
def test_what_states_nothing_is_no_statement(text: str) -> None:
    """A question, a cut-off end, a bare citation, a heading, a row of a table, nothing."""
    assert not read_statement(text, given=3).whole
