"""Is one answer text right, does it cite the right passages, does it refuse?  And how sure is that?

    answer text + what is accepted + which passages hold it ─► Reading
    readings of many questions ─► Proportion, and of two systems on the same questions ─► Change

Pure.  Training's score of grounded answers, the benchmarks and ``eval`` all judge by these; they
do not know who wrote the answer.  Sources: exact match and F1 as in SQuAD's evaluation (Rajpurkar
et al. 2016, arXiv:1606.05250) over this project's own normal forms of dates and numbers; Wilson's
score interval (1927); McNemar's exact test on the pairs that differ (1947).
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from esrag import prompting
from esrag.questions import holds
from esrag.sentences import generated_sentences
from esrag.terms import dates_normalised
from esrag.verification.statement import read_statement

Accepted = Sequence[Sequence[str]]
"""Groups of forms: an answer is right when it holds one form of each group."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
# dots and signs inside a number or a code belong to it; all other punctuation does not count
_PUNCTUATION = re.compile(
    rf"(?<!\d)[{re.escape(string.punctuation)}‘’“”…–—]|[{re.escape(string.punctuation)}‘’“”…–—](?!\d)"
)
_REFUSALS = (prompting.MODEL_REFUSAL, prompting.REFUSAL)
# the ways in which generators say that the passages hold no answer
_REFUSES = re.compile(
    r"\b(?:do|does|did|can|could)(?:\s+not|n['’]t)\s+"
    r"(?:\w+\s+){0,2}?(?:answer|contain|mention|state|provide|include|specify|say|give|find)\b"
    r"|\bno (?:information|mention|answer)\b"
    r"|\bnot (?:mentioned|stated|provided|specified|given|contained|found|available)\b"
    r"|\b(?:cannot|can['’]t|unable to) (?:be )?(?:answer|determine|find)",
    re.IGNORECASE,
)
_DOES_NOT_KNOW = re.compile(
    r"\b(?:do not|don['’]t|does not|doesn['’]t) (?:know|have (?:any |that |this |the )?information)"
    r"|\bhave not learn|\bnot (?:sure|aware|known)\b|\bno (?:information|knowledge)\b",
    re.IGNORECASE,
)
_95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be said of one answer.

    ``right``: it holds what is accepted and is no refusal; ``exact``: it is nothing but that;
    ``refused``: it says that the passages do not answer, or that it does not know; ``cited``:
    the numbers of the passages that it cites, each once; ``invalid``: those that there are not.
    """

    right: bool
    exact: bool
    refused: bool
    cited: tuple[int, ...]
    invalid: tuple[int, ...]
    relevant: tuple[int, ...]

    @property
    def cites_right(self) -> bool:
        """It cites a passage that holds the answer and none that does not."""
        return bool(self.cited) and not self.invalid and set(self.cited) <= set(self.relevant)

    @property
    def right_and_cited(self) -> bool:
        """Right, and the passage that says so is cited."""
        return self.right and self.cites_right

    @property
    def invented(self) -> bool:
        """It states something that is not right."""
        return not self.right and not self.refused


def read_answer(
    text: str, *, accepted: Accepted = (), relevant: Sequence[int] = (), given: int = 0
) -> Reading:
    """Judge ``text``; ``given`` is how many passages stood in the prompt, 0 for closed book.

    ``accepted`` and ``relevant`` are empty for a question that should be refused.
    """
    cited, invalid = citations(text, given=given)
    refused = refuses(text, closed_book=given == 0)
    statement = _without_citations(text, given=given)
    return Reading(
        right=not refused and holds(statement, accepted),
        exact=not refused and exact_match(statement, accepted),
        refused=refused,
        cited=cited,
        invalid=invalid,
        relevant=tuple(relevant),
    )


def citations(text: str, *, given: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The passages that ``text`` cites, and the numbers it gives that no passage has."""
    statements = [read_statement(part, given=given) for part in generated_sentences(text)]
    cited = dict.fromkeys(number for each in statements for number in each.cited)
    invalid = dict.fromkeys(number for each in statements for number in each.invalid)
    return tuple(cited), tuple(invalid)


