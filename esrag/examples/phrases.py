"""Questions about what a sentence speaks of, where nothing else gives one: plain prose, no teacher.

    "The time stamp authority answers within 4 seconds."  ──►  What is said about the time stamp
    authority?

The phrase is one to three words between small words that bound a noun phrase in English, and stands
in this sentence of its document only, so that the sentence is the answer.  Such a question asks to
find and to copy, not to infer; it is as good for learning to cite and to refuse as any other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from esrag.examples.asked_sentences import questions_for
from esrag.examples.facts import is_english, topic_of
from esrag.examples.passages import Passage
from esrag.sentences import units_of
from esrag.terms import STOPWORDS, terms, written_words
from esrag.verification.statement import read_statement

_WORDS = (7, 40)  # of a sentence
_MOST = 3  # words of a phrase
_SHORTEST = 5  # letters
_BEFORE = r"(?:the|an?|of|in|for|with|on|its|their|each|every)"
_AFTER = r"(?:is|are|was|were|has|have|had|can|may|must|will|should|does|do|did)"
_WORD = r"[^\W\d_][\w-]*"
_PHRASE = re.compile(
    rf"(?:\b{_BEFORE}\s|^)(?!{_BEFORE}\s)(?P<phrase>{_WORD}(?:\s{_WORD}){{0,{_MOST - 1}}})"
    rf"(?=\s{_AFTER}\b|[,;:.)])",
    re.IGNORECASE,
)
# no noun phrase ends, or begins, like this
_NO_NOUN = re.compile(
    r"ed$|ly$|^\w+ing\b|^(?:another|other|same|great|next|whole|following|first|last|new|among"
    r"|despite|including|although|since|regarding|unlike|until|upon)\b|\boverall$",
    re.IGNORECASE,
)
_CUT = re.compile(r"\b[A-Z]\.$|[;\"“”]|\.\.\.")  # a sentence that is not one, or quotes another
# what begins so speaks of a sentence before it, or gives an order
_LEANS = re.compile(
    r"^(?:i|we|our|you|your|it|its|they|them|their|this|that|these|those|he|she|his|her|such|both|however|therefore"
    r"|thus|also|then|so|but|and|or|in addition|moreover|furthermore|for example|here|there)\b",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]{3}")  # of a title that says something
_WITH_TOPIC = (
    "What does {topic} say about {phrase}?",
    "According to {topic}, what is there to know about {phrase}?",
    "{topic}: what about {phrase}?",
    "What can I read about {phrase} in {topic}?",
)
_ALONE = (
    "What about {phrase}?",
    "What is there to know about {phrase}?",
    "What can you tell me about {phrase}?",
    "Do you know anything about {phrase}?",
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase, and the one sentence of its document that has it."""

    phrase: str
    sentence: str
    passage: Passage

    @property
    def questions(self) -> tuple[str, ...]:
        """Wordings that ask for the sentence; with the document's title where it has one."""
        topic = topic_of(self.passage) if _LETTERS.search(self.passage.title) else ""
        patterns = _WITH_TOPIC if topic else _ALONE
        return tuple(pattern.format(topic=topic, phrase=self.phrase) for pattern in patterns)


def phrases_of(document: Sequence[Passage]) -> Iterator[Phrase]:
    """At most one phrase for each passage of a document, the longest of the first sentences."""
    if not document or not is_english(document[0]):
        return
    # overlapping chunks repeat sentences; each counts once
    sentences = {unit.text for passage in document for unit in units_of(passage.as_hit())}
    spoken = Counter(word for text in sentences for word in terms(text).words)
    used: set[str] = set()
    for passage in document:
        found = [
            (phrase, unit.text)
            for unit in units_of(passage.as_hit())
            if not unit.is_heading and not unit.cells and unit.text not in used
            for phrase in _phrases(unit.text, spoken)
        ]
        if found:
            phrase, sentence = max(found, key=lambda pair: len(pair[0].split()))
            used.add(sentence)
            yield Phrase(phrase, sentence, passage)


@dataclass(frozen=True, slots=True)
class Turned:
    """A sentence that no other passage of its document has, and questions made by turning it."""

    questions: tuple[str, ...]
    sentence: str
    passage: Passage

    @property
    def phrase(self) -> str:
        """What tells it from the others: the sentence itself."""
        return self.sentence


def turned_sentences(document: Sequence[Passage]) -> Iterator[Turned]:
    """Each sentence of prose that can be asked for; not what stands in two passages."""
    if not document or not is_english(document[0]):
        return
    sentences = [
        (unit.text, passage)
        for passage in document
        for unit in units_of(passage.as_hit())
        if not unit.is_heading and not unit.cells and _is_whole(unit.text)
    ]
    often = Counter(text for text, _ in sentences)
    for text, passage in sentences:
        questions = tuple(questions_for(text)) if often[text] == 1 else ()
        if questions:
            yield Turned(questions, text, passage)


def _is_whole(sentence: str) -> bool:
    """Whether it stands for itself: of some length, leaning on no other."""
    fewest, most = _WORDS
    stated = read_statement(sentence, given=0)
    return (
        stated.whole
        and stated.text == sentence
        and not _LEANS.match(sentence)
        and not _CUT.search(sentence)
        and fewest <= len(written_words(sentence)) <= most
    )


def _phrases(sentence: str, spoken: Counter[str]) -> Iterator[str]:
    """The phrases of a whole sentence whose words stand together in no other of the document."""
    if not _is_whole(sentence):
        return
    for found in _PHRASE.finditer(sentence):
        phrase = found["phrase"]
        words, figures = terms(phrase).words, terms(phrase).figures
        small = any(word in STOPWORDS for word in phrase.lower().split())
        # one word is too little to ask by, unless it is a name
        little = " " not in phrase and not (found.start() and phrase[0].isupper())
        if figures or small or little or len(phrase) < _SHORTEST or _NO_NOUN.search(phrase):
            continue
        # a word of its own sentence only: no other sentence can be the answer
        if any(spoken[word] == 1 for word in words):
            yield _inside(phrase) if found.start() == 0 else phrase


def _inside(phrase: str) -> str:
    """A phrase from the beginning of a sentence as it stands inside one."""
    first, _, rest = phrase.partition(" ")
    if first[1:] != first[1:].lower() or rest != rest.lower():
        return phrase  # a name, or an acronym
    return f"{first.lower()} {rest}".strip()
