"""ner: which words of a text are names, of what class, and where they stand.

    scores of pieces ─► mean over a word's pieces ─► its best tag ─► words joined to entities

A word continues an entity when its tag is of the same class and does not begin one.  Positions
are UTF-16 positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from esrag.local.mlnode.pieces import Pieces
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tasks.task import Output, Prepared, Row, Scores, prepare_single, softmax
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer

DEFAULT_TAGS = ("O", *(f"{place}_{c}" for c in ("MISC", "PER", "ORG", "LOC") for place in "BI"))


@dataclass(frozen=True, slots=True)
class _Word:
    """One word with its tag; its places are those of its first piece."""

    start: int
    end: int
    tag: str
    score: float

    @property
    def entity(self) -> str:
        """The class without what says where in an entity the word stands."""
        return self.tag.upper() if self.is_none else self.tag.upper()[2:]

    @property
    def begins(self) -> bool:
        """Whether an entity begins here although the one before is of the same class."""
        return self.tag[:1] in "bB"

    @property
    def is_none(self) -> bool:
        """Whether it is outside of all entities."""
        return self.tag in ("o", "O")


@dataclass(frozen=True, slots=True)
class NamedEntities:
    """Texts to the names in them."""

    name: ClassVar[str] = "ner"
    output: ClassVar[Output] = "sequence"
    settings: TokenizationSettings
    tags: tuple[str, ...] = DEFAULT_TAGS

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """One sequence for each text, with the places of its pieces."""
        return prepare_single(texts, tokenizer, self.settings, places=True)

    def finish(
        self, text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The entities in the order of the text, and the text with them marked."""
        [sequence], pieces, row = prepared.sequences, prepared.pieces, rows[0]
        if pieces is None or row.ndim != 2 or row.shape[1] != len(self.tags):
            raise Refused(
                f"Expected [{len(self.tags)}] values for each token in ner result; got the shape "
                f"{list(row.shape)}"
            )
        scores = softmax(row)[sequence.offset : sequence.offset + sequence.count]
        # Positions count UTF-16 units, and so does slicing its bytes in twos.
        units = text.encode("utf-16-le", "surrogatepass")
        shown = text.lower() if self.settings.do_lower_case else text
        seen = shown.encode("utf-16-le", "surrogatepass")
        entities = _join(_tag(pieces, scores, self.tags))
        for entity in entities:
            source = seen if len(seen) == len(units) else units
            entity["entity"] = _part(source, entity["start_pos"], entity["end_pos"])
        return {
            "type": "ner",
            "entities": entities,
            "annotated": _annotate(units, entities),
            "is_truncated": prepared.is_truncated,
        }


def require_tags(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of a model as tags; refuses labels that are none."""
    for label in labels:
        upper = label.upper()
        if upper != "O" and not upper.startswith(("B-", "I-", "B_", "I_")):
            raise Problem(
                "bad_request",
                f"[ner] only allows IOB tokenization tagging for classification labels; provided "
                f"[{', '.join(labels)}]",
            )
    return labels or DEFAULT_TAGS


def _tag(pieces: Pieces, scores: Scores, tags: Sequence[str]) -> list[_Word]:
    words: list[_Word] = []
    start = 0
    while start < len(scores):
        end = start + 1
        while end < len(scores) and pieces.words[end] == pieces.words[start]:
            end += 1
        mean = scores[start:end].mean(axis=0)
        best = int(mean.argmax())
        words.append(_Word(pieces.starts[start], pieces.ends[start], tags[best], float(mean[best])))
        start = end
    return words


def _join(words: Sequence[_Word]) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = []
    start = 0
    while start < len(words):
        first = words[start]
        end = start + 1
        if not first.is_none:
            while end < len(words) and not words[end].begins and words[end].entity == first.entity:
                end += 1
            members = words[start:end]
            entities.append(
                {
                    "entity": "",
                    "class_name": first.entity,
                    "class_probability": sum(word.score for word in members) / len(members),
                    "start_pos": first.start,
                    "end_pos": members[-1].end,
                }
            )
        start = end
    return entities


def _annotate(units: bytes, entities: Sequence[dict[str, Any]]) -> str:
    parts = []
    reached = 0
    for entity in entities:
        start, end = entity["start_pos"], entity["end_pos"]
        seen = _part(units, start, end)
        parts.append(_part(units, reached, start))
        parts.append(f"[{seen}]({entity['class_name']}&{seen.replace(' ', '+')})")
        reached = end
    return "".join([*parts, _part(units, reached, len(units) // 2)])


def _part(units: bytes, start: int, end: int) -> str:
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")
