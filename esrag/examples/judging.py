"""A second model that says whether a passage states a sentence: the teacher's work, judged.

The question to it is that of ``esrag.entailment``; its answers are kept like a teacher's.  A judge
that cannot be asked ends a build, for a data set must not depend on who was there.
"""

from __future__ import annotations

from collections.abc import Sequence

from esrag.entailment import ANSWER_TOKENS, question_of, says_yes
from esrag.errors import EsragError, UnavailableError
from esrag.examples.desk import fence_of, row_seed
from esrag.examples.teacher import Request, Teacher
from esrag.verification import Entails


class JudgeGoneError(EsragError):
    """The judge did not answer; not one of the errors that verification takes for a no."""

    exit_code = UnavailableError.exit_code


def judged_by(judge: Teacher, *, documents: Sequence[str]) -> Entails:
    """Asks ``judge`` about pairs of a passage of ``documents`` and a statement."""

    def entails(pairs: Sequence[tuple[str, str]]) -> list[float]:
        requests = (
            Request(
                question_of(passage, statement, fence=fence_of(row_seed(0, passage, statement))),
                ANSWER_TOKENS,
                tuple(documents),
            )
            for passage, statement in pairs
        )
        try:
            # "yes" and the end of its tokens is a yes
            return [float(says_yes(reply.text)) for reply in judge.ask(requests)]
        except UnavailableError as error:
            raise JudgeGoneError(f"the judge: {error.message}", hint=error.hint) from error

    return entails
