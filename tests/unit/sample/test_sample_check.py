"""The sample is in order, and each of its checks notices what it is there for."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from esrag.sample import check, check_questions, corpus_folder, facts_file, questions_file
from esrag.sample.texts import SampleDocument, contains, dates_in, load_documents, normalise

FACTS: dict[str, Any] = json.loads(facts_file().read_text(encoding="utf-8"))
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in questions_file().read_text(encoding="utf-8").splitlines()
]
DocumentCheck = Callable[[SampleDocument, check.Facts], Iterator[str]]


def document(text: str, *, name: str = "faq/x.md", **fields: str) -> SampleDocument:
    """A document with a good date unless told otherwise."""
    return SampleDocument(name, text, (), {"date": "2026-05-05", **fields})


def question(**changes: object) -> dict[str, Any]:
    """The first single-fact question, with changes."""
    return {**next(item for item in QUESTIONS if item["type"] == "single_fact"), **changes}


def test_documents_facts_and_questions_agree() -> None:
    """The whole sample has nothing to complain about."""
    assert check.complaints() == []


def test_sample_is_as_large_as_promised() -> None:
    """About 60 files, one of them long, and at least 130 questions of all types."""
    files = [path for path in corpus_folder().rglob("*") if path.is_file()]
    words = [len(item.text.split()) for item in load_documents(corpus_folder())]
    types = Counter(item["type"] for item in QUESTIONS)
    assert len(files) >= 60
    assert max(words) >= 5000
    assert sum(types.values()) >= 130
    assert min(types[kind] for kind in check_questions.TYPES) >= 15


@pytest.mark.parametrize(
    ("checker", "bad"),
    [
        (check.dates, document("on 31 February 2026")),
        (check.dates, document("on 3 May 2025")),
        (check.dates, document("since 2024, they say")),
        (check.dates, document("on Monday, 5 May 2026")),
        (check.dates, document("undated", date="")),
        (check.vocabulary, document("it says SLT-1999")),
        (check.vocabulary, document("read NVS-2026-09")),
        (check.vocabulary, document("as in INC-0001")),
        (check.vocabulary, document("the region osl-1 opens")),
        (check.vocabulary, document("listens on port 9999")),
        (check.versions, document("install 4.4.7")),
        (check.versions, document("install Wakebell 4.2.0")),
        (check.releases, document("Siltbase 4.2.1 was released on 10 April 2026")),
        (check.releases, document("Siltbase 4.2.1 was released on April 10, 2026")),
        (check.releases, document("new", product="Siltbase", version="4.2.1")),
        (check.prices, document("it costs EUR 9,999.00")),
        (check.prices, document("it costs 9,999 euros")),
        (check.keyed, document("A G2 restarts every 48 hours.")),
        (check.keyed, document("It is switched off on 16 December 2026.")),
    ],
)
def test_a_false_statement_is_noticed(checker: DocumentCheck, bad: SampleDocument) -> None:
    """Each check of a single document complains exactly once about its kind of mistake."""
    assert len(list(checker(bad, FACTS))) == 1


def test_a_fact_that_no_document_states_is_noticed() -> None:
    """Every fact would be missed if the documents were empty."""
    emptied = [dataclasses.replace(item, text="") for item in load_documents(corpus_folder())]
    stated = sum(len(fact["statements"]) for fact in FACTS["facts"])
    assert len(list(check.statements(emptied, FACTS))) == stated


def test_a_dead_link_and_a_foreign_address_are_noticed() -> None:
    """Relative links need a file; addresses of the site need a document."""
    links = (
        "missing.md",
        "https://docs.norrvane.example/nowhere",
        "https://docs.norrvane.example/",
    )
    lost = dataclasses.replace(document("text"), links=links)
    assert len(list(check.links([lost], FACTS))) == 2


def test_an_address_beside_the_path_is_noticed() -> None:
    """The address of a document follows from where it lies."""
    url = "https://docs.norrvane.example/faq/y"
    assert len(list(check.identities([document("text", title="X", url=url)]))) == 1


def test_a_pattern_that_matches_nowhere_is_noticed() -> None:
    """A keyed sentence that was rewritten must not leave its pattern behind."""
    assert len(list(check.idle_patterns([], FACTS))) == len(FACTS["patterns"])


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "riddle"},
        {"split": "train"},
        {"answer": ""},
        {"type": "unanswerable", "why": "because"},
        {"accepted": []},
    ],
)
def test_a_question_without_its_fields_is_noticed(changes: dict[str, object]) -> None:
    """The fields must fit the type."""
    assert list(check_questions.form(question(**changes)))


def test_a_quote_that_is_not_verbatim_is_noticed() -> None:
    """One changed word in a quote is one complaint, and so is an answer that no quote shows."""
    texts = {"a.md": "The gate opens at nine."}
    places = [{"document": "a.md", "quote": "The gate opens at ten."}]
    asked = question(evidence=places, accepted=["eleven"])
    assert len(list(check_questions.evidence(asked, texts))) == 2


def test_another_place_that_says_less_is_noticed() -> None:
    """What stands in ``also`` must show the same groups as the quote."""
    texts = {"a.md": "It opens at nine.", "b.md": "It opens."}
    also = [{"document": "b.md", "quote": "It opens."}]
    places = [{"document": "a.md", "quote": "It opens at nine.", "also": also}]
    asked = question(evidence=places, accepted=["nine"])
    assert len(list(check_questions.evidence(asked, texts))) == 1


def test_a_wrong_sum_is_noticed() -> None:
    """Days are counted from the table, not taken from the question."""
    facts = {"a": {"value": "2026-03-24"}, "b": {"value": "2026-04-09"}}
    sum_ = {"operation": "days_between", "facts": ["a", "b"], "result": "17"}
    asked = question(type="date_arithmetic", facts=["a", "b"], computation=sum_, answer="17 days")
    assert len(list(check_questions.sums(asked, facts))) == 2


@pytest.mark.parametrize(
    ("operation", "first", "second", "result"),
    [
        ("days_between", "2026-02-28", "2026-03-01", 1),
        ("minutes_between", "2026-02-19T06:42", "2026-02-19T09:17", 155),
        ("difference", "1,250", "64", 1186),
    ],
)
def test_sums(operation: str, first: str, second: str, result: int) -> None:
    """Days, minutes and differences of numbers with thousands."""
    assert check_questions.compute(operation, first, second) == result


def test_a_fact_asked_for_in_both_splits_is_noticed() -> None:
    """The same passage must not stand in calibration and test."""
    twin = {**question(), "id": "twin", "question": "Another wording?"}
    twin["split"] = "test" if question()["split"] == "calibration" else "calibration"
    assert any("other split" in text for text in check_questions.division([question(), twin]))


@pytest.mark.parametrize(
    ("text", "form", "found"),
    [
        ("costs EUR 5.20 now", "5.20", True),
        ("costs EUR 15.20 now", "5.20", False),
        ("holds 1,250 sensors", "250", False),
        ("takes 12 minutes.", "12 minutes", True),
        ("version 4.2.1", "4.2", False),
        ("| Store plan | EUR 5.20 |", "Store plan | EUR 5.20", True),
        ("down to −200 °C", "−200", True),
    ],
)
def test_forms_are_found_as_whole_numbers(text: str, form: str, found: bool) -> None:
    """A form inside a longer number or version is not that form."""
    assert contains(text, form) is found


def test_dates_are_read_in_three_ways() -> None:
    """ISO, day first and month first are the same day."""
    found = dates_in("2026-04-09, 9 April 2026 and April 9, 2026")
    assert [str(day) for day in found] == ["2026-04-09"] * 3


def test_marks_and_link_targets_are_no_words() -> None:
    """Normalised text is what a reader sees, in one line."""
    raw = "**See** the\n[guide](../a.md) in `x`\n| a | b |\n|---|---|\n"
    assert normalise(raw) == "See the guide in x a b"
