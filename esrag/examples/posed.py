"""Questions that one passage answers, whoever wrote them: what grounded examples are made of.

    makers without a teacher ─► knowledge rows ─┐
    teacher, about each passage ─► pair checks ─┴─► Posed ─► grounded, unanswerable, knowledge

A question is handed on only with an answer in whole sentences that ``esrag.verification`` calls
supported by its passage.  Where the answer of a row is a bare value, the words of the passage that
state it are the answer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby

from esrag.examples.desk import Desk, fence_of, row_seed
from esrag.examples.judging import judged_by
from esrag.examples.makers import maker_named
from esrag.examples.pair_checks import MOST_SENTENCES, PairChecks, ended, faithful
from esrag.examples.passages import Passage
from esrag.examples.phrases import Phrase, Turned, phrases_of, turned_sentences
from esrag.examples.teacher import Request
from esrag.examples.teacher_questions import PAIR_TOKENS, PAIRS, asking_for_pairs, read_pairs
from esrag.questions import holds
from esrag.quoting.kinds import asked_for
from esrag.sentences import Unit, generated_sentences, units_of
from esrag.terms import dates_normalised, figure_forms, terms, written_words
from esrag.types import Example, Hit

# whose questions read as people ask; a gap in a sentence is no question
TEMPLATES = ("template:table", "template:field", "template:statement", "template:heading")
FOUND_WITHIN = 10  # hits among which a question's own passage must be
_LEAST_WORDS = 3  # of an answer that says what it is about
_LEAST_SHARED = 2  # words of the question in a sentence that answers it
_ASKS_YEAR = re.compile(r"\b(?:what|which) (?:year|version|release)\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
_LEAST_PASSAGE = 12  # words of a passage worth asking a teacher about


@dataclass(frozen=True, slots=True)
class Posed:
    """A question, its passage, and the sentences that answer it.

    ``accepted`` are groups of forms as in an Example; ``teacher`` is the model that wrote it.
    """

    question: str
    answer: str
    passage: Passage
    accepted: tuple[tuple[str, ...], ...] = ()
    teacher: str = ""


def posed_by_templates(desk: Desk) -> Iterator[Posed]:
    """One wording of each fact that the makers without a teacher find."""
    for name in TEMPLATES:
        rows = (row for row in maker_named(name).examples(desk) if row.kind == "knowledge")
        for (chunk, _), wordings in groupby(
            rows, key=lambda row: (row.source.chunks[0], row.answer)
        ):
            asked = [row for row in wordings if row.split != "recall"]
            passage = desk.passages.get(chunk)
            if not asked or passage is None:
                continue
            row = desk.random("raft:wording", chunk, asked[0].answer).choice(asked)
            answer = sentences_for(row, passage.as_hit())
            if answer:
                yield Posed(row.question, answer, passage, row.accepted)
            else:
                desk.tally.drop(
                    "grounded: its passage does not say the answer in one to three sentences"
                )


def posed_by_phrases(desk: Desk) -> Iterator[Posed]:
    """Questions about sentences of plain prose; each is answered by its sentence.

    About a phrase of each passage that has one, and about each sentence that can be turned.
    """
    for document in desk.passages.documents():
        both: Iterator[Phrase | Turned] = chain(phrases_of(document), turned_sentences(document))
        for found in both:
            chance = desk.random("raft:phrase", found.passage.id, found.phrase)
            question = chance.choice(found.questions)
            if not faithful(question, found.sentence, found.passage.as_hit()).why:
                yield Posed(question, found.sentence, found.passage)


def posed_by_teacher(desk: Desk) -> Iterator[Posed]:
    """What the teacher asks about the passages, as far as it passes the checks.

    Raises what ``Teacher.ask`` raises.
    """
    teacher = desk.teacher
    if teacher is None:
        return
    checks = PairChecks(finds=finder(desk))
    asked: deque[Passage] = deque()

    def requests() -> Iterator[Request]:
        for passage in chosen_passages(desk, "teacher:pairs", each=PAIRS):
            asked.append(passage)
            yield _request(desk, passage)

    for reply in teacher.ask(requests()):
        passage = asked.popleft()
        pairs = tuple(read_pairs(reply.whole_lines))
        if not pairs:
            why = reply.why.split(":")[0] or "nothing that reads as a question with its answer"
            desk.tally.drop(f"teacher: {why}")
        judge = judged_by(desk.judge, documents=(passage.document_id,)) if desk.judge else None
        for pair in pairs:
            found = checks.check(pair, passage.as_hit(), judge=judge)
            if found.why:
                desk.tally.drop(f"teacher: {found.why}")
                continue
            answer = ended(pair.answer)
            forms = forms_in(pair.question, answer)
            yield Posed(pair.question, answer, passage, forms, teacher=teacher.model)


def chosen_passages(desk: Desk, maker: str, *, each: int) -> Iterator[Passage]:
    """The passages a teacher is asked about: all, or a share of them drawn by seed.

    Where the number of examples is limited so is what is asked: three times what is needed if each
    passage gave ``each`` examples, since most of them are dropped.
    """
    wanted = desk.limits.per_kind
    share = 3 * wanted / (each * max(1, len(desk.passages))) if wanted else 1.0
    for passage in desk.passages:
        if len(passage.text.split()) < _LEAST_PASSAGE:
            desk.tally.drop("teacher: passage too short to ask about")
        elif share >= 1 or desk.random(maker, "chosen", passage.id).random() < share:
            yield passage


def finder(desk: Desk) -> Callable[[str, Hit], bool] | None:
    """Whether a search for a question finds its passage; None where there is no search."""
    search = desk.search
    if search is None:
        return None
    return lambda question, hit: any(found.id == hit.id for found in search(question, FOUND_WITHIN))


def sentences_for(row: Example, hit: Hit) -> str:
    """The answer to a row in whole sentences that ``hit`` supports, "" when it has none.

    That is the row's own answer, else the sentence or row of a table that holds the value and
    speaks of what the question asks about.
    """
    own = ended(row.answer)
    if len(generated_sentences(own)) > MOST_SENTENCES:
        return ""
    if len(written_words(own)) >= _LEAST_WORDS and not faithful(row.question, own, hit).why:
        return own
    for unit in units_of(hit):
        said = "" if unit.is_heading else _said(unit, row)
        if said and not faithful(row.question, said, hit).why:
            return said
    return ""


def forms_in(question: str, answer: str) -> tuple[tuple[str, ...], ...]:
    """The figures that ``answer`` brings to a question that asks for one; empty when words count.

    An answer that is right holds each of them.
    """
    if asked_for(question).held is None and not _ASKS_YEAR.search(question):
        return ()
    known = terms(question).figures
    groups: list[tuple[str, ...]] = []
    for word in written_words(_THOUSANDS.sub("", dates_normalised(answer))):
        forms = figure_forms(word)
        if word[0].isdigit() and forms and not known & set(forms):
            groups.append(tuple(dict.fromkeys((word, with_thousands(word)))))
    return tuple(dict.fromkeys(groups))


def with_thousands(number: str) -> str:
    """A whole number with the commas of its thousands; anything else as it is."""
    return f"{int(number):,}" if number.isdecimal() and len(number) > 3 else number


def _said(unit: Unit, row: Example) -> str:
    """What a unit says in answer to a row, "" when it does not; of a table one cell with its name.

    A value alone proves nothing: the same number stands in other rows, about other things.
    """
    asked = terms(row.question).words
    if not row.accepted or not holds(unit.text, row.accepted):
        return ""
    if not unit.cells:
        about = terms(unit.text).words - {form for group in row.accepted for form in group}
        return ended(unit.text) if len(asked & about) >= _LEAST_SHARED else ""
    (_, name), *others = unit.cells
    for column, value in others:
        named = terms(f"{name} {column}").words
        if column and named <= asked and holds(value, row.accepted):
            return ended(f"{name}, {column}: {value}")
    return ""


def _request(desk: Desk, passage: Passage) -> Request:
    fence = fence_of(row_seed(desk.seed, "teacher:pairs", passage.id))
    messages = asking_for_pairs(passage.as_hit(), fence=fence)
    return Request(messages, PAIRS * PAIR_TOKENS, (passage.document_id,))
