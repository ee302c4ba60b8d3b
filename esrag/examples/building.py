"""Builds a data set: passages in, rows out, with a card; the whole flow in one place.

    passages ──► table ──► makers ──► rows gathered ──► settled ──► examples.jsonl, card

The same passages, seed and settings give the same bytes.  A build that broke off is run again: the
index is read anew, so that what was forgotten meanwhile is not used, and what a teacher answered
is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from esrag import __version__
from esrag.costs.records import Meter
from esrag.errors import RejectedError, UsageError
from esrag.examples.card import Counts, card_of, write_card
from esrag.examples.desk import Desk, Limits, SplitShares, Tally
from esrag.examples.folder import EXAMPLES, appearing, locked, sha256_of, table
from esrag.examples.gathering import Gathered
from esrag.examples.makers import Maker
from esrag.examples.passages import Passage, Passages
from esrag.examples.rows import write_examples
from esrag.examples.teacher import Teacher
from esrag.types import Hit

_TOLD_EVERY = 2_000  # rows


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is to be built; all of it stands in the card."""

    index: str
    set: str
    seed: int
    acl: tuple[str, ...] = ()
    shares: SplitShares = field(default_factory=SplitShares)
    limits: Limits = field(default_factory=Limits)
    options: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Helpers:
    """What makers may ask for help; None where there is none.  ``tell`` hears of progress."""

    search: Callable[[str, int], Sequence[Hit]] | None = None
    teacher: Teacher | None = None
    judge: Teacher | None = None
    tell: Callable[[str], None] = lambda _: None


def build(
    folder: Path,
    recipe: Recipe,
    makers: Sequence[Maker],
    *,
    read: Callable[[Counter[str]], Iterator[Passage]],
    helpers: Helpers = Helpers(),
) -> dict[str, Any]:
    """Build the data set in ``folder`` and return its card.

    ``read`` gives the passages and counts what it leaves out.  Raises ConflictError when another
    build is at work there, RejectedError when not one row came of it, UnavailableError when the
    disk is full, and what reading, searching and the teacher raise; the data set that was there
    is replaced at the end or not at all.
    """
    if not makers:
        raise UsageError("no maker of examples was asked for", hint="Name kinds or makers.")
    meter = Meter(devices=0)
    with locked(folder), table(folder) as file:
        left_out: Counter[str] = Counter()
        helpers.tell("Reading the index …")
        passages = Passages(file, read(left_out))
        if not len(passages):
            raise _nothing_to_use(recipe, left_out)
        desk = _desk(recipe, helpers, passages)
        gathered = Gathered(file, seed=recipe.seed, split_of=desk.split_of, tally=desk.tally)
        for maker in makers:
            _gather(gathered, maker, desk)
        helpers.tell("Looking for duplicates …")
        gathered.settle(per_kind=recipe.limits.per_kind)
        counts = Counts()
        if not _any(gathered):
            raise RejectedError(
                f"no example came of {len(passages):,} passages: {_reasons(desk.tally.dropped)}",
                hint="Ask for other kinds, or name a teacher: --teacher URL",
            )
        with appearing(folder) as working:
            write_examples(working / EXAMPLES, counts.counted(gathered.rows()))
            card = card_of(
                counts,
                made_of=_made_of(recipe, makers, helpers, passages),
                left_out=left_out,
                dropped=desk.tally.dropped,
                sha256=sha256_of(working / EXAMPLES),
                costs=meter.read(**_tokens(helpers)),
            )
            write_card(working, card, name=folder.name)
        _forget(helpers, passages)
    return card


def _forget(helpers: Helpers, passages: Passages) -> None:
    """Take out of the kept answers what was asked about documents that may not be used any more."""
    here = frozenset(passages.document_ids())
    for each in (helpers.teacher, helpers.judge):
        if each is not None:
            each.forget(kept=here.__contains__)


def _desk(recipe: Recipe, helpers: Helpers, passages: Passages) -> Desk:
    return Desk(
        passages=passages,
        index=recipe.index,
        set=recipe.set,
        seed=recipe.seed,
        shares=recipe.shares.fitted(passages.document_ids(), seed=recipe.seed),
        limits=recipe.limits,
        options=recipe.options,
        search=helpers.search,
        teacher=helpers.teacher,
        judge=helpers.judge,
        tell=helpers.tell,
        tally=Tally(),
    )


def _gather(gathered: Gathered, maker: Maker, desk: Desk) -> None:
    count = 0
    for example in maker.examples(desk):
        gathered.add(example)
        count += 1
        if count % _TOLD_EVERY == 0:
            desk.tell(f"{maker.name}: {count:,} rows …")
    desk.tell(f"{maker.name}: {count:,} rows")


def _any(gathered: Gathered) -> bool:
    return next(iter(gathered.rows()), None) is not None


def _made_of(
    recipe: Recipe, makers: Sequence[Maker], helpers: Helpers, passages: Passages
) -> dict[str, Any]:
    return {
        "esrag": __version__,
        "index": recipe.index,
        "set": recipe.set,
        "seed": recipe.seed,
        "acl": list(recipe.acl),
        "passages": len(passages),
        "content": passages.fingerprint(),
        "makers": [maker.name for maker in makers],
        "teacher": helpers.teacher.model if helpers.teacher else "",
        "judge": helpers.judge.model if helpers.judge else "",
        "shares": asdict(recipe.shares),
        "limits": asdict(recipe.limits),
        "options": dict(recipe.options),
    }


def _tokens(helpers: Helpers) -> dict[str, int]:
    """What teacher and judge took in this build; kept answers cost nothing now."""
    asked = [each.figures for each in (helpers.teacher, helpers.judge) if each is not None]
    return {
        "tokens_prompted": sum(figures.prompt_tokens for figures in asked),
        "tokens_generated": sum(figures.generated_tokens for figures in asked),
    }


def _nothing_to_use(recipe: Recipe, left_out: Mapping[str, int]) -> UsageError:
    if left_out:
        return UsageError(
            f"none of the chunks of {recipe.index} may be used: {_reasons(left_out)}",
            hint="Name those you train for: --acl NAME",
        )
    return UsageError(f"{recipe.index} holds no chunks", hint="Fill it first: esrag ingest FOLDER")


def _reasons(counts: Mapping[str, int]) -> str:
    named = (f"{name}: {count:,}" for name, count in sorted(counts.items()))
    return "; ".join(named) or "the makers found nothing to ask about"
