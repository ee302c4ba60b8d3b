"""Follow-ups become questions of their own, by words of the turns before."""

import pytest

from esrag.conversation import standalone
from esrag.types import Turn

RELEASED = Turn("When was Siltbase 4.2.1 released?", "On 9 April 2026.")
WEIGHT = Turn("How heavy is the Pellwarden G4?", "It weighs 1.2 kg.")
PRICE = Turn("What does the Vault plan cost in the United States?", "390 dollars.")
FIX = Turn("Which Siltbase version fixes NVS-2026-01?", "Siltbase 4.2.2 fixes NVS-2026-01.")
STORM = Turn("How many alarms make an alarm storm?", "Fifty.")


@pytest.mark.parametrize(
    ("before", "question", "rewritten"),
    [
        (RELEASED, "And 4.2.2?", "When was Siltbase 4.2.2 released?"),
        (RELEASED, "and Siltbase 5?", "When was Siltbase 5 released?"),
        (WEIGHT, "What about the G2?", "How heavy is the Pellwarden G2?"),
        (WEIGHT, "What about the P5?", "How heavy is the P5?"),
        (WEIGHT, "and for the G2?", "How heavy is the Pellwarden G2?"),
        (PRICE, "and in Australia?", "What does the Vault plan cost in Australia?"),
        (PRICE, "And the Store plan?", "What does the Store plan cost in the United States?"),
        (WEIGHT, "And in Australia?", "How heavy is the Pellwarden G4 in Australia?"),
        (
            Turn("whats the price of a pellwarden g4-l in the us", "…"),
            "and in europe?",
            "whats the price of a pellwarden g4-l in europe?",
        ),
        (
            Turn("What does error SLT-1031 mean?", "…"),
            "SLT-1044?",
            "What does error SLT-1044 mean?",
        ),
    ],
)
def test_a_fragment_takes_the_place_of_its_like(
    before: Turn, question: str, rewritten: str
) -> None:
    """What is of the same kind in the question before is replaced, and nothing else."""
    found = standalone(question, [before])
    assert found.text == rewritten
    assert found.how == "by words of the turns before"


@pytest.mark.parametrize(
    ("before", "question", "rewritten"),
    [
        (RELEASED, "What did it fix?", "What did Siltbase 4.2.1 fix?"),
        (WEIGHT, "how long is its warranty", "how long is Pellwarden G4's warranty"),
        (RELEASED, "Can I use /v1/write with it?", "Can I use /v1/write with Siltbase 4.2.1?"),
        (FIX, "When was it released?", "When was Siltbase 4.2.2 released?"),
        (STORM, "How long does it last?", "How long does alarm storm last?"),
        (
            RELEASED,
            "Does that version still take /v1/write?",
            "Does that version (Siltbase 4.2.1) still take /v1/write?",
        ),
        (
            Turn("When does the Hobart region open?", "…"),
            "What is the availability target there?",
            "What is the availability target there (Hobart region)?",
        ),
    ],
)
def test_a_pronoun_becomes_what_was_spoken_of(before: Turn, question: str, rewritten: str) -> None:
    """The thing that the question before named, or the answer when it was asked which."""
    assert standalone(question, [before]).text == rewritten


def test_a_fragment_without_a_subject_gets_the_one_before() -> None:
    """ "And the warranty?" is about what was asked about."""
    assert "Pellwarden G4" in standalone("And the warranty?", [WEIGHT]).text
    assert standalone("Why?", [STORM]).text == f"{STORM.question} Why?"


def test_follow_ups_of_follow_ups_keep_the_subject() -> None:
    """Each turn is understood after the ones before it."""
    turns = [RELEASED, Turn("And 4.2.2?", "On 2 May 2026.")]
    assert standalone("How many nodes may it have?", turns).text == (
        "How many nodes may Siltbase 4.2.2 have?"
    )


@pytest.mark.parametrize(
    "question",
    [
        "When was Siltbase 5.0.1 released?",
        "Is there a discount for paying a whole year up front?",
        "Who is the chief executive of Norrvane?",
        "What does it mean when Siltbase shows SLT-1031?",
        "Is it possible to rename a gateway?",
        "Our G2 reboots every day, how often exactly is that bug?",
        "When was Wakebell 2.0.0 released, and what does it change?",
        "Does Siltbase 5 keep its snapshots?",
        "How do I know that snapshots are complete?",
    ],
)
def test_a_question_of_its_own_is_left_alone(question: str) -> None:
    """A change of subject must not drag the old one along."""
    found = standalone(question, [WEIGHT])
    assert (found.text, found.how) == (question, "not needed")


def test_a_bare_name_of_another_kind_is_looked_up_as_it_is() -> None:
    """Nothing of the question before stands for it."""
    assert standalone("PWD-226?", [STORM]).text == "PWD-226?"


def test_a_first_question_needs_nothing() -> None:
    """Without history nothing is looked for, whatever the words."""
    assert standalone("What about it?", []).text == "What about it?"


def test_hostile_lengths_take_no_time() -> None:
    """Long questions and long answers of documents are read in straight lines."""
    history = [Turn("a " * 4000, "x-" * 50_000), Turn("( " * 4000, "In " * 20_000)]
    assert standalone("and it in " * 700, history).text
