"""The makers of examples by name; each is imported when it is asked for.

A maker turns passages into examples.  To add one: write a module with a class that has the four
attributes and ``examples``, and name it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Protocol

from esrag.errors import UsageError
from esrag.examples.desk import Desk
from esrag.types import Example, ExampleKind


class Maker(Protocol):
    """Makes examples of one sort; ``name`` stands in their provenance."""

    name: str
    kind: ExampleKind
    needs_teacher: bool
    needs_search: bool

    def examples(self, desk: Desk) -> Iterator[Example]:
        """What can be made; the same, in the same order, from the same desk."""


MAKERS: Mapping[str, str] = {
    "template:table": "esrag.examples.templates:TableFacts",
    "template:field": "esrag.examples.templates:FieldFacts",
    "template:statement": "esrag.examples.templates:StatementFacts",
    "template:cloze": "esrag.examples.cloze:Cloze",
    "template:heading": "esrag.examples.headings:Headings",
    "raft:quote": "esrag.examples.grounded:RaftQuotes",
    "raft:phrase": "esrag.examples.grounded:RaftPhrases",
    "raft:teacher": "esrag.examples.grounded:RaftTeacher",
    "teacher:qa": "esrag.examples.grounded:TeacherQuestions",
    "teacher:self-instruct": "esrag.examples.self_instruct:SelfInstruct",
    "template:unknown": "esrag.examples.unknowns:Unknowns",
    "raft:unknown": "esrag.examples.grounded:RaftUnknown",
}


def maker_named(name: str) -> Maker:
    """The maker of a name; raises UsageError for one that there is not."""
    if name not in MAKERS:
        raise UsageError(f"there is no maker {name!r}", hint=f"There are: {', '.join(MAKERS)}")
    module, attribute = MAKERS[name].split(":")
    maker: Maker = getattr(import_module(module), attribute)()
    return maker


def makers_for(
    names: Sequence[str], *, kinds: Sequence[str], has_teacher: bool, has_search: bool
) -> tuple[Maker, ...]:
    """The makers asked for by name; without names all of ``kinds`` that can work.

    Raises UsageError for a maker that was named and lacks what it needs.
    """
    if not names:
        every = (maker_named(name) for name in MAKERS)
        return tuple(
            maker
            for maker in every
            if (not kinds or maker.kind in kinds)
            and (has_teacher or not maker.needs_teacher)
            and (has_search or not maker.needs_search)
        )
    makers = tuple(maker_named(name) for name in dict.fromkeys(names))
    for maker in makers:
        if maker.needs_teacher and not has_teacher:
            raise UsageError(
                f"{maker.name} needs a teacher, a model that writes",
                hint="Name its server: --teacher URL, or dataset.teacher_url in esrag.toml",
            )
    return makers
