"""Divides questions into train, dev and test that share neither a document nor a question.

Questions are joined when one document answers both or when they read alike; what is joined stays
together (a union of sets).  Which split it goes to is decided by a hash of its least document id
and the seed, so that it stays when other questions come or go.

Where people judged questions, only these judge a model: questions that a program made are trained
with and not measured by, as it makes test and training questions alike.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esrag.errors import UsageError
from esrag.retriever_tuning.material import JUDGED, Question

_SPACE = 2**32


@dataclass(frozen=True, slots=True)
class Divided:
    """The three splits; ``shared`` counts training questions given up for sharing with test."""

    train: tuple[Question, ...]
    dev: tuple[Question, ...]
    test: tuple[Question, ...]
    shared: int = 0


def divide(
    pool: Sequence[Question],
    held_out: Sequence[Question] = (),
    *,
    dev: float,
    test: float,
    seed: int,
    fewest: int,
) -> Divided:
    """The splits; ``dev`` and ``test`` are shares of the pool, ``test`` only without ``held_out``.

    Questions of the pool that share a document or their words with one that is held out are given
    up.  Raises UsageError when a split has fewer than ``fewest`` questions.
    """
    kept, shared = _apart(pool, held_out)
    groups = _joined(kept)
    parts: dict[str, list[Question]] = {"train": [], "dev": [], "test": []}
    for name, members in groups.items():
        place = _place(name, seed)
        if not held_out and place < test:
            parts["test"].extend(members)
        elif place >= 1 - dev:
            parts["dev"].extend(members)
        else:
            parts["train"].extend(members)
    judged = any(question.maker == JUDGED for question in pool)
    if judged:
        parts["test"] = [question for question in parts["test"] if question.maker == JUDGED]
        chosen_by = [question for question in parts["dev"] if question.maker == JUDGED]
        if len(chosen_by) >= fewest:
            parts["dev"] = chosen_by
    divided = Divided(
        tuple(parts["train"]), tuple(parts["dev"]), tuple(held_out or parts["test"]), shared
    )
    _require(divided, fewest)
    return divided


def _apart(
    pool: Sequence[Question], held_out: Sequence[Question]
) -> tuple[tuple[Question, ...], int]:
    documents = {name for question in held_out for name in question.grades}
    words = {_folded(question.text) for question in held_out}
    kept = tuple(
        question
        for question in pool
        if not documents & set(question.grades) and _folded(question.text) not in words
    )
    return kept, len(pool) - len(kept)


def _joined(questions: Iterable[Question]) -> dict[str, list[Question]]:
    """Questions by the least document of the set that they are joined in, in order of mention."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(one: str, other: str) -> None:
        first, second = sorted((root(one), root(other)))
        parent[second] = first

    asked = list(questions)
    first_of: dict[str, str] = {}
    for question in asked:
        documents = sorted(question.grades)
        words = _folded(question.text)
        for name in (*documents[1:], first_of.setdefault(words, documents[0])):
            join(documents[0], name)
    groups: dict[str, list[Question]] = defaultdict(list)
    for question in asked:
        groups[root(min(question.grades))].append(question)
    return groups


def _place(name: str, seed: int) -> float:
    """A number from 0 to below 1 that the name and the seed decide."""
    digest = hashlib.sha256(f"{seed}\0split\0{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") / _SPACE


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _require(divided: Divided, fewest: int) -> None:
    sizes = {name: len(getattr(divided, name)) for name in ("train", "dev", "test")}
    small = {name: size for name, size in sizes.items() if size < fewest}
    if small:
        words = ", ".join(f"{size} for {name}" for name, size in small.items())
        given_up = (
            f"; {divided.shared} share a document with a held-out one" if divided.shared else ""
        )
        raise UsageError(
            f"there are too few questions: {words}{given_up}",
            hint=f"Each split needs at least {fewest} questions about documents of its own. Bring "
            "judged questions (--judged, --questions), or let a teacher write some "
            "(esrag dataset build).",
        )
