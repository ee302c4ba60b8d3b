"""What the pool says of a stretch of a reply: the same, something else, or nothing.

    stretch ─► every unit of the pool ─┬─ carries it, and speaks of the thing asked about ─► carried
                                       ├─ says the same with another value, or negated ───► opposed
                                       └─ neither ──────────────────────────────────────► nothing

Builds on the rules by which answers are verified before they are shown; it adds that a stretch
which names nothing itself ("It weighs 410 g") speaks of what the question names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from esrag.evaluation.differences import keys_of, other_name, otherwise, written_as
from esrag.evaluation.expected import IRREGULAR, content, stems
from esrag.evaluation.stretches import readable
from esrag.evaluation.values import values
from esrag.evaluation.wording import FILLERS, LABEL, LIKE_CODE, PRONOUN, VERB, named_pairs
from esrag.sentences import Unit, units_of
from esrag.types import Hit
from esrag.verification import DEFAULT_COVERAGE
from esrag.verification.support import Ground, Sought, compare, folded, ground

LEAST_WORDS = 2  # words, figures aside, that a stretch needs to be compared at all
LEAST_SHARED = 0.75  # of a stretch's plain words, in a unit that says otherwise
LEAST_ALIKE = 0.7  # of a stretch's words, in a unit that may say so
LEAST_NEAR = 3  # words, figures aside, that a stretch needs to be near to a unit
LEAST_WHOLE = 0.6  # share of a unit's words, from which words without a verb say it
LEAST_VERBATIM = 25  # characters, from which a stretch that stands somewhere is a quotation
# what may follow the first clause of a sentence, when it is quoted as a sentence of its own
_GOES_ON = re.compile(r"\s*[,;—–]\s|\s*\(|\s+(?:and|but|while|whereas)\s")
_PART_OF = re.compile(
    r"\b(?:of|for|in|on|at|with|without|by|from|to|than|per)(?: the| a| an)? $", re.I
)
_LABELLED = re.compile(r"^.*?\b(?:is|are|was|were)\b|^[^:]*:", re.I)
_CODE_LINE = re.compile(r"^(?:\$ )?\S[^\n]{4,}$", re.M)
_FIELD = re.compile(r"[A-Z]\w+: \S.{0,60}$")  # a line of what is told about a document
_PARTICULAR = re.compile(r"(?:^|[.!?] )[A-Z]\w+: [^.:]{1,40}$")  # "Date: 28 April 2026"
_ENDS = frozenset('.!?:;…\n"”»)*')
# what a sentence says of a thing for which a table has but a column
_GENERIC = re.compile(
    r"\b(?:serves?|supports?|takes?|holds?|has|have|offers?|provides?|includes?|contains?|measures?"
    r"|comes? with|uses?|needs?|requires?|allows?|keeps?|carries|weighs?|costs?|lasts)\b",
    re.I,
)


# a verb that makes a statement of words; a participle at the beginning does not
STATES = re.compile(
    rf"{VERB.pattern}|{_GENERIC.pattern}|(?<=\w )\w{{3,}}ed\b|\b(?:{'|'.join(IRREGULAR)})\b", re.I
)


@dataclass(frozen=True, slots=True)
class Place:
    """A unit of a passage that says something about a stretch, and why."""

    hit: Hit
    unit: Unit
    why: str = ""


class Grounds:
    """The pool of one question, for any number of stretches of any reply to it."""

    def __init__(
        self, question: str, hits: Sequence[Hit], *, evidence: frozenset[str] = frozenset()
    ) -> None:
        """``evidence``: the ids of the hits that hold the question's evidence."""
        self._hits = tuple(hits)
        self._evidence = evidence
        self._documents = {hit.document_id for hit in self._hits if hit.id in evidence}
        self._units = tuple(
            (hit, unit) for hit in self._hits for unit in units_of(hit) if not unit.is_heading
        )
        texts = {unit.text for hit in self._hits for unit in units_of(hit)}
        self._long_units = sorted(
            (text for text in texts if len(text) >= LEAST_VERBATIM), key=lambda t: (-len(t), t)
        )
        self._as_read = {
            folded(text): (hit, unit)
            for hit, unit in reversed(self._units)
            if unit.cells or len(unit.text) >= LEAST_VERBATIM or _FIELD.match(unit.text)
            for text in (unit.text, readable(hit.text[unit.start : unit.end]))
        }
        self._lines = {folded(text) for text in texts}
        self._sentences = {
            folded(unit.text): (hit, unit)
            for hit, unit in reversed(self._units)
            if unit.text.endswith((".", "!")) and len(unit.text) <= LEAST_VERBATIM + 1
        }
        rows = [(hit, unit) for hit in hits for unit in units_of(hit) if unit.is_heading]
        self._headings = {folded(readable(h.text[u.start : u.end])) for h, u in rows} | {
            folded(heading)
            for hit in hits
            for heading in (hit.title, hit.context, *hit.heading_path)
        } - {""}
        self._code = {
            folded(line.group()): (hit, Unit(line.start(), line.end(), line.group()))
            for hit in reversed(self._hits)
            for line in _CODE_LINE.finditer(hit.text)
            if LIKE_CODE.search(line.group())
        }
        self.titled = frozenset(
            pair
            for hit in hits
            for title in (hit.title, *hit.heading_path)
            for pair in named_pairs(title)
        )
        # a first word that is nowhere written small is a name
        small = {t.key for _, u in self._units for t in ground(u.text).row if not t.capital}
        self.words = frozenset(
            key for h, u in self._units for key in ground(u.text).words | ground(h.context).words
        )
        self._names = self.words - small
        self.keys = keys_of(question)
        self._about: dict[tuple[str, int], bool] = {}
        self._stems: dict[tuple[str, int], frozenset[str]] = {}
        self._contexts = {hit.id: ground(hit.context) for hit in self._hits}
        self._raw_keys = {
            token.raw for token in content(question) if token.key in self.keys or token.capital
        }

    def carrying(self, text: str) -> Place | None:
        """The unit that says all of ``text``, about what it names or else the question does."""
        sought = Sought.of(text)
        if len(_own_words(text)) < LEAST_WORDS:
            return None
        named = bool(self.named_in(text))
        best: tuple[float, Place] | None = None
        for hit, unit in self._units:
            if not named and not self.is_about(hit, unit):
                continue
            share = self._share(sought, hit, unit, named=named)
            if share is not None and (_is_fragment(text, unit) or _is_of_other(text, unit)):
                continue
            if share is not None and (best is None or share > best[0]):
                best = share, Place(hit, unit)
        return best[1] if best else None

    def opposing(self, text: str) -> Place | None:
        """The unit that says the same as ``text`` with another value, or with a negation."""
        said = values(text)
        named = self.named_in(text)
        sought = Sought.of(_without_values(text))
        plain = sought.words - _name_keys(sought)
        if not plain or len(plain | named) < LEAST_WORDS:
            return None
        best: tuple[float, Place] | None = None
        for hit, unit in self._units:
            own, around = ground(unit.text), self._contexts[hit.id]
            if not plain & own.words:
                continue
            here = own.words | around.words
            shared = len(plain & here)
            if shared < LEAST_SHARED * len(plain):
                continue
            if shared < LEAST_WORDS and not _says_little(unit, own, plain | named):
                continue
            missing = named - _all_keys(own) - _all_keys(around)
            if not named and not self.is_about(hit, unit):
                continue
            if missing:
                same = plain <= here and shared >= LEAST_WORDS
                why = other_name(text, said, missing, unit) if same else ""
            else:
                why = otherwise(text, said, unit, around, whole=plain <= here)
            if why and (best is None or shared > best[0]):
                best = shared, Place(hit, unit, why)
        return best[1] if best else None

    def named_in(self, text: str) -> frozenset[str]:
        """What ``text`` speaks of, its first word too where the pool has it as a name."""
        first = [token for token in content(text)[:1] if token.kind == "word" and token.capital]
        return keys_of(text) | {token.key for token in first if token.key in self._names}

    def nearest(self, text: str, *, most: int) -> tuple[Place, ...]:
        """The units that share most words with ``text``: what a judge is shown."""
        sought = Sought.of(text)
        scored = []
        for number, (hit, unit) in enumerate(self._units):
            here, around = ground(unit.text), self._contexts[hit.id]
            share = len(sought.words & here.words) + len(sought.figures & here.figures)
            context = len((sought.words | self.keys) & (around.words | around.figures))
            if share:
                scored.append((-(share + 0.5 * context), number, hit, unit))
        return tuple(Place(hit, unit) for _, _, hit, unit in sorted(scored, key=_first_two)[:most])

    def near(self, text: str) -> Place | None:
        """The unit that has the figures and most words of ``text``, and its names.

        Whether it says so too, is another question: the words may stand in another order.
        """
        sought, words = Sought.of(text), stems(_without_values(text))
        if len(words) < LEAST_NEAR or not _is_sentence(text):
            return None
        names = keys_of(text) - self.keys
        verb = None if PRONOUN.match(text) else VERB.search(text)
        subject = stems(text[: verb.start()]) - FILLERS if verb else frozenset()
        best: tuple[float, Place] | None = None
        for hit, unit in self._units:
            here = self._stems_of(hit, unit)
            share = len(words & here) / len(words)
            other = subject and not subject & here and not PRONOUN.match(unit.text)
            if share < LEAST_ALIKE or other:
                continue
            figures = ground(unit.text).figures | self._contexts[hit.id].figures
            as_here = Sought.of(written_as(text, unit.text))
            if not (sought.figures <= figures or as_here.figures <= figures):
                continue
            if not names <= _all_keys(ground(unit.text)) | _all_keys(self._contexts[hit.id]):
                continue
            if best is None or share > best[0]:
                best = share, Place(hit, unit)
        return best[1] if best else None

    def _stems_of(self, hit: Hit, unit: Unit) -> frozenset[str]:
        place = hit.id, unit.start
        found = self._stems.get(place)
        if found is None:
            found = self._stems[place] = stems(f"{hit.context} {unit.text}")
        return found

    def _share(self, sought: Sought, hit: Hit, unit: Unit, *, named: bool) -> float | None:
        """How much of a stretch a unit holds that says it; None when it does not say it.

        Values are first written as the unit writes them.  A row of a table has no verbs, and names
        its subject in the column: those of the stretch need not stand there.
        """
        stage, reason, share = compare(sought, hit, unit, coverage=DEFAULT_COVERAGE)
        if not reason:
            return share
        text = written_as(sought.text, unit.text) if stage == 1 else sought.text
        if unit.cells:
            text = _GENERIC.sub(" ", text)
            text = text if named else f"{' '.join(sorted(self._raw_keys))} {text}"
            unit = self._own_columns(unit, text)
        if text == sought.text:
            return None
        _, reason, share = compare(Sought.of(text), hit, unit, coverage=DEFAULT_COVERAGE)
        return None if reason else share

    def _own_columns(self, unit: Unit, text: str) -> Unit:
        """A row without the columns of other things, where a column is of what is spoken of."""
        spoken = keys_of(f"The {text}") | self.keys
        name, *others = unit.cells
        own = [cell for cell in others if keys_of(f"The {cell[0]}") & spoken]
        cells = (name, *own) if own else unit.cells
        return replace(unit, cells=cells, text="; ".join(": ".join(cell) for cell in cells))

    def quoting(self, text: str) -> Place | None:
        """The place where ``text`` stands letter by letter, in one unit or over several.

        A short one must be a whole sentence there ("Check it."), and one with a name or a figure
        must speak of the thing that is asked about.
        """
        letters = folded(text)
        read = self._as_read.get(letters)
        if read:
            return Place(*read)
        code = self._code.get(letters)
        if code and self.is_about(*code):
            return Place(*code)
        if len(letters) < LEAST_VERBATIM:
            whole = self._sentences.get(letters) if text.endswith((".", "!")) else None
            if whole is None or " " not in letters:
                return None
            plain = not values(text) and not keys_of(text)
            ours = whole[0].document_id in self._documents or self._is_surely_about(*whole)
            return Place(*whole) if plain or ours else None
        for hit in self._hits:
            if letters not in folded(hit.text):
                continue
            for unit in units_of(hit):
                here = folded(hit.text[unit.start : unit.end])
                if unit.is_heading or not here:
                    continue
                whole_there = text.endswith(".") and here.startswith(f"{letters}. ")
                fragment = _is_fragment(text, unit) and not whole_there
                if here in letters or (letters in here and not fragment and _begins(here, letters)):
                    return Place(hit, unit)
        return self._first_clause(text)

    def _first_clause(self, text: str) -> Place | None:
        """The unit that begins with ``text`` and goes on behind it: a clause that has a verb."""
        letters = folded(text).rstrip(".")
        if len(letters) < LEAST_VERBATIM or not STATES.search(text):
            return None
        for hit, unit in self._units:
            here = folded(unit.text)
            if here.startswith(letters) and _GOES_ON.match(here, len(letters)):
                return Place(hit, unit)
        return None

    def holding(self, text: str) -> Place | None:
        """The unit that has a few words letter by letter, whatever stands around them."""
        letters = folded(text).rstrip(".")
        if len(letters.split()) <= LEAST_NEAR:
            return None
        return next((Place(h, u) for h, u in self._units if letters in folded(u.text)), None)

    def quotations(self, reply: str) -> list[tuple[int, int]]:
        """Where whole units of the pool stand in ``reply``, the longest first, none twice.

        Quotes are shown as units read outside their passage, so a row of a table is one.
        """
        taken: list[tuple[int, int]] = []
        for text in self._long_units:
            start = reply.find(text)
            while start >= 0:
                end = start + len(text)
                if not any(start < other[1] and other[0] < end for other in taken):
                    taken.append((start, end))
                start = reply.find(text, end)
        kept: list[tuple[int, int]] = []
        starts = {start for start, _ in taken}
        for start, end in sorted(taken):
            before, after = reply[:start][-200:].rstrip(" "), reply[end : end + 2]
            begins = (
                not before
                or before[-1] in _ENDS
                or _PARTICULAR.search(before)
                or (kept and kept[-1][1] >= start - 1)
            )
            ends = not after.strip() or reply[end - 1] in _ENDS or after[0] in "\n["
            ends = ends or end + 1 in starts  # another unit follows, whatever it begins with
            if begins and (ends or (after[0].isspace() and not after[1:].islower())):
                kept.append((start, end))
        return kept

    def is_line(self, text: str) -> bool:
        """Whether ``text`` is a unit of a passage as it reads, letter by letter."""
        return folded(text) in self._lines

    def is_heading(self, text: str) -> bool:
        """Whether ``text`` is a title or a heading of a passage, and states nothing."""
        return folded(text) in self._headings

    def _is_surely_about(self, hit: Hit, unit: Unit) -> bool:
        """Whether a unit of the evidence, or one with all names of the question, speaks here."""
        return self.is_about(hit, unit) and (hit.id in self._evidence or bool(self.keys))

    def is_about(self, hit: Hit, unit: Unit) -> bool:
        """Whether a unit speaks of what the question names, or at least of nothing else."""
        if not self.keys:
            return True
        place = hit.id, unit.start
        found = self._about.get(place)
        if found is None:
            found = self._about[place] = self._reads_about(hit, unit)
        return found

    def _reads_about(self, hit: Hit, unit: Unit) -> bool:
        here = _all_keys(ground(unit.text)) | _all_keys(self._contexts[hit.id])
        if self.keys <= here:
            return True
        if self.named_in(unit.text) - self.keys:
            return False
        return hit.id in self._evidence or self.keys <= here | _all_keys(ground(hit.text))


