"""Letters as the index has them."""

from __future__ import annotations

from esrag.cluster.dead_letters import letter_id, letter_of, page_body


def test_a_document_of_another_producer_is_given_back_as_it_came() -> None:
    """Its own field ``error`` is where it was."""
    hit = {
        "_id": "x1",
        "_source": {
            "text": "words",
            "error": {"message": "why", "processor": "inference", "tag": "embed", "id": "d1"},
            "error_of_document": "its own",
        },
    }
    letter = letter_of(hit)
    assert not letter.is_ours
    assert letter.code == "pipeline:embed"
    assert letter.document_id == "d1"
    assert letter.document == {"text": "words", "error": "its own"}


def test_a_letter_of_ours_is_known_by_its_run() -> None:
    """And has the reason code of the rejection."""
    letter = letter_of(
        {"_id": "x1", "_source": {"error": {"code": "bad_json", "run_id": "r1", "status": 400}}}
    )
    assert letter.is_ours
    assert (letter.code, letter.status) == ("bad_json", 400)


def test_only_letters_of_the_set_are_asked_for() -> None:
    """Those meant for its alias, and those meant for one of its generations."""
    body = page_body("pit", "esrag-docs-hr")
    ((clause,),) = (body["query"]["bool"]["filter"],)
    assert clause["bool"]["should"] == [
        {"term": {"error.index": "esrag-docs-hr"}},
        {"prefix": {"error.index": "esrag-docs-hr-0"}},
    ]
    assert body["_source"] == ["error"]
    assert "_source" not in page_body("pit", "a", with_documents=True)


def test_a_letter_has_the_same_id_each_time() -> None:
    """So that writing it twice makes one."""
    one = letter_id("a", "r", "p", "line 1", "d")
    assert one == letter_id("a", "r", "p", "line 1", "d")
    assert one != letter_id("a", "r", "p", "line 11", "d")
    assert one != letter_id("a", "r", "p\0line 1", "", "d")
