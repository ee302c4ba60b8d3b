"""Gives the verdict about each generated sentence of one answer.

    sentence ─► statement ─┬─ is none ──────────────► no statement
                           ├─ was said before ──────► repeated
                           └─ passages it cites, then the others ─► supported | unsupported

A wrong citation is replaced by the passage that supports the sentence; one to a passage that was
not given is kept apart, to be counted.  This module does not know the question: whether a
sentence that is supported is also to the point, ``quoting`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from esrag.errors import UnavailableError
from esrag.types import Citation, Hit, Verdict, VerdictKind
from esrag.verification.conflicts import conflict
from esrag.verification.statement import Statement, read_statement
from esrag.verification.support import DEFAULT_COVERAGE, Search, Sought, Support

LEAST_CONFIRMED = 0.5  # probability of entailment for what the rules support
LEAST_PARAPHRASE = 0.9  # and for what they do not
MOST_ASKED = 3  # units that a paraphrase is compared with

# for each pair of passage and sentence, the probability that the one entails the other
Entails = Callable[[Sequence[tuple[str, str]]], Sequence[float]]


class Verifier:
    """Checks the sentences of one answer against ``hits``, the passages of its prompt, in order."""

    def __init__(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        coverage: float = DEFAULT_COVERAGE,
        entails: Entails | None = None,
    ) -> None:
        self._question = question
        self._hits = tuple(hits)
        self._coverage = coverage
        self._entails = entails
        self._said: set[str] = set()

    def verdict(self, sentence: str) -> Verdict:
        """The verdict about one whole sentence."""
        stated = read_statement(sentence, given=len(self._hits))
        if not stated.whole:
            return self._without(stated, "no statement", "it is no whole statement")
        if stated.text.casefold() in self._said:
            return self._without(stated, "repeated", "it was said before")
        search = self._search(stated)
        support = search.best
        scores: dict[str, float] = {}
        if self._entails is not None:
            support, scores = self._confirmed(search, self._entails)
        if support is None:
            return self._without(stated, "unsupported", search.why, scores)
        other = conflict(search.sought, support, self._hits)
        if other is not None:
            number, against = self._hits.index(support.hit) + 1, self._hits.index(other[0]) + 1
            why = f"passage {number} says it, passage {against} says otherwise: {other[1].text}"
            return self._without(stated, "unsupported", why, scores)
        self._said.add(stated.text.casefold())
        return Verdict(
            stated.text,
            "supported",
            cited=stated.cited,
            invalid=stated.invalid,
            support=self._citation(support),
            scores={"coverage": round(support.coverage, 4), **scores},
        )

    def _confirmed(
        self, search: Search, entails: Entails
    ) -> tuple[Support | None, dict[str, float]]:
        """What the other model makes of it: it confirms what the rules found, or a paraphrase.

        A paraphrase has the figures and the names of its unit in other words, and needs more.
        """
        found = [search.best] if search.best else search.near[:MOST_ASKED]
        least = LEAST_CONFIRMED if search.best else LEAST_PARAPHRASE
        if not found:
            return None, {}
        pairs = [(f"{s.hit.context}: {s.unit.text}", search.sought.text) for s in found]
        try:
            probabilities = entails(pairs)
        except UnavailableError as error:
            search.why = f"it could not be confirmed: {error.message}"
            return None, {}
        probability, support = max(zip(probabilities, found, strict=True), key=lambda pair: pair[0])
        scores = {"entailment": round(probability, 4)}
        if probability >= least:
            return support, scores
        if search.best:
            search.why = "the model that checks entailment does not confirm it"
        return None, scores

    def _search(self, stated: Statement) -> Search:
        """The search for support, in the cited passages first."""
        search = Search(Sought.of(stated.text), coverage=self._coverage)
        cited = [self._hits[number - 1] for number in stated.cited]
        if search.look_into(cited) is None:
            search.look_into([hit for hit in self._hits if hit not in cited])
        return search

    def _citation(self, support: Support) -> Citation:
        start, end = support.unit.start, support.unit.end
        return Citation(
            number=self._hits.index(support.hit) + 1,
            hit=support.hit,
            quote=support.hit.text[start:end],
            start=start,
            end=end,
        )

    def _without(
        self,
        stated: Statement,
        kind: VerdictKind,
        why: str,
        scores: Mapping[str, float] | None = None,
    ) -> Verdict:
        return Verdict(
            stated.text,
            kind,
            cited=stated.cited,
            invalid=stated.invalid,
            why=why,
            scores=scores or {},
        )
