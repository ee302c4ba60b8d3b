"""Questions without an answer, next to questions that have one.

    "When was Tern 4.2.0 released?" ──► "When was Tern 4.2.7 released?"   in no passage is a 4.2.7

A version, a code or a name gives way to one that no passage has (``examples.unknowns``).  Then
all passages are looked at for what may answer all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from esrag.evaluation.question_sets.candidates import question_id
from esrag.evaluation.question_sets.records import SetQuestion
from esrag.evaluation.question_sets.unanswered import answered_anywhere
from esrag.examples.desk import Desk
from esrag.examples.unknowns import Vocabulary

UNANSWERABLE = "unanswerable"


def near_misses(
    desk: Desk, answerable: Sequence[SetQuestion], vocabulary: Vocabulary
) -> Iterator[SetQuestion]:
    """At most one for each of ``answerable``, in their order; what may be answered is left out."""
    made = [each for each in (_changed(desk, one, vocabulary) for one in answerable) if each]
    answered = answered_anywhere(made, desk.passages)
    for each in made:
        if each.id in answered:
            desk.tally.drop("unanswerable: a passage may answer it all the same")
        else:
            yield each


def _changed(desk: Desk, question: SetQuestion, vocabulary: Vocabulary) -> SetQuestion | None:
    changed = vocabulary.changed(question.question, desk.random("near miss", question.id))
    pair = _replaced(question.question, changed)
    if pair is None or _is_part_of_name(pair[0], question.question):
        desk.tally.drop("unanswerable: no name, version or code to change")
        return None
    instead_of, entity = pair
    return SetQuestion(
        id=question_id(changed, ""),
        question=changed,
        type=UNANSWERABLE,
        answerable=False,
        other={
            "why": f'"{entity}" stands in none of the documents; it is near to "{instead_of}".',
            "near_miss": {"entity": entity, "instead_of": instead_of, "question": question.id},
            "source": {**question.other["source"], "maker": "template:unknown"},
        },
    )


def _is_part_of_name(word: str, question: str) -> bool:
    """Whether another word of a longer name follows: no place is called Unipean States."""
    return bool(re.search(rf"{re.escape(word)} [A-Z][a-z]", question)) and word.isalpha()


def _replaced(before: str, after: str) -> tuple[str, str] | None:
    """The word that was changed, as it was and as it is; None when nothing was."""
    old, new = before.split(), after.split()
    if before == after or len(old) != len(new):
        return None
    changed = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    if not changed:
        return None
    one, other = (word.strip(".,:;?!()\"'") for word in changed[0])
    return one, other
