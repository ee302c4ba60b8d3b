"""The small words on which the meaning of a statement hangs, and those on which it does not.

English, like the stemmer: a corpus in another language is checked by its content words, figures,
names and order alone, which rejects more and lets nothing else pass.
"""

from __future__ import annotations

NEGATION = "not"
_SAME = {
    "no": NEGATION, "never": NEGATION, "none": NEGATION, "neither": NEGATION, "nor": NEGATION,
    "nobody": NEGATION, "nothing": NEGATION, "nowhere": NEGATION, "n't": NEGATION,
    "might": "may", "perhaps": "may", "possibly": "may", "maybe": "may",
    "shall": "must", "would": "will", "till": "until", "everybody": "every", "everyone": "every",
    "each": "every", "anybody": "any", "anyone": "any", "fewer": "less", "approximately": "about",
    "around": "about", "roughly": "about", "nearly": "almost", "upto": "up",
}  # fmt: skip

# What changes a statement when it is added, left out or exchanged.
_STRONG = frozenset(
    """not may can could must should will all every any some several few most many much both either
    only more less least than before after since until between against above below over under within
    without during once twice together alone always often sometimes usually typically normally
    about almost exactly up down off out into per too enough even unlike instead except
    because due therefore thus hence""".split()
)
# What has to be there when the sentence says it, and may be left out with what follows it.
_WEAK = frozenset("from to by".split())
# What limits a statement: whoever leaves it out says more than the passage does.
RESTRICTIONS = frozenset(
    """if unless only except provided when whenever while until before after than without within
    with during once respectively according allegedly reportedly supposedly rumour rumor instead
    rather planned expected proposed assuming""".split()
)
# Those of them whose limit reaches beyond a comma.
CONDITIONS = frozenset(
    """if unless only except provided when whenever until without respectively according allegedly
    reportedly supposedly rumour rumor assuming""".split()
)
PAST = frozenset("was were had did".split())
PRESENT = frozenset("is are has have does do can may must will should could".split())
# One of them stands in nearly every English sentence, and in few of another language.
ENGLISH = frozenset(
    """the is are of and to it has have were been be for by from with not while as about per who
    which
    this that these those does did when but if than only its they their you your we our he she at
    """.split()
)
COORDINATORS = frozenset({"and", "or", "plus"})
BREAKS = frozenset("but while whereas although though".split())
LIGHT = frozenset(
    """a an the this that these those it its they them their he she his her him we us our you your i
    my me one is are was were be been being am has have had having do does did doing there here of
    in on at for as with which who whom whose what where how then also now already currently so
    such same other another own just please itself themselves again further """.split()
)
BE = frozenset("is are was were be been being am".split())
# Words that say the same in this narrow sense: sums of money and units of measure.
_STEMS = {
    "cost": "price", "euro": "eur", "pct": "percent", "sec": "second", "secs": "second",
    "min": "minut", "mins": "minut", "hr": "hour", "hrs": "hour",
    "s": "second", "h": "hour", "g": "gram", "kg": "kilogram", "ms": "millisecond",
}  # fmt: skip


def function_word(word: str) -> str:
    """The form in which a small word is compared; "" when it is none that matters."""
    word = _SAME.get(word, word)
    return word if word in _STRONG or word in _WEAK else ""


def is_weak(word: str) -> bool:
    """Whether a small word may be left out together with what follows it."""
    return word in _WEAK


def same_stem(stem: str) -> str:
    """The stem under which words that say the same are compared."""
    return _STEMS.get(stem, stem)