def _first_two(item: tuple[float, int, Hit, Unit]) -> tuple[float, int]:
    return item[0], item[1]


def _all_keys(ground_: Ground) -> frozenset[str]:
    """All that a name, a version or a code could be found as."""
    raw = frozenset(token.raw.lower() for token in ground_.row if token.kind == "figure")
    return ground_.words | ground_.figures | raw


def _own_words(text: str) -> frozenset[str]:
    """The words of ``text`` that are no part of a value."""
    return frozenset(token.key for token in content(_without_values(text)))


def _name_keys(sought: Sought) -> frozenset[str]:
    return frozenset(t.key for t in sought.row[1:] if t.kind == "word" and t.capital)


def _is_fragment(text: str, unit: Unit) -> bool:
    """Whether ``text`` is a few words of a unit, and no statement: it has none of its verbs."""
    if STATES.search(text):
        return False
    return len(stems(text)) < LEAST_WHOLE * len(stems(unit.text))


def _is_of_other(text: str, unit: Unit) -> bool:
    """Whether ``unit`` speaks of another thing by its code: of the G4-L, ``text`` of the G4."""
    if unit.cells:
        return False
    here, said = _codes(unit.text), _codes(text)
    return bool(said and here) and not said & here


def _codes(text: str) -> frozenset[str]:
    return frozenset(value.key for value in values(text) if value.kind == "code")


def _is_sentence(text: str) -> bool:
    """Whether ``text`` states something by itself, and is no phrase, labelled or not."""
    if LABEL.match(text):
        return STATES.search(_LABELLED.sub("", text)) is not None
    return text.endswith(".") or STATES.search(text) is not None


def _begins(unit: str, quoted: str) -> bool:
    """Whether ``quoted`` is no part of a phrase there: "of the G2" speaks not of the G2."""
    return _PART_OF.search(unit[: unit.index(quoted)]) is None


def _says_little(unit: Unit, own: Ground, told: frozenset[str]) -> bool:
    """Whether a sentence says hardly more than ``told``, so that one word in common will do."""
    return not unit.cells and len(own.words - told) <= LEAST_WORDS


def _without_values(text: str) -> str:
    """``text`` without its values; versions and codes, which name things, stay."""
    for value in reversed(values(text)):
        if value.kind not in ("version", "code"):
            text = f"{text[: value.start]} {text[value.end :]}"
    return text
