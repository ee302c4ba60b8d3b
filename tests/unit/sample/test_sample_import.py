"""The importers see the sample as its questions presume: same ids, same words."""

from __future__ import annotations

import pytest

from esrag.corpus.listing import Listing, ListingOptions
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed
from esrag.questions import KnownQuestion, holds, load_questions, supports
from esrag.sample import corpus_folder, questions_file
from esrag.sample.texts import load_documents
from esrag.types import Document, Hit


@pytest.fixture(scope="module")
def imported() -> dict[str, Document]:
    """All documents of the sample, as ``esrag ingest`` reads them."""
    entries = list(Listing([str(corpus_folder())], ListingOptions()).entries())
    assert all(isinstance(entry, Listed) for entry in entries)
    outcomes = [found for entry in entries if isinstance(entry, Listed) for found in read(entry)]
    assert all(isinstance(outcome, Parsed) for outcome in outcomes)
    return {found.document.id: found.document for found in outcomes if isinstance(found, Parsed)}


@pytest.fixture(scope="module")
def questions() -> tuple[KnownQuestion, ...]:
    """All questions of the sample, as the measurements read them."""
    return load_questions(questions_file())


def whole(document: Document) -> Hit:
    """A hit that holds all of a document."""
    return Hit(
        document.id, document.id, 1, 1.0, document.text, document.title, (), document.source,
        document.url, 0, 0, len(document.text),
    )  # fmt: skip


def test_ids_titles_and_addresses_are_those_of_the_sample(imported: dict[str, Document]) -> None:
    """The convention of ids holds for files and for JSONL records; each has title and address."""
    own = {document.id: document for document in load_documents(corpus_folder())}
    assert imported.keys() == own.keys()
    assert {name: item.url for name, item in imported.items() if item.url} == {
        name: own[name].fields["url"] for name, item in imported.items() if item.url
    }
    assert all(item.title for item in imported.values())


def test_evidence_is_found_in_what_is_imported(
    imported: dict[str, Document], questions: tuple[KnownQuestion, ...]
) -> None:
    """Every quote, and every other place that says the same, survives the import."""
    places = [place for item in questions for main in item.evidence for place in (main, *main.also)]
    missing = [place for place in places if not supports(whole(imported[place.document_id]), place)]
    assert missing == []


def test_evidence_holds_the_answer_as_it_is_measured(
    questions: tuple[KnownQuestion, ...],
) -> None:
    """An answer made of nothing but the quotes counts as holding the reference answer."""
    lacking = [
        item.id
        for item in questions
        if item.answerable
        and not holds(" \n".join(place.quote for place in item.evidence), item.answer_groups)
    ]
    assert lacking == []
