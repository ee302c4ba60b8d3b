"""Whether a passage says a sentence, word after word, with only harmless parts left out.

The words of the sentence must stand in the passage in the same order.  What the passage has
between them may be left out only where that changes nothing:

* a stretch between two commas or in brackets; items of a list joined by "and";
* what comes before a comma or colon, or behind the last word, if it limits nothing.

A negation, a "may", an "if … then", an "or", the other half of a number, the second of two joined
statements may not be left out.  So a sentence that is pieced together from words of one statement
("the G2 weighs 290 g and the G4 weighs 410 g") is not taken for one that the passage makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esrag.verification.orders import orders
from esrag.verification.tokens import Token
from esrag.verification.vocabulary import ENGLISH, PAST, PRESENT, is_weak


def says(
    passage: Sequence[Token], sentence: Sequence[Token], around: Callable[[Token], bool]
) -> bool:
    """Whether ``passage`` says ``sentence`` in some order of either.

    ``around`` tells whether a token stands in the headings, and so need not be in the passage.
    """
    sought = tuple(token for token in sentence if token.kind != "comma")
    past, english = _is_past(passage), any(token.raw.lower() in ENGLISH for token in passage)
    for order in orders(passage):
        there = [token for token in order if token.kind != "light" or token.restricts]
        for wanted in orders(sought):
            heavy = [token for token in wanted if token.kind != "light"]
            if _aligns(there, heavy, around, past=past, english=english):
                return True
    return False


def _aligns(
    passage: Sequence[Token],
    wanted: Sequence[Token],
    around: Callable[[Token], bool],
    *,
    past: bool,
    english: bool,
) -> bool:
    """Whether ``wanted`` can be laid on ``passage`` from left to right with harmless gaps.

    In another language than English nobody here knows what is harmless: then there is no gap.
    """

    def droppable(run: Sequence[Token]) -> bool:
        return english or not any(token.means for token in run)

    # reached: where the last wanted token lies, -1 for none yet, and whether one was lent since
    reached: set[tuple[int, bool]] = {(-1, False)}
    said: set[str] = set()
    for token in wanted:
        places = [i for i, other in enumerate(passage) if _fits(token, other)]
        # what stands in the passage is taken from there, once at least
        may_be_lent = token.means and around(token) and (not places or token.key in said)
        said.add(token.key)
        following: set[tuple[int, bool]] = set()
        for last, lent in reached:
            if may_be_lent:
                following.add((last, True))
            following |= {
                (place, lent and not token.means)
                for place in places
                if place > last
                and droppable(passage[last + 1 : place])
                and _may_leap(passage, last, place, lent=lent)
            }
        reached = following
        if not reached:
            return False
    return any(
        last >= 0
        and droppable(passage[last + 1 :])
        and _may_trail(passage[last + 1 :], passage[last], lent=lent, past=past)
        for last, lent in reached
    )


def _fits(token: Token, other: Token) -> bool:
    """Whether a token of the sentence may lie on one of the passage."""
    if token.kind == "and" and token.key != "or":
        return other.kind in ("and", "comma") and other.key != "or"  # a list that ends earlier
    return token.carried_by(other)


def _may_leap(passage: Sequence[Token], last: int, place: int, *, lent: bool) -> bool:
    """Whether the next word of the sentence may lie on ``place`` when the one before is ``last``.

    ``lent`` says that a word of the headings stands between them: it must not replace one.
    """
    run = passage[last + 1 : place]
    if last < 0:
        return _may_lead(run, lent=lent)
    if lent and any(token.means for token in run):
        return False
    return _may_skip(run, passage[last])


def _loses(run: Sequence[Token]) -> bool:
    """Whether leaving ``run`` out loses a negation, a limit or a choice."""
    return any(
        token.restricts
        or (token.kind == "small" and not is_weak(token.key))
        or (token.kind == "and" and token.key == "or")
        for token in run
    )


def _may_lead(run: Sequence[Token], *, lent: bool) -> bool:
    """Whether ``run``, before the first word that is said, may be left out.

    ``lent`` says that the subject came from the headings: then another one must not stand here.
    """
    run = _segment_end(run)
    if not any(token.means for token in run):
        return True
    if _begins_anew(run[-2:]):
        return not any(token.conditions for token in run)
    if _loses(run):
        return run[-1].kind == "comma" and _is_contrast(run)
    if run[-1].kind == "comma":
        return True
    if lent:
        return False
    return run[-1].kind == "and" and not any(token.kind == "comma" for token in run[:-1])


def _is_contrast(run: Sequence[Token]) -> bool:
    """Whether a leading stretch only says what something differs from ("Unlike the G2, …")."""
    return run[0].raw.lower() == "unlike" and not _loses(run[1:])


def _segment_end(run: Sequence[Token]) -> Sequence[Token]:
    """``run`` from the last break on: what comes before it is a statement of its own."""
    breaks = [index for index, token in enumerate(run) if token.kind == "break"]
    return run[breaks[-1] + 1 :] if breaks else run


def _may_skip(run: Sequence[Token], before: Token) -> bool:
    """Whether ``run``, between two words that are said, may be left out."""
    if not any(token.means for token in run):
        return not any(token.kind == "break" or token.key == "or" for token in run)
    if _loses(run) or any(token.kind == "break" for token in run) or _cuts_number(run, before):
        return False
    if run[0].kind == run[-1].kind == "comma":
        return True
    joints = [index for index, token in enumerate(run) if token.kind == "and"]
    if joints:
        inside = joints[0] > 0 and joints[-1] < len(run) - 1
        commas = any(token.kind == "comma" for token in run)
        if joints[0] == 0 and not commas:
            return True
        return not inside and joints[-1] == len(run) - 1
    return False


def _may_trail(run: Sequence[Token], before: Token, *, lent: bool, past: bool) -> bool:
    """Whether ``run``, behind the last word that is said, may be left out.

    What happened once (``past``) happened, whatever else is told about it; what holds in general
    holds only with all that the passage adds.
    """
    stop = next((i for i, token in enumerate(run) if token.kind == "break"), len(run))
    run = run[:stop]
    if not any(token.means for token in run):
        return True
    if lent or any(token.kind == "and" and token.key == "or" for token in run):
        return False
    if run[0].kind == "comma":
        return not any(token.conditions for token in run)
    if any(token.restricts for token in run) or _cuts_number(run, before):
        return False
    if run[0].kind == "and" or run[0].key in ("because", "due"):
        return True
    lost = any(token.kind == "small" and token.key not in ("to", "by") for token in run)
    return past and not lost


def _is_past(sentence: Sequence[Token]) -> bool:
    """Whether a sentence tells what happened: "was", or a past tense and no present one."""
    words = {token.raw.lower() for token in sentence}
    if words & PRESENT:
        return False
    return bool(words & PAST) or any(
        token.kind == "word" and token.raw.lower().endswith("ed") for token in sentence
    )


def _begins_anew(pair: Sequence[Token]) -> bool:
    """Whether ", and" stands here, behind which a statement of its own begins."""
    return [token.key for token in pair] == [",", "and"]


def _cuts_number(run: Sequence[Token], before: Token) -> bool:
    """Whether the unit or the scale of a number would be left out."""
    plain = before.kind == "figure" and before.raw.replace(".", "").replace(",", "").isdigit()
    return plain and run[0].kind == "word"
