"""Whether a stretch of a reply states anything at all.

    stretch ─┬─ says nothing, whatever was asked: "e.g.", a question, "I am glad to help"
             ├─ tells nothing unless it holds the reference: a byline, "The passage is about …"
             └─ breaks off before it says anything

Pure; knows no question.
"""

from __future__ import annotations

import re

from esrag.evaluation.expected import stems
from esrag.evaluation.values import values
from esrag.evaluation.wording import FINITE, VERB

PASSAGE_ID = re.compile(r"<?/?\bpassages? [0-9a-f]{4,12}\b>?", re.I)
MOST_NAMED = 8  # words of a phrase that names a source
MOST_QUOTED = 3  # words behind a quotation mark that is not closed

_SHORTENED = re.compile(r"^\W*(?:i\.? ?e|e\.? ?g|etc|cf|viz)\W*$", re.I)
_DEGENERATE = re.compile(r"(?:\.\d+){8,}")  # no version has so many parts
_LAID_OUT = re.compile(r"›|^</?\w+[^<>]{0,80}>$")
_POLITE = re.compile(
    r"^(?:i['’]m (?:ready|happy|glad|here|going|just)|i(?:['’]d| would) be|i['’]m$|let me"
    r"|i (?:hope|will|can) (?:help|assist|this)|i am (?:ready|happy|glad|here)|feel free"
    r"|please (?:provide|let|tell|specify|clarify|feel|note)|thank|thanks|hello|hi\b|sure"
    r"|of course|certainly|you['’]re welcome"
    r"|if you (?:need|have|want|would like)\b.{0,60}\b(?:help|assist\w*|questions?|ask))\b",
    re.I,
)
_AT_HAND = re.compile(r"\bi['’]?a?m here to (?:help|assist)\b", re.I)
_HAS_ANSWER = re.compile(
    r"\b(?:passages?|documents?|texts?)\b.{0,20}\b(?:contains?|has|have|gives?|provides?)\b"
    r".{0,15}\banswer\b",
    re.I,
)
_SOURCE = (
    r"^\W*(?:the|this|these|both|each) (?:given |provided |above |following )?"
    r"(?:passages?|texts?|documents?|contexts?|questions?|excerpts?|articles?|release notes)"
    r"(?: you (?:provided|gave|have provided))? (?:(?:is|are|also|not) )*"
)
_TELLS = (
    r"(?:provid|contain|discuss|describ|mention|giv|offer|present|includ|focus|talk|refer|explain)"
    r"(?:s|es|ing|e)?"
)
_SOURCE_WORDS = stems("passage passages document documents text continuation part beginning next")
_ABOUT_SOURCE = re.compile(rf"{_SOURCE}(?:{_TELLS}|about)\b", re.I)
_ONLY_ABOUT = re.compile(
    rf"{_SOURCE}(?:about|{_TELLS} (?:\w+ ){{0,3}}?(?:lists?|details?|information|explanations?"
    r"|descriptions?|overview|summary|discussion|instructions?|examples?|introduction))\b"
    r"(?!.*,)",
    re.I,
)
_NAMES_SOURCE = re.compile(
    r"^\W*(?:according to|as (?:stated|described|shown|listed|mentioned|given|written) in|see)\b",
    re.I,
)
_IS_PASSAGE = re.compile(r"^\W*(?:it|this|the answer)(?: is)?\W+passage\W*$", re.I)
_PARTICULARS = (
    r"(?:date|url|authors?|by|to|from|cc|subject|source|version|status|updated|published"
    r"|last changed|category|tags)"
)
_PARTICULAR = re.compile(rf"\b{_PARTICULARS}\s*:\s", re.I)
_ADDRESS = re.compile(r"^\W*(?:to|from|cc|by)\s*:\s", re.I)
_SPEAKER = re.compile(r"^\W*(?:(?:but|and|so) )?i(?:['’](?:m|d|ll|ve))?\s", re.I)
_SAYS_THAT = re.compile(r"\b(?:think|believe|guess|assume|know|found|recall|remember)\b", re.I)
_ONLY_YES_OR_NO = re.compile(r"^(?:\W*\b(?:yes|no|yeah|yep|nope)\b)+\W*$", re.I)
_COPULA = re.compile(r"\b(?:is|are|was|were|means?|equals?)\b", re.I)
_NO_END = frozenset(
    "the a an of to in on at by for from with and or but that which who is are was were be been has"
    " have had its their this these as after before than if when while because".split()
)
_CONDITION = re.compile(r"^(?:if|when|while|because|although|unless|once)\b", re.I)