def refuses(text: str, *, closed_book: bool = False) -> bool:
    """Whether ``text`` declines to answer.

    A refusal is all that it says: a text that goes on to state something else is none.  Answers
    from passages and from memory decline in different words.
    """
    if not text.strip():
        return True
    pattern = _DOES_NOT_KNOW if closed_book else _REFUSES
    agreed = (prompting.UNKNOWN, *_REFUSALS) if closed_book else (*_REFUSALS, prompting.UNKNOWN)
    wanted = {normalised(each) for each in agreed}
    said = [read_statement(part, given=0).text for part in generated_sentences(text)]
    return bool(said) and all(
        normalised(part) in wanted or pattern.search(part) for part in said if part.strip()
    )


def exact_match(text: str, accepted: Accepted) -> bool:
    """Whether the whole of ``text`` is one accepted form, in normal form.

    With several groups, a text that holds all of them and no other word.
    """
    if not accepted:
        return False
    if len(accepted) == 1:
        return any(normalised(text) == normalised(form) for form in accepted[0])
    left = Counter(normalised(text).split())
    for group in accepted:
        best = [form for form in group if holds(text, [[form]])]
        if not best:
            return False
        left -= Counter(normalised(max(best, key=len)).split())
    return not left


def f1(text: str, accepted: Accepted) -> float:
    """SQuAD's F1 of the words, against the best form of each group, mean over the groups."""
    return sum(max((_f1(text, form) for form in group), default=0.0) for group in accepted) / max(
        1, len(accepted)
    )


def normalised(text: str) -> str:
    """Lower case, no articles, no punctuation but inside numbers, dates in one form."""
    plain = _THOUSANDS.sub("", dates_normalised(text.replace("−", "-")))
    words = _PUNCTUATION.sub(" ", plain.casefold())
    return " ".join(_ARTICLES.sub(" ", words).split())


def _f1(text: str, form: str) -> float:
    said, wanted = normalised(text).split(), normalised(form).split()
    common = (Counter(said) & Counter(wanted)).total()
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def _without_citations(text: str, *, given: int) -> str:
    """The statements of ``text``; the number of a passage must not count as an answer."""
    if given == 0:
        return text
    return " ".join(read_statement(part, given=given).text for part in generated_sentences(text))


@dataclass(frozen=True, slots=True)
class Proportion:
    """``count`` of ``of``, with Wilson's 95 % interval."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """0 where there was nothing to count."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval; all of [0, 1] where there was nothing to count."""
        if not self.of:
            return 0.0, 1.0
        square = _95**2 / self.of
        middle = self.share + square / 2
        half = _95 * math.sqrt(self.share * (1 - self.share) / self.of + square / (4 * self.of))
        low, high = ((middle - half) / (1 + square), (middle + half) / (1 + square))
        return max(0.0, low), min(1.0, high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.count}/{self.of} = {self.share:.2f} [{low:.2f}, {high:.2f}]"


def proportion(outcomes: Sequence[bool]) -> Proportion:
    """How many of ``outcomes`` are true."""
    return Proportion(sum(outcomes), len(outcomes))


@dataclass(frozen=True, slots=True)
class Change:
    """Two systems on the same questions: how many became right, how many were lost.

    ``p_value`` is McNemar's, exact and two-sided: how likely so uneven a split of the questions
    that changed is when neither system is better.  ``interval`` is of the difference of shares.
    """

    gained: int
    lost: int
    of: int

    @property
    def difference(self) -> float:
        """Share after less share before."""
        return (self.gained - self.lost) / self.of if self.of else 0.0

    @property
    def p_value(self) -> float:
        """1 when nothing changed."""
        changed, fewer = self.gained + self.lost, min(self.gained, self.lost)
        tail = sum(math.comb(changed, k) for k in range(fewer + 1))
        return min(1.0, 2 * tail / int(1 << changed))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the paired difference, with Agresti and Min's (2005) half pair in each cell."""
        if not self.of:
            return -1.0, 1.0
        gained, lost, of = self.gained + 0.5, self.lost + 0.5, self.of + 2
        middle = (gained - lost) / of
        half = _95 * math.sqrt((gained + lost) - (gained - lost) ** 2 / of) / of
        return max(-1.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.difference:+.2f} [{low:+.2f}, {high:+.2f}] "
            f"(+{self.gained} −{self.lost}, p = {self.p_value:.2g})"
        )


def change(before: Sequence[bool], after: Sequence[bool]) -> Change:
    """The change from ``before`` to ``after``, question by question; both in one order."""
    pairs = list(zip(before, after, strict=True))
    return Change(
        gained=sum(new and not old for old, new in pairs),
        lost=sum(old and not new for old, new in pairs),
        of=len(pairs),
    )
