"""Chooses a set from its candidates: of every sort and of many documents alike, nothing twice.

    candidates ─► a table in a SQLite file ─► turns: one of each sort, documents in turn ─► chosen

Memory grows with what is chosen, not with the candidates.  The order is by hashes of the seed and
the question, so that a set stays nearly the same when a few documents come or go.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from esrag.evaluation.question_sets.overlap import AlikeQuestions
from esrag.evaluation.question_sets.records import SetQuestion, as_line, from_record
from esrag.examples import duplicates
from esrag.examples.desk import Desk, row_seed

_TABLE = """
CREATE TABLE candidates (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, answers TEXT NOT NULL, type TEXT NOT NULL,
    document TEXT NOT NULL, about TEXT NOT NULL, place INTEGER NOT NULL, line TEXT NOT NULL
);
CREATE INDEX candidates_by_key ON candidates (key);
"""
_TWO_ANSWERS = """
DELETE FROM candidates WHERE key IN (
    SELECT key FROM candidates GROUP BY key HAVING count(DISTINCT answers) > 1
)
"""
# every document's first question before any document's second, and the same for what is asked
_IN_TURNS = """
SELECT line FROM (
    SELECT line, place, id,
        row_number() OVER (PARTITION BY document ORDER BY place, id) AS of_document,
        row_number() OVER (PARTITION BY about ORDER BY place, id) AS of_sort
    FROM candidates WHERE type = ?
) ORDER BY of_document + of_sort, place, id
"""


class Choice:
    """Candidates as they come; ``in_turns`` gives them in the order in which they are chosen."""

    def __init__(self, file: sqlite3.Connection, desk: Desk) -> None:
        self._file = file
        self._desk = desk
        self._file.executescript(_TABLE)

    def add(self, question: SetQuestion) -> None:
        """Take a candidate, unless it is there already."""
        added = self._file.execute(
            "INSERT OR IGNORE INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                question.id,
                duplicates.question_key(question.question),
                duplicates.answers_key(question.answer_groups, question.answer),
                question.type,
                question.documents[0],
                str(question.other.get("source", {}).get("about", "")).casefold(),
                row_seed(self._desk.seed, "question", question.id),
                as_line(question),
            ),
        )
        if not added.rowcount:
            self._desk.tally.drop("the same question twice")

    def settle(self) -> None:
        """Leave out questions to which the documents give two answers."""
        gone = self._file.execute(_TWO_ANSWERS).rowcount
        if gone:
            self._desk.tally.drop("two answers to one question", gone)
        self._file.commit()

    def types(self) -> tuple[str, ...]:
        """The sorts that there are."""
        found = self._file.execute("SELECT DISTINCT type FROM candidates ORDER BY type")
        return tuple(name for (name,) in found)

    def lines(self, *, last: Sequence[str] = ()) -> list[list[Iterator[SetQuestion]]]:
        """For each sort its candidates in their order; ``last`` is a group of its own."""
        groups = [
            [name for name in self.types() if name not in last],
            [name for name in self.types() if name in last],
        ]
        return [[self._of(name) for name in group] for group in groups]

    def _of(self, type_name: str) -> Iterator[SetQuestion]:
        for (line,) in self._file.execute(_IN_TURNS, (type_name,)):
            yield _question(line)


def chosen(
    groups: Iterable[Sequence[Iterator[SetQuestion]]],
    *,
    count: int,
    per_document: int,
    why_not: Callable[[SetQuestion], str],
    alike: AlikeQuestions,
    desk: Desk,
) -> list[SetQuestion]:
    """The first ``count`` that may be asked, one of each line after another; 0 takes all.

    Of a group only what those before it leave.  At most ``per_document`` of a document (0: any
    number), none for which ``why_not`` has a reason, none that is answered by the words of
    another, and none that is nearly the same as one in ``alike``, to which they are added.
    """
    chooser = _Chooser(per_document, why_not, alike)
    for lines in groups:
        waiting = list(lines)
        while waiting and not (count and len(chooser.found) >= count):
            for line in tuple(waiting):
                if count and len(chooser.found) >= count:
                    break
                if not chooser.took_one(line, desk.tally.drop):
                    waiting.remove(line)
    return chooser.found


class _Chooser:
    """What has been chosen so far, and what it rules out."""

    def __init__(
        self, per_document: int, why_not: Callable[[SetQuestion], str], alike: AlikeQuestions
    ) -> None:
        self.found: list[SetQuestion] = []
        self._per_document = per_document
        self._why_not = why_not
        self._alike = alike
        self._of_document: Counter[str] = Counter()
        self._used: set[tuple[object, ...]] = set()

    def took_one(self, line: Iterator[SetQuestion], drop: Callable[[str], None]) -> bool:
        """Take the next that may be asked; False when there is none left."""
        for question in line:
            why = self._reason_against(question)
            if not why:
                self._take(question)
                return True
            drop(why)
        return False

    def _reason_against(self, question: SetQuestion) -> str:
        most = self._per_document
        if most and self._of_document[question.documents[0]] >= most:
            return f"beyond {most} of its document"
        if question.evidence and _said(question) in self._used:
            return "the same words answer another question"
        why = self._why_not(question)
        if not why and self._alike.like(question.question):
            return "nearly the same as another question"
        return why

    def _take(self, question: SetQuestion) -> None:
        self._alike.add(question.id, question.question)
        self._used.add(_said(question))
        self._of_document[question.documents[0]] += 1
        self.found.append(question)


def _said(question: SetQuestion) -> tuple[object, ...]:
    return question.evidence, question.answer_groups


def _question(line: str) -> SetQuestion:
    return from_record(json.loads(line))
