"""Is one answer text right, does it cite the right passages, does it refuse?

    answer text + what is accepted + which passages hold it ─► Reading

Pure.  Training's score of grounded answers, the benchmarks and ``eval`` all judge by these; they
do not know who wrote the answer.  Sources: exact match and F1 as in SQuAD's evaluation (Rajpurkar
et al. 2016, arXiv:1606.05250) over this project's own normal forms of dates and numbers.
"""

from __future__ import annotations

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
