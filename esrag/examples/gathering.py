"""Gathers the rows of all makers, leaves out what must not stay, and gives them in their order.

    makers ──► Gathered (a table of the same SQLite file) ──► checks ──► rows, by a hash of the seed

What is left out, and why:

- exactly the same row twice;
- a row whose documents are of several splits, or of another one than the row;
- a closed-book question to which the corpus has two answers, or which is also said to be unknown;
- a near duplicate of a row that stays;
- a question of train that stands in dev, test or recall as well, which would judge memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from esrag.examples import duplicates
from esrag.examples.desk import Tally, row_seed
from esrag.examples.rows import as_line, from_line
from esrag.types import Example, ExampleKind, Split

_TABLES = """
CREATE TABLE rows (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, split TEXT NOT NULL, made_of TEXT NOT NULL,
    question TEXT NOT NULL, asked TEXT NOT NULL, answer TEXT NOT NULL,
    precedence INTEGER NOT NULL, place INTEGER NOT NULL, line TEXT NOT NULL
);
CREATE INDEX rows_by_question ON rows (question);
CREATE INDEX rows_in_order ON rows (place, id);
CREATE TABLE bands (band INTEGER NOT NULL, row TEXT NOT NULL);
CREATE INDEX bands_by_number ON bands (band);
"""
# rows of the first are kept when those of a later one are the same
_PRECEDENCE: tuple[Split, ...] = ("train", "recall", "test", "dev")
_TWO_ANSWERS = """
DELETE FROM rows WHERE kind IN ('knowledge', 'unknown') AND question IN (
    SELECT question FROM rows WHERE kind IN ('knowledge', 'unknown')
    GROUP BY question HAVING count(DISTINCT answer) > 1
)
"""
# A wording for recall asks for the content of those that are trained: only the same words are the
# same question.
_SHARED_QUESTIONS = """
DELETE FROM rows WHERE split = ? AND EXISTS (
    SELECT 1 FROM rows AS other WHERE other.question = rows.question
    AND other.precedence < rows.precedence
    AND (rows.split <> 'recall' OR other.asked = rows.asked)
)
"""
# wordings of one fact are like each other, as they are meant to be
_CANDIDATES = """
SELECT DISTINCT rows.line FROM bands JOIN rows ON rows.id = bands.row
WHERE band IN (?, ?, ?, ?, ?, ?, ?, ?) AND rows.made_of <> ?
"""
_BEYOND = """
DELETE FROM rows WHERE id IN (
    SELECT id FROM rows WHERE kind = ? ORDER BY place, id LIMIT -1 OFFSET ?
)
"""
# Who is shown as many refusals as answers learns to refuse: a limit leaves their shares as they
# were asked for.
_IN_PROPORTION: tuple[ExampleKind, ...] = ("grounded", "unanswerable")


class Gathered:
    """Rows as they come; ``settle`` decides which stay."""

    def __init__(
        self,
        file: sqlite3.Connection,
        *,
        seed: int,
        split_of: Callable[[str], Split],
        tally: Tally,
    ) -> None:
        self._file = file
        self._seed = seed
        self._split_of = split_of
        self._tally = tally
        self._file.executescript(_TABLES)

    def add(self, example: Example) -> None:
        """Take a row, unless it is there already or mixes splits."""
        own = "train" if example.split == "recall" else example.split
        if {self._split_of(name) for name in example.source.documents} - {own}:
            self._tally.drop("documents of several splits")
            return
        made_of = f"{example.source.maker} {example.source.seed}"
        added = self._file.execute(
            "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                example.id,
                example.kind,
                example.split,
                made_of,
                duplicates.question_key(example.question),
                " ".join(example.question.casefold().split()),
                duplicates.answers_key(example.accepted, example.answer),
                _PRECEDENCE.index(example.split),
                row_seed(self._seed, "order", example.id),
                as_line(example),
            ),
        )
        if not added.rowcount:
            self._tally.drop("the same row twice")

    def settle(self, *, per_kind: int = 0) -> None:
        """Leave out what must not stay, then all beyond ``per_kind`` of a kind; 0 keeps all.

        Of answers from passages and refusals the more frequent has so many, the other its share.
        """
        self._drop("two answers to one question", _TWO_ANSWERS)
        for split in _PRECEDENCE[1:]:
            self._drop(f"{split}: the question stands in another split", _SHARED_QUESTIONS, split)
        self._drop_near_duplicates()
        if per_kind:
            for kind, most in self._most_of_kinds(per_kind).items():
                self._drop(f"beyond {per_kind} of a kind", _BEYOND, kind, most)
        self._file.commit()

    def rows(self) -> Iterator[Example]:
        """What stays, in an order that a seed decides."""
        for (line,) in self._file.execute("SELECT line FROM rows ORDER BY place, id"):
            yield from_line(line)

    def _most_of_kinds(self, per_kind: int) -> dict[str, int]:
        """How many rows of each kind may stay."""
        counts = dict(self._file.execute("SELECT kind, count(*) FROM rows GROUP BY kind"))
        together = [counts[kind] for kind in _IN_PROPORTION if kind in counts]
        most = max(together, default=0)
        return {
            kind: round(count * per_kind / most)
            if kind in _IN_PROPORTION and most > per_kind
            else per_kind
            for kind, count in counts.items()
        }

    def _drop_near_duplicates(self) -> None:
        gone: list[str] = []
        for split in _PRECEDENCE:
            if split == "recall":
                continue  # its rows are meant to be like those of train
            named = self._file.execute(
                "SELECT id FROM rows WHERE split = ? ORDER BY place, id", (split,)
            )
            gone.extend(identity for (identity,) in named if self._is_like_another(identity))
        self._file.executemany("DELETE FROM rows WHERE id = ?", ((each,) for each in gone))
        if gone:
            self._tally.drop("nearly the same as another", len(gone))

    def _is_like_another(self, identity: str) -> bool:
        """Whether a row that stays is like this one; if not, this one is remembered."""
        kind, made_of, line = self._file.execute(
            "SELECT kind, made_of, line FROM rows WHERE id = ?", (identity,)
        ).fetchone()
        example = from_line(line)
        found = duplicates.shingles(_compared(example))
        of_figures = f"{duplicates.figures(example.question)}|{duplicates.figures(example.answer)}"
        numbers = duplicates.bands(found, apart=f"{kind}|{of_figures}")
        for (other,) in self._file.execute(_CANDIDATES, (*numbers, made_of)):
            of_other = duplicates.shingles(_compared(from_line(other)))
            if duplicates.similarity(found, of_other) >= duplicates.LIKE:
                return True
        self._file.executemany(
            "INSERT INTO bands VALUES (?, ?)", ((number, identity) for number in numbers)
        )
        return False

    def _drop(self, reason: str, statement: str, *values: object) -> None:
        gone = self._file.execute(statement, values).rowcount
        if gone:
            self._tally.drop(reason, gone)


def _compared(example: Example) -> str:
    return f"{example.question}\n{example.answer}"
