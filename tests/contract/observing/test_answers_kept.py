"""The answer log on a cluster: who may write it, who may read it, what is found again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import Elasticsearch

from esrag.answering.record import as_record
from esrag.cluster.logged_answers import read_logged
from esrag.errors import ConflictError, PermissionDeniedError, UsageError
from esrag.names import Names
from esrag.observing.answer_log import AnswerLog
from esrag.resources import load_body
from esrag.roles import RoleName, role
from esrag.testing import make_hit
from esrag.types import Answer, Citation, Message, Prompt, Sentence
from tests.contract.security.key_holders import as_holder

if TYPE_CHECKING:
    from tests.contract.conftest import Stack

HIT = make_hit("a", "Aster 4.2.1 was released on March 3, 2026.", title="Release notes")
ANSWER = Answer(
    "When was Aster 4.2.1 released?",
    "generated",
    (Sentence("It was released on March 3, 2026.", (Citation(1, HIT, HIT.text, 0, 41),)),),
    (HIT,),
    prompt=Prompt((Message("system", "Answer."), Message("user", "When?")), (HIT,), 12),
    id="0123456789abcdef0123456789abcdef",
    seconds={"total": 0.5},
)


@pytest.fixture
def index(es: Elasticsearch, prefix: str) -> Iterator[str]:
    """The index as setup makes it."""
    name = Names(prefix).answers
    es.indices.create(index=name, body=load_body("mappings/answers.json"))
    yield name
    es.indices.delete(index=name)


def log_to(index: str, missed: list[str]) -> AnswerLog:
    """A log that tells why an answer was missed."""
    return AnswerLog(
        index,
        record=lambda answer, error: as_record(answer, hits=True, prompt=True),
        tell=missed.append,
    )


def test_an_app_writes_what_only_others_read(
    stack: Stack, es: Elasticsearch, prefix: str, index: str
) -> None:
    """The key that answers can neither read nor change what it wrote; eval's finds it again."""

    def holder(name: RoleName) -> Any:
        return as_holder(stack, es, f"{prefix}-{name}", role(name, prefix).privileges)

    missed: list[str] = []
    log = log_to(index, missed)
    with holder("app") as app:
        log.keep(app, ANSWER, trace_id="f" * 32)
        log.keep(app, ANSWER)  # the same id: the first stays
        log.close()
        log.keep_feedback(app, ANSWER.id, rating="down", comment="wrong year")
        assert missed == []
        with pytest.raises(PermissionDeniedError):
            read_logged(app, index, ANSWER.id)
    with holder("eval") as reader:
        es.indices.refresh(index=index)
        logged = read_logged(reader, index, ANSWER.id[:8])
    assert logged.trace_id == "f" * 32
    assert logged.record == as_record(ANSWER, hits=True, prompt=True)
    assert [(f.rating, f.comment) for f in logged.feedback] == [("down", "wrong year")]


def test_an_answer_is_found_at_once_by_its_whole_id(es: Elasticsearch, index: str) -> None:
    """Whoever just asked need not wait for a refresh; what is not there is said to be so."""
    log = log_to(index, [])
    log.keep(es, ANSWER)
    log.close()
    assert read_logged(es, index, ANSWER.id).record["question"] == ANSWER.question
    with pytest.raises(UsageError, match="has no answer"):
        read_logged(es, index, "ff" * 16)


def test_a_missing_index_is_not_made(es: Elasticsearch, prefix: str) -> None:
    """Without setup nothing is kept, the answer is none the worse, and it is said once."""
    name = Names(f"{prefix}-none").answers
    missed: list[str] = []
    log = log_to(name, missed)
    log.keep(es, ANSWER)
    log.keep(es, ANSWER)
    log.close()
    assert len(missed) == 1
    assert name in missed[0]
    assert not es.indices.exists(index=name)
    with pytest.raises(ConflictError):
        read_logged(es, name, ANSWER.id)
