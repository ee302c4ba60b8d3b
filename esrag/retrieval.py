"""A question becomes ranked hits: one call of the stored search template.

The template in the cluster is the only definition of the query; this module gives it the
parameters and knows nothing of its body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster.search import run_template
from esrag.errors import UsageError
from esrag.names import Names
from esrag.types import Hit

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

LONGEST_QUESTION = 8_000


@dataclass(frozen=True, slots=True)
class Retriever:
    """Retrieves from one document set with one search template."""

    client: Elasticsearch
    names: Names
    kind: str = "hybrid"

    def retrieve(
        self, question: str, *, size: int, filters: tuple[dict[str, Any], ...] = ()
    ) -> tuple[Hit, ...]:
        """The ``size`` best hits.

        Raises UsageError when the question is empty or longer than 8,000 characters, and what
        ``cluster.client.explained`` raises when the cluster does not answer.
        """
        params: dict[str, object] = {"query": checked(question), "size": size}
        if filters:
            params["filters"] = list(filters)
        return run_template(
            self.client, self.names.alias, self.names.search_template(self.kind), params
        )


def checked(question: str) -> str:
    """``question`` without surrounding space; raises UsageError when it cannot be asked."""
    question = question.strip()
    if not question:
        raise UsageError("the question is empty", hint='Ask like this: esrag ask "When …?"')
    if len(question) > LONGEST_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters; {LONGEST_QUESTION:,} are the most",
            hint="Ask the question itself; documents are given to: esrag ingest",
        )
    return question
