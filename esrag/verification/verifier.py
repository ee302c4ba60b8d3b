"""Gives the verdict about each generated sentence of one answer.

    sentence ─► statement ─┬─ is none ──────────────► no statement
                           ├─ was said before ──────► repeated
                           └─ passages it cites, then the others ─► supported | unsupported

A wrong citation is replaced by the passage that supports the sentence; one to a passage that was
not given is kept apart, to be counted.  This module does not know the question: whether a
sentence that is supported is also to the point, ``quoting`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esrag.types import Citation, Hit, Verdict, VerdictKind
from esrag.verification.conflicts import conflict
from esrag.verification.statement import Statement, read_statement
from esrag.verification.support import DEFAULT_COVERAGE, Search, Sought, Support

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
        if support is None:
            return self._without(stated, "unsupported", search.why)
        other = conflict(search.sought, support, self._hits)
        if other is not None:
            number, against = self._hits.index(support.hit) + 1, self._hits.index(other[0]) + 1
            why = f"passage {number} says it, passage {against} says otherwise: {other[1].text}"
            return self._without(stated, "unsupported", why)
        self._said.add(stated.text.casefold())
        return Verdict(
            stated.text,
            "supported",
            cited=stated.cited,
            invalid=stated.invalid,
            support=self._citation(support),
            scores={"coverage": round(support.coverage, 4)},
        )

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

    def _without(self, stated: Statement, kind: VerdictKind, why: str) -> Verdict:
        return Verdict(stated.text, kind, cited=stated.cited, invalid=stated.invalid, why=why)
