"""Makers of closed-book questions from facts: cells of tables, fields, and statements.

Each fact is asked for in some wordings that are trained, and in one more that is not, so that it
can be seen whether the model knows the fact or the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator

from esrag.examples.desk import Desk, row_seed
from esrag.examples.facts import Fact, FactKind, facts_of, is_english
from esrag.examples.wordings import answer_of, wordings_of
from esrag.prompting import closed_book
from esrag.types import Example, ExampleKind


class _Facts:
    """A maker of questions for one kind of facts."""

    kind: ExampleKind = "knowledge"
    needs_teacher = needs_search = False
    name: str
    sort: FactKind

    def examples(self, desk: Desk) -> Iterator[Example]:
        """Every fact of this kind, in all its wordings."""
        for document in desk.passages.documents():
            if not is_english(document[0]):
                desk.tally.drop("not in English", len(document))
                continue
            for fact in facts_of(document):
                if fact.kind == self.sort:
                    yield from knowledge_of(desk, fact, maker=self.name)


class TableFacts(_Facts):
    """A cell of a table, by its row and column."""

    name, sort = "template:table", "table"


class FieldFacts(_Facts):
    """A line "Name: value" of a document."""

    name, sort = "template:field", "field"


class StatementFacts(_Facts):
    """A sentence that says when, how much or how many."""

    name, sort = "template:statement", "statement"


def knowledge_of(desk: Desk, fact: Fact, *, maker: str) -> Iterator[Example]:
    """The closed-book rows for one fact; with the split train, one wording is kept for recall."""
    split = desk.split_of(fact.passage.document_id)
    wordings = list(wordings_of(fact))
    seed = row_seed(desk.seed, maker, *fact.key)
    desk.random(maker, *fact.key).shuffle(wordings)
    trained = wordings[: desk.limits.wordings]
    kept_back = wordings[len(trained) :][:1] if split == "train" else []
    for question in (*trained, *kept_back):
        yield desk.example(
            "knowledge",
            closed_book(question),
            question=question,
            answer=answer_of(fact),
            passages=(fact.passage,),
            maker=maker,
            seed=seed,
            accepted=(fact.forms,),
            split="recall" if question in kept_back else split,
        )
