"""Questions about sentences of plain prose that rules can turn, with the part that answers.

    "The key is kept in the vault of the bank." ─► Where is the key kept?   "vault of the bank"

``examples.asked_sentences`` turns the sentence; the answer is what of it the question leaves out.
Only where that is a few words: a longer part is not repeated word by word by any answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from esrag.examples.desk import Desk
from esrag.examples.facts import topic_of
from esrag.examples.pair_checks import stands_alone
from esrag.examples.phrases import turned_sentences
from esrag.examples.posed import Posed
from esrag.terms import STOPWORDS, names, terms

_MOST_WORDS = 5  # of an answer
_WORD = re.compile(r"[^\s,;:()]+")
_ARTICLE = re.compile(
    r"^(?:the|an?|its|their|each|every|in|at|on|by|to|from|with)\s+", re.IGNORECASE
)
# what is no thing of its own
_NO_NAME = re.compile(
    r"(?i:^(?:since|by|other|others|existing|most|many|several|some|any|all|both|few|more|one"
    r"|another|in|on|at|for|from|with|after|before|during|despite|unlike|today)\b)"
    r"|[a-z]{2}[A-Z][a-z]+[A-Z]"  # words that a page's layout ran together
    r"|[\"“”=<>{}]"
)
_SMALL = re.compile(r"(?<![\w-])[a-z]{3,}(?![\w-])")
_PARTS = re.compile(r"[,;:()]")


def asked_prose(desk: Desk) -> Iterator[Posed]:
    """A question for each sentence that can be turned and leaves out a few words."""
    for document in desk.passages.documents():
        small = {word for each in document for word in _SMALL.findall(each.text)}
        for turned in turned_sentences(document):
            found = [
                (question, answer)
                for question in turned.questions
                # one word that is also written small is no name, and found in too much
                if (answer := left_out(turned.sentence, question))
                and _ARTICLE.sub("", answer).casefold() not in small
            ]
            if not found:
                desk.tally.drop("no few words that the question leaves out")
                continue
            question, answer = desk.random("prose", turned.passage.id, turned.sentence).choice(
                found
            )
            if not stands_alone(question, turned.passage.as_hit()):
                topic = topic_of(turned.passage)
                question = f"According to {topic}, {question[0].lower()}{question[1:]}"
            forms = (answer, _ARTICLE.sub("", answer))
            accepted = (tuple(dict.fromkeys(forms)),)
            yield Posed(question, turned.sentence, turned.passage, accepted)


def left_out(sentence: str, question: str) -> str:
    """The words at the beginning or end of a sentence that a question asks for, "" for none.

    What stands behind a comma is more than was asked for.
    """
    if question.startswith("What "):
        said = sentence[: max(0, sentence.find(f" {question[5:-1]}"))]
    else:
        said = _behind(_PARTS.split(sentence.rstrip("."))[0], question)
    bare = _ARTICLE.sub("", said)
    telling = [word for word in bare.split() if word.casefold() not in STOPWORDS]
    if not telling or len(said.split()) > _MOST_WORDS or _NO_NAME.search(said):
        return ""
    # a name, a figure or several words; one plain word is found in too much
    single = len(telling) == 1 and not (names(f"x {bare}") or terms(bare).figures)
    return "" if single else said


def _behind(sentence: str, question: str) -> str:
    """The part at the end: the words behind the last that the question has."""
    asked = {word.casefold() for word in _WORD.findall(question.rstrip("?"))}
    words = sentence.split()
    for place in range(len(words), 0, -1):
        if words[place - 1].casefold() in asked:
            return " ".join(words[place:])
    return ""
