"""Whether a stretch of a reply declines to answer.

A refusal speaks of the passages, of what is known or of the one who speaks: "the documents do not
state it", "I do not know".  "TLS 1.1 is not available" speaks of the world, and is a statement.
Pure.
"""

from __future__ import annotations

import re

from esrag import prompting
from esrag.answer_measures import normalised

_NOT = r"(?:not|n['’]t|never)"
_SOURCE = (
    r"(?:passages?|documents?|documentation|context|texts?|sources?|excerpts?|material|question"
    r"|information|records?|corpus|knowledge)"
)
_TELL = (
    r"(?:answer|contain|mention|state|provide|include|specify|say|give|tell|cover|describe|discuss"
    r"|address|list|have|indicate|disclose|reveal|refer|suffice|enough|sufficient|clear)"
)
_TOLD = r"(?:mentioned|stated|specified|disclosed|documented|known|answered|indicated|described)"
_REFUSES = re.compile(
    "|".join(
        (
            # the source does not tell
            rf"\b{_SOURCE}\b[^.!?]{{0,60}}\b(?:do|does|did|is|are|was|were|can|could)(?:\s*{_NOT})\b"
            rf"[^.!?]{{0,30}}?\b{_TELL}\w*\b",
            rf"^\W*(?:the|this) {_SOURCE}\b[^.!?]{{0,200}}"
            rf"\bbut it (?:do|does|did|is|was)\s*{_NOT}\b",
            rf"^\W*(?:no (?:\w+ )?{_SOURCE} (?:is|are|was|were)"
            rf"|(?:the|this|these) (?:\w+ )?{_SOURCE} (?:is|are|was|were)\s*{_NOT})\s+"
            r"(?:available|provided|given|included|found|accessible)\W*$",
            rf"\b(?:none|neither) of the (?:given |provided )?{_SOURCE}\b",
            r"\b(?:there (?:is|was|are)|i (?:have|found|see)|contains?|provides?|with|gives?|has)"
            r"\s+(?:no|insufficient|not enough)\s+(?:\w+\s+)?(?:information|mention|answer|data"
            r"|details?|indication|evidence|record|knowledge|context)\b",
            r"^\W*(?:no|insufficient|not enough) (?:information|answer|data|mention|details?)\b",
            rf"\b(?:does|do|did)(?:\s*{_NOT})\s+(?:say|state|mention|specify|tell|disclose)\s+"
            r"(?:when|what|who|how|which|whether|where|why|it|this|that|anything)\b",
            r"\bdo(?:es)? not answer (?:this|the|that|your) question\b",
            r"\bnot possible to (?:\w+ ){0,2}?(?:answer|provide|determine|say|tell|give|find)\b",
            # somebody does not know
            rf"\b(?:i|we)\s+(?:do|did|can|could|am|are|was|have|would)(?:\s*{_NOT})\s+"
            r"(?:\w+\s+){0,2}?(?:know|find|found|answer|determine|say|tell|provide|access|have|see"
            r"|sure|aware|able|certain|confirm|learnt|learned|give|help|familiar)\b",
            rf"\bi['’]?m\s+(?:\w+\s+){{0,2}}?(?:{_NOT}\s+(?:sure|aware|able|certain|familiar)"
            r"|unable|unaware|sorry)\b",
            r"\bi cannot\b|\bi can['’]t\b|\bwe cannot\b",
            r"\b(?:i am|we are) (?:unable|unsure|sorry)\b",
            r"^\W*(?:sorry|apologies)\b|\bas an? (?:text-based |large )?(?:ai|language model)\b",
            r"^\W*(?:don['’]t|do not) know\b",
            # nobody says it
            rf"\b(?:is|are|was|were|has|have)(?:\s+(?:been|being|yet))?\s*{_NOT}\s+(?:been\s+)?"
            rf"(?:\w+ly\s+)?{_TOLD}\b",
            rf"\b(?:is|are|was|were)\s+{_NOT}\s+(?:provided|given|found|contained|included|available)"
            rf"\s+(?:in|by|from)\s+(?:\w+\s+){{0,3}}?{_SOURCE}\b",
            r"\b(?:cannot|can['’]t|could not|couldn['’]t|can not)\s+be\s+"
            r"(?:answered|determined|found|said|inferred|known|established|verified)\b",
            r"\b(?:it is|it['’]s|that is|is|remains) (?:unclear|unknown|unspecified|undisclosed)\b",
            # as a whole
            r"^\W*(?:unknown|unclear|n/?a|none given|not (?:available|stated|known|mentioned"
            r"|specified|found|provided|given|answerable|sure)|unanswerable|no idea|no answer)\W*$",
            # in other languages, the common ways
            r"\bich weiß (?:es|das)? ?nicht\b|\bweiß ich nicht\b",
            r"\bkeine (?:angaben?|informationen?)\b",
            r"\b(?:dokumente?|passagen?|texte?|quellen?)\b[^.!?]{0,60}\bnicht\b",
            r"\bje ne sais pas\b|\baucune information\b|\bno (?:lo )?sé\b|\bno hay información\b"
            r"|\bnon lo so\b|\bnão sei\b|\bik weet (?:het )?niet\b",
            r"\bне знаю\b|不知道|没有提到|分かりません|لا أعرف",
        )
    ),
    re.IGNORECASE,
)
_AGREED = frozenset(
    normalised(text) for text in (prompting.MODEL_REFUSAL, prompting.REFUSAL, prompting.UNKNOWN)
)
_LONGEST = 2_000


def declines(text: str) -> bool:
    """Whether ``text``, a sentence or a clause, says that there is no answer."""
    if len(text) > _LONGEST:
        return False
    return normalised(text) in _AGREED or _REFUSES.search(text) is not None
