"""Facts are found in passages, with values that stand there and questions that stand alone."""

from __future__ import annotations

import pytest

from esrag.examples.facts import facts_of, forms_of
from esrag.examples.passages import Passage
from esrag.examples.statements import statement_in
from esrag.examples.wordings import wordings_of
from esrag.questions import holds

TABLE = """Ports that a site opens.

| Port | Protocol | For |
|---|---|---|
| 7140 | TCP | writing |
| ingest-7 | UDP | discovery |
"""


def passage(text: str, *, title: str = "Tern 3.1 guide", language: str = "") -> Passage:
    """A passage that is a whole document."""
    return Passage("c1", "d1", 0, text, title=title, document_hash="h", language=language)


@pytest.mark.parametrize(
    ("sentence", "clause", "value"),
    [
        ("Tern 3.1 was released on 4 May 2026.", "when was Tern 3.1 released", "4 May 2026"),
        ("A crate may hold up to 1,200 eggs.", "how many eggs may a crate hold", "1,200 eggs"),
        ("A move takes about ten working days.", "how long does a move take", "ten working days"),
        ("The nest has 3 GiB of memory.", "", ""),
        ("Each site has 40 sensors.", "how many sensors does each site have", "40 sensors"),
        ("Night watch. A ringer may tag 60 birds.", "how many birds may a ringer tag", "60 birds"),
        ("The window for strays is 4 minutes.", "what is the window for strays", "4 minutes"),
        ("It takes 3 minutes.", "", ""),
        ("The limit is 12.", "", ""),
        ("They were built on 3 May 2026.", "", ""),
        ("A crate must run 2.9.0 first.", "", ""),
        ("We are happy about the new nests.", "", ""),
    ],
)
def test_a_sentence_is_asked_for_its_value(sentence: str, clause: str, value: str) -> None:
    """What points out of its sentence, or has no shape, gives no question."""
    found = statement_in(sentence)
    assert (found.clauses[0] if found else "", found.value if found else "") == (clause, value)


def test_a_cell_is_a_fact_about_its_row_when_the_row_has_a_name() -> None:
    """A row that begins with a number names nothing that can be asked about."""
    found = list(facts_of([passage(TABLE)]))
    assert [(fact.subject, fact.attribute, fact.value) for fact in found] == [
        ("ingest-7", "Protocol", "UDP"),
        ("ingest-7", "For", "discovery"),
    ]


def test_every_value_stands_in_its_passage() -> None:
    """An answer can be checked against the text it was taken from."""
    text = f"Date: 4 May 2026\n\nA crate may hold up to 1,200 eggs.\n\n{TABLE}"
    found = list(facts_of([passage(text)]))
    assert {fact.kind for fact in found} == {"field", "statement", "table"}
    for fact in found:
        assert holds(text, [fact.forms]), fact


def test_a_passage_in_another_language_gives_no_statements() -> None:
    """The patterns are of English."""
    assert not list(facts_of([passage("A crate may hold up to 1,200 eggs.", language="de")]))


def test_a_question_names_its_document_when_its_subject_does_not() -> None:
    """A model without passages has to know which crate is meant."""
    (plain,) = facts_of([passage("A crate may hold up to 1,200 eggs.")])
    assert all("Tern 3.1 guide" in question for question in wordings_of(plain))
    (named,) = facts_of([passage("Tern 3.1 was released on 4 May 2026.")])
    assert not any("guide" in question for question in wordings_of(named))
    assert len(set(wordings_of(named))) == len(wordings_of(named)) >= 4


def test_forms_of_a_value_have_the_number_without_commas_and_the_date_in_iso() -> None:
    """An answer may write it in another way."""
    assert forms_of("1,200 eggs") == ("1,200 eggs", "1200 eggs")
    assert forms_of("4 May 2026") == ("4 May 2026", "2026-05-04")
