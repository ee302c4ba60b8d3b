"""Which generated sentences are shown, when, and with which citations.

sentence ─► verdict ─┬─ remove: kept until the kept ones say as much as the quotes would, told then
                     ├─ mark:   told at once, and as unsupported when it is
                     └─ off:    told at once with the passages it cites; nothing is checked
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esrag.answering.parts import Verify
from esrag.quoting import Assessment
from esrag.types import Citation, Hit, Sentence, Verdict
from esrag.verification import Verifier
from esrag.verification.statement import read_statement

Show = Callable[[Sentence], None]


class Numbers:
    """Gives each cited hit its number, 1 for the first."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cite(self, hit: Hit, start: int, end: int) -> Citation:
        """The citation of a stretch of a hit."""
        number = self._numbers.setdefault(hit.id, len(self._numbers) + 1)
        return Citation(number=number, hit=hit, quote=hit.text[start:end], start=start, end=end)


class Showing:
    """The sentences of one draft; ``told`` are those that the reader has.

    ``hits`` are the passages of the prompt, as the generator numbers them.
    """

    def __init__(
        self, verifier: Verifier, hits: Sequence[Hit], *, verify: Verify, show: Show
    ) -> None:
        self.verdicts: list[Verdict] = []
        self.told: list[Sentence] = []
        self._verifier = verifier
        self._hits = hits
        self._verify = verify
        self._show = show
        self._numbers = Numbers()
        self._kept: list[Verdict] = []

    def take(self, sentence: str, found: Assessment) -> None:
        """Judge a whole sentence and tell what may be told now."""
        if self._verify == "off":
            self._tell_unchecked(sentence)
            return
        verdict = found.judged(self._verifier.verdict(sentence))
        self.verdicts.append(verdict)
        if self._verify == "mark":
            if verdict.kind not in ("repeated", "no statement"):
                self._tell(verdict)
            return
        if verdict.kind == "supported":
            self._kept.append(verdict)
        # told as soon as the sentences so far say as much as the quotes would
        if found.equalled_by(self.verdicts):
            for kept in self._kept[len(self.told) :]:
                self._tell(kept)

    @property
    def dropped(self) -> tuple[str, ...]:
        """The sentences that were not told, without their citations."""
        shown = {sentence.text for sentence in self.told}
        return tuple(verdict.text for verdict in self.verdicts if verdict.text not in shown)

    def _tell(self, verdict: Verdict) -> None:
        support = verdict.support
        cited = (self._numbers.cite(support.hit, support.start, support.end),) if support else ()
        self._tell_sentence(Sentence(verdict.text, cited, supported=support is not None))

    def _tell_unchecked(self, sentence: str) -> None:
        stated = read_statement(sentence, given=len(self._hits))
        verdict = Verdict(
            stated.text,
            "unsupported",
            cited=stated.cited,
            invalid=stated.invalid,
            why="it was not checked",
        )
        self.verdicts.append(verdict)
        if stated.text:
            hits = [self._hits[number - 1] for number in stated.cited]
            cited = tuple(self._numbers.cite(hit, 0, len(hit.text)) for hit in hits)
            self._tell_sentence(Sentence(stated.text, cited, supported=False))

    def _tell_sentence(self, sentence: Sentence) -> None:
        self.told.append(sentence)
        self._show(sentence)