def says_nothing(text: str) -> str:
    """Why a stretch states nothing, whatever was asked; "" when it may state something."""
    if _SHORTENED.match(text) or _DEGENERATE.search(text) or _is_tautology(text):
        return "it states nothing"
    if _LAID_OUT.search(text):
        return "a heading states nothing"
    if text.endswith("?"):
        return "a question states nothing"
    if _POLITE.match(text) or _AT_HAND.search(text) or _HAS_ANSWER.search(text):
        return "it is about the conversation"
    return ""


def tells_nothing(text: str, *, named: bool) -> str:
    """Why a stretch that does not hold the reference tells nothing; "" when it may.

    ``named``: whether it names what the question does not.
    """
    if _is_byline(text):
        return "it is the particulars of a document"
    if _names_source(text):
        return "it only names a source"
    if _ONLY_ABOUT.match(text) or (not named and _is_about_source(text)):
        return "it is about the passages"
    return ""


def only_yes_or_no(text: str) -> bool:
    """Whether a stretch is a yes or no and nothing else."""
    return _ONLY_YES_OR_NO.match(text) is not None


def is_about_speaker(text: str) -> bool:
    """Whether a stretch says of the one who speaks only what it does or is: "I am not a human".

    "I think that it has 12" states something.
    """
    match = _SPEAKER.match(text)
    return match is not None and not values(text) and _SAYS_THAT.search(text) is None


def breaks_off(text: str) -> bool:
    """Whether a stretch stops at a word that nothing can end with: "The reason is"."""
    words = text.split()
    return bool(words) and words[-1].lower() in _NO_END


def is_half(text: str) -> bool:
    """Whether a stretch begins with "if" or a quotation mark and ends before anything is said."""
    if text.count('"') % 2 and len(text.rpartition('"')[2].split()) <= MOST_QUOTED:
        return text[-1] not in '.!?"'
    return _CONDITION.match(text) is not None and "," not in text and text[-1] not in ".!?;:"


def _is_byline(text: str) -> bool:
    """The particulars of a document: its date and address, or to whom it is written."""
    told = len(_PARTICULAR.findall(text)) > 1 or _ADDRESS.match(text)
    row = ";" in text  # of a table, which may have such columns
    return bool(told) and not row and VERB.search(text) is None


def _names_source(text: str) -> bool:
    short = len(text.split()) <= MOST_NAMED and not values(text)
    if _IS_PASSAGE.match(text):
        return True
    return short and _NAMES_SOURCE.match(text) is not None and VERB.search(text) is None


def _is_tautology(text: str) -> bool:
    """Whether a stretch says of a thing that it is this thing."""
    sides = [stems(side) for side in _COPULA.split(text)]
    return len(sides) > 1 and bool(sides[0]) and len(set(sides)) == 1


def _is_about_source(text: str) -> bool:
    """Whether a stretch says of a passage or of the question only that it is about something.

    "The passage discusses the closing of the mine" states nothing; what goes on ("…, which was
    closed in 1911") does.
    """
    if stems("passage") <= stems(text) <= _SOURCE_WORDS:
        return True
    match = _ABOUT_SOURCE.match(text)
    if match is None or values(text):
        return False
    return FINITE.search(text, match.end()) is None
