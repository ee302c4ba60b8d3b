"""Which of a teacher's questions and answers may teach: whole, to the point, and true.

    pair ─► form ─► faithfulness ─► novelty ─► (search finds its passage) ─► kept
              └────────┴──────────────┴──────────────┴─► dropped, with the reason

Form is cheap and comes first.  Faithful is what ``esrag.verification`` calls supported by the
passage, sentence by sentence, as when an answer is shown; with a judge a paraphrase may be, too.
A check of what a model wrote can be wrong both ways; what it drops is counted by reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from esrag.examples.novelty import SELF_INSTRUCT_LIMIT, rouge_l
from esrag.examples.teacher_questions import TeacherPair
from esrag.prompting import MODEL_REFUSAL, UNKNOWN
from esrag.sentences import generated_sentences
from esrag.terms import names, terms, written_words
from esrag.types import Hit
from esrag.verification import Entails, Verifier

LONGEST_QUESTION = 240  # characters
LONGEST_ANSWER = 600
MOST_SENTENCES = 3  # as the system prompt of serving asks for
_WORDS_OF_QUESTIONS = (4, 40)
_LEAST_SHARED = 0.5  # of the question's words that its passage must have
# a question that leads nowhere without its passage, and an answer that speaks of it
_PLACES = r"(?:text|article|paragraph|section|document|abstract)"
SPEAKS_OF_PASSAGE = re.compile(
    r"\b(?:the|this|these|that) (?:given |above |provided |following )?(?:passages?|excerpt)\b"
    rf"|\b(?:this|the (?:given|above|provided|following)) (?:{_PLACES}|information)\b"
    rf"|\b{_PLACES} (?:says?|states?|mentions?|describes?|discusses|lists?|provides?)\b"
    rf"|\b(?:according to|in|by) (?:the|this) (?:{_PLACES}|authors?|writers?)\b"
    r"|\b(?:mentioned|described|stated|discussed|listed|given|provided) (?:above|here|below)\b",
    re.IGNORECASE,
)
_ABOUT_ITSELF = re.compile(
    r"\b(?:as an ai|language model|i (?:cannot|can't|am unable|am sorry|apologi[sz]e)|i'm sorry"
    r"|here (?:is|are) (?:the|a|some|two|three)|sure[,!])",
    re.IGNORECASE,
)
_NOTHING_NAMED = re.compile(
    r"\b(?:it|its|they|their|them|he|she|his|her|this|these|those)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a pair: ``why`` it is dropped, "" when it is kept.

    ``start`` and ``end`` are where the words that carry the answer stand in the passage.
    """

    why: str = ""
    start: int = 0
    end: int = 0


def form(pair: TeacherPair) -> str:
    """What is wrong with a pair on the face of it; "" for nothing."""
    question, answer = pair.question, pair.answer
    fewest, most = _WORDS_OF_QUESTIONS
    count = len(question.split())
    if not question.endswith("?"):
        return "no question"
    if len(question) > LONGEST_QUESTION or not fewest <= count <= most:
        return "question too short or too long"
    sentences = len(generated_sentences(ended(answer)))
    if not answer or len(answer) > LONGEST_ANSWER or sentences > MOST_SENTENCES:
        return "no answer, or too long a one"
    if SPEAKS_OF_PASSAGE.search(question) or SPEAKS_OF_PASSAGE.search(answer):
        return "speaks of the passage"
    if about_itself(f"{question} {answer}") or refuses(answer):
        return "the teacher speaks of itself or refuses"
    if terms(answer).words <= terms(question).words:
        return "the answer only repeats the question"
    return ""


def stands_alone(question: str, hit: Hit) -> bool:
    """Whether a reader without the passage can tell what the question is about.

    It must name something (a figure, a name), or have no pronoun to lean on and enough words that
    its passage has.  Words decide; two documents may still fit it, which only a search can tell.
    """
    asked = terms(question)
    here = terms(f"{hit.context}\n{hit.text}").words
    shared = asked.words & here
    if len(shared) < _LEAST_SHARED * len(asked.words):
        return False
    if (asked.figures | names(question)) & here:
        return True
    return len(shared) >= 3 and not _NOTHING_NAMED.search(question)


def faithful(question: str, answer: str, hit: Hit, *, judge: Entails | None = None) -> Checked:
    """Whether ``hit`` carries every sentence of ``answer``; where, as offsets, if it does."""
    verifier = Verifier(question, (hit,), entails=judge)
    places: list[tuple[int, int]] = []
    for sentence in generated_sentences(ended(answer)):
        verdict = verifier.verdict(sentence)
        if verdict.support is None:
            return Checked(f"not supported: {_short(verdict.why)}")
        places.append((verdict.support.start, verdict.support.end))
    if not places:
        return Checked("no answer, or too long a one")
    return Checked("", min(start for start, _ in places), max(end for _, end in places))


class PairChecks:
    """Checks the pairs of one teacher in order, each against those that were kept before it.

    ``finds`` says whether a search for a question finds the passage that it was made from (round
    trip, as in Alberti et al. 2019, https://arxiv.org/abs/1906.05416); None asks nobody.
    """

    def __init__(self, *, finds: Callable[[str, Hit], bool] | None = None) -> None:
        self._finds = finds
        self._kept: dict[frozenset[str], list[tuple[frozenset[str], tuple[str, ...]]]] = {}

    def check(self, pair: TeacherPair, hit: Hit, *, judge: Entails | None = None) -> Checked:
        """Whether the pair is kept; one that is counts as said from now on."""
        why = form(pair)
        if why:
            return Checked(why)
        if not stands_alone(pair.question, hit):
            return Checked("the question does not say what it is about")
        found = faithful(pair.question, pair.answer, hit, judge=judge)
        if found.why:
            return found
        if self._finds is not None and not self._finds(pair.question, hit):
            return Checked("a search for the question does not find its passage")
        if not self._is_new(pair.question):
            return Checked("too like another question")
        return found

    def _is_new(self, question: str) -> bool:
        """Whether it asks for something else than those before it; then it is one of them.

        Questions that sound alike still differ when each names something that the other does not:
        another version, another name, another thing.
        """
        asked = terms(question)
        words = written_words(question)
        alike = self._kept.setdefault(asked.figures | names(question), [])
        for others, row in alike:
            nested = asked.words <= others or others <= asked.words
            if nested and rouge_l(words, row) >= SELF_INSTRUCT_LIMIT:
                return False
        alike.append((asked.words, words))
        return True


def ended(answer: str) -> str:
    """``answer`` with a full stop at its end: one without it counts as cut off."""
    return answer if answer[-1:] in ".!?…" else f"{answer}."


def about_itself(text: str) -> bool:
    """Whether a model speaks of itself, or to whoever asked it."""
    return bool(_ABOUT_ITSELF.search(text))


def refuses(answer: str) -> bool:
    """Whether an answer says that there is none."""
    folded = " ".join(answer.casefold().split())
    return any(folded.startswith(said.casefold().rstrip(".")) for said in (MODEL_REFUSAL, UNKNOWN))


def _short(why: str) -> str:
    """A reason without the words of one row, so that rows can be counted by it."""
    return re.sub(r"\d+", "n", why.split(":")[0].split(' "')[0])
