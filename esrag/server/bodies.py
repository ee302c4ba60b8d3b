"""What requests hold: the shapes that are accepted, and the records they become."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from esrag.types import Asked, Filters, Query, Turn

LONGEST_QUESTION = 8_000
LONGEST_ANSWER = 32_000
MOST_TURNS = 20
MOST_VALUES = 100
MOST_HITS = 50

Question = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_QUESTION,
        pattern=r"\S",
        description="What a person asks.",
        examples=["When was Siltbase 5.0.1 released?"],
    ),
]
Value = Annotated[str, Field(min_length=1, max_length=8_191)]
Values = Annotated[tuple[Value, ...], Field(max_length=MOST_VALUES)]
Date = Annotated[
    str,
    Field(
        pattern=r"^((now|\d{4})[0-9A-Za-z:.+|/-]{0,60})?$",
        description="An ISO date or Elasticsearch's date math; empty: no limit.",
        examples=["2026-01-31", "now-1y"],
    ),
]
Pair = Annotated[tuple[Value, Value], Field(description="Name and value.")]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FiltersBody(_Body):
    """What passages must fulfil: one of the values of each field that is named; dates inclusive."""

    source: Values = ()
    document_id: Values = ()
    origin: Values = ()
    author: Values = ()
    language: Values = ()
    published_from: Date = ""
    published_to: Date = ""
    modified_from: Date = ""
    modified_to: Date = ""
    metadata: (
        Annotated[dict[Value, Value], Field(max_length=MOST_VALUES)]
        | Annotated[tuple[Pair, ...], Field(max_length=MOST_VALUES)]
    ) = ()
    acl: Values | None = Field(
        None,
        description="Only passages that carry no acl or share a name with it; null: all that the "
        "credentials may see.",
    )

    def record(self) -> Filters:
        """The filters as the library knows them."""
        pairs = self.metadata.items() if isinstance(self.metadata, dict) else self.metadata
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return Filters(**{**fields, "metadata": tuple((name, value) for name, value in pairs)})


class TurnBody(_Body):
    """A question of the conversation so far, and the answer that was shown."""

    question: Question
    answer: str = Field(max_length=LONGEST_ANSWER)


class AskBody(_Body):
    """A question to be answered."""

    question: Question
    history: tuple[TurnBody, ...] = Field(
        (), max_length=MOST_TURNS, description="The turns before, oldest first."
    )
    filters: FiltersBody = FiltersBody()
    stream: bool = Field(False, description="Server-sent events instead of one JSON answer.")
    generate: bool = Field(True, description="False quotes the passages only.")
    facets: bool = Field(False, description="Count the candidates by field, for ``sources``.")
    passages: bool = Field(
        False, description="Put the passages that were retrieved into the record, as ``hits``."
    )

    def record(self) -> Asked:
        """The question as the library knows it."""
        turns = tuple(Turn(turn.question, turn.answer) for turn in self.history)
        return Asked(self.question, history=turns, filters=self.filters.record())


class SearchBody(_Body):
    """A question whose passages are wanted."""

    question: Question
    size: int = Field(5, ge=1, le=MOST_HITS, description="How many passages.")
    filters: FiltersBody = FiltersBody()
    per_source: int = Field(
        0, ge=0, le=MOST_HITS, description="Most passages of one document; 0: any number."
    )
    facets: bool = Field(False, description="Count the candidates by field as well.")
    highlight: bool = Field(True, description="Tell where the words of the question matched.")
    explain: bool = Field(False, description="Tell what each ranking gave, as scores.")

    def record(self) -> Query:
        """The query as the library knows it."""
        return Query(
            self.question,
            self.size,
            filters=self.filters.record(),
            per_source=self.per_source,
            facets=self.facets,
            highlight=self.highlight,
            explain=self.explain,
        )


class FeedbackBody(_Body):
    """What a reader thinks of an answer."""

    answer_id: str = Field(pattern=r"^[0-9A-Za-z_-]{8,64}$", description="The answer's ``id``.")
    rating: Literal["up", "down"]
    comment: str = Field("", max_length=2_000)
