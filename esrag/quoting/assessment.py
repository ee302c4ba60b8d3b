"""What the passages have to say to a question: the quotes, the few to show, the confidence.

A generated answer is held against it: a sentence must be carried by words that would be quoted,
and the sentences together must speak of all that the quotes speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from esrag.quoting.kinds import asked_for
from esrag.quoting.quote import Quote
from esrag.terms import names, terms
from esrag.types import Verdict


@dataclass(frozen=True, slots=True)
class Assessment:
    """All quotes, best first; the few to show; and whether they answer the question, in [0, 1].

    ``parts`` are what the confidence was summed from; ``embedded`` how many texts were embedded.
    """

    question: str
    quotes: tuple[Quote, ...]
    chosen: tuple[Quote, ...]
    confidence: float
    parts: Mapping[str, float] = field(default_factory=dict)
    embedded: int = 0

    def judged(self, verdict: Verdict) -> Verdict:
        """``verdict``, but that what no quote would show is beside the point.

        A sentence may be true and yet no answer: the words that carry it must be among those
        that would be quoted.
        """
        support = verdict.support
        if verdict.kind != "supported" or support is None:
            return verdict
        if any(
            quote.hit.id == support.hit.id and quote.start <= support.start < quote.end
            for quote in self.chosen
        ):
            return verdict
        why = "what supports it is not among the words that answer the question best"
        return replace(verdict, kind="beside the point", why=why)

    def equalled_by(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether the supported of these sentences say as much together as the quotes do.

        They must speak of every figure and name of the question that the quotes speak of, and
        hold the kind of thing asked for if the quotes hold it.
        """
        asked = asked_for(self.question)
        keys = asked.words.figures | names(self.question)
        quoted = frozenset[str]().union(*(quote.found for quote in self.chosen))
        said = [(v.text, v.support.hit) for v in verdicts if v.kind == "supported" and v.support]
        here = frozenset[str]().union(
            *(terms(f"{hit.context}\n{text}").words for text, hit in said)
        )
        kind = any(asked.found_in(text) for text, _ in said)
        wanted = any(asked.found_in(quote.text) for quote in self.chosen)
        return bool(said) and keys & quoted <= here and (kind or not wanted)
