"""``esrag questions`` on a cluster: whose documents are asked about, the same bytes, a check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asking_desk import Desk, chunk
from elasticsearch import Elasticsearch, helpers

from esrag.evaluation.question_sets.records import SetQuestion, read_set
from esrag.names import Names

if TYPE_CHECKING:
    from conftest import Stack

BUILD = ("questions", "build", "birds", "--count", "20")


def documents(set_name: str) -> Iterator[dict[str, Any]]:
    """Twelve birds, the last two of which only the wardens may read about."""
    for number in range(12):
        text = (
            f"Tern {number}.1 was released on {number + 1} May 2026. "
            f"A crate of Tern {number}.1 may hold up to {number + 1},500 eggs."
        )
        acl = {"acl": ["wardens"]} if number > 9 else {}
        yield {**chunk(set_name, f"tern-{number}", text, title=f"Tern {number}.1 notes"), **acl}


@pytest.fixture
def birds(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """A set of documents without a model, and a data folder of one's own."""
    names = Names(prefix)
    mappings = {"properties": {"document_id": {"type": "keyword"}, "position": {"type": "integer"}}}
    es.indices.create(index=names.index(1), mappings=mappings, aliases={names.alias: {}})
    helpers.bulk(es, ({"_index": names.alias, **one} for one in documents(prefix)), refresh=True)
    return Desk(
        es,
        names,
        {
            "ESRAG_DATA_DIR": str(tmp_path),
            "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
            "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
            "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
            "ESRAG_INDEX_SET": prefix,
        },
    )


def file_of(desk: Desk) -> Path:
    """The questions of the set."""
    return Path(desk.environment["ESRAG_DATA_DIR"]) / "questions" / "birds" / "questions.jsonl"


def questions_of(desk: Desk) -> tuple[SetQuestion, ...]:
    """The same, read."""
    return read_set(file_of(desk))


def test_a_set_is_built_checked_and_built_the_same_again(birds: Desk) -> None:
    """Evidence holds beside the index, and the second build gives the same bytes."""
    done = birds.run(*BUILD, "--json")
    assert done.code == 0, done.talk
    card = json.loads(done.output)
    assert card["questions"] == 20
    assert card["chunks_left_out"] == {"documents of others (acl)": 2}
    assert sum(each.answerable is False for each in questions_of(birds)) == 4
    first = file_of(birds).read_bytes()
    checked = birds.run("questions", "check", "birds")
    assert checked.code == 0, checked.both
    assert birds.run(*BUILD).code == 0
    assert file_of(birds).read_bytes() == first


def test_what_only_some_may_read_is_asked_about_when_they_are_named(birds: Desk) -> None:
    """Without --acl no question is of it, and the page does not show it."""
    assert birds.run(*BUILD, "--count", "0").code == 0
    assert not any("tern-11" in each.documents for each in questions_of(birds))
    assert birds.run(*BUILD, "--count", "0", "--acl", "wardens").code == 0
    assert any("tern-11" in each.documents for each in questions_of(birds))
    page = file_of(birds).with_name("review.html")
    assert birds.run("questions", "review", "birds", "--acl", "visitors").code == 0
    assert "No chunk that you may read holds these words." in page.read_text(encoding="utf-8")
    assert birds.run("questions", "review", "birds").code == 0  # for whom it was built
    assert "No chunk that you may read holds" not in page.read_text(encoding="utf-8")


def test_changed_forgotten_and_answered_is_found(birds: Desk) -> None:
    """Exit code 3: a quote that went, a document that went, and an answer that came."""
    assert birds.run(*BUILD, "--count", "0").code == 0
    alias = birds.names.alias
    changed, gone = (chunk(birds.names.set, name, "")["_id"] for name in ("tern-3", "tern-5"))
    birds.es.update(index=alias, id=changed, doc={"text": "Nothing is known."}, refresh=True)
    birds.es.delete(index=alias, id=gone, refresh=True)
    asked = next(
        each
        for each in questions_of(birds)
        if each.answerable is False and "How many eggs" in each.question
    )
    version = asked.other["near_miss"]["entity"]
    late = chunk(birds.names.set, "late", f"A crate of Tern {version} may hold up to 99 eggs.")
    helpers.bulk(birds.es, [{"_index": alias, **late}], refresh=True)
    checked = birds.run("questions", "check", "birds", "--json")
    assert checked.code == 3
    found = {each["what"] for each in json.loads(checked.output)["findings"]}
    assert found >= {
        "its quote is gone from the document",
        "its document is gone from the index",
        "it has no answer, but a passage may answer it",
    }


def test_a_set_is_apart_from_training_data(birds: Desk) -> None:
    """What was trained is not asked: by document and by question; check sees the overlap."""
    trained = ("dataset", "build", "rows", "--kind", "knowledge", "--test", "0.5", "--dev", "0")
    assert birds.run(*trained).code == 0
    assert birds.run(*BUILD, "--not-in", "rows").code == 0
    assert questions_of(birds)
    assert birds.run("questions", "check", "birds", "--not-in", "rows").code == 0
    assert birds.run(*BUILD).code == 0
    checked = birds.run("questions", "check", "birds", "--not-in", "rows")
    assert checked.code == 3
    assert "its document is in the training data" in checked.output


def test_mistakes_and_missing_rights_have_their_exit_codes(birds: Desk) -> None:
    """No index: 7; no cluster: 4; wrong password: 5."""
    assert birds.run(*BUILD, "--set", "nothing").code == 7
    assert birds.run(*BUILD, ESRAG_ELASTICSEARCH_URL="http://127.0.0.1:9").code == 4
    assert birds.run(*BUILD, ESRAG_ELASTICSEARCH_PASSWORD="wrong").code == 5
    assert not file_of(birds).exists()
