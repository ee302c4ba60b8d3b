"""The data card: what the rows are, of what they were made, what was left out, what it cost.

As data (``card.json``) and to be read (``README.md``, with the head that model hubs understand).
Costs and the time are in the card and never in the rows: two builds of the same give the same rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from esrag.costs.records import Costs
from esrag.disk import replace_text
from esrag.errors import UsageError
from esrag.examples.folder import CARD, EXAMPLES, README
from esrag.types import Example, Split

FORMAT = 1


@dataclass(slots=True)
class Counts:
    """What a data set holds, counted while its rows go by."""

    rows: int = 0
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    by_maker: Counter[str] = field(default_factory=Counter)
    documents: dict[str, set[str]] = field(default_factory=dict)
    characters: int = 0
    acl: set[str] = field(default_factory=set)

    def counted(self, examples: Iterable[Example]) -> Iterable[Example]:
        """The same examples, counted as they go by."""
        for example in examples:
            self.add(example)
            yield example

    def add(self, example: Example) -> None:
        """Count one."""
        self.rows += 1
        self.by_kind.setdefault(example.kind, Counter())[example.split] += 1
        self.by_maker[example.source.maker] += 1
        self.documents.setdefault(example.split, set()).update(example.source.documents)
        self.characters += sum(len(message.content) for message in example.messages)
        self.acl.update(example.source.acl)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the card, in one order."""
        return {
            "rows": self.rows,
            "by_kind": {kind: dict(sorted(n.items())) for kind, n in sorted(self.by_kind.items())},
            "by_maker": dict(sorted(self.by_maker.items())),
            "documents": {split: len(ids) for split, ids in sorted(self.documents.items())},
            "characters": self.characters,
        }


def card_of(
    counts: Counts,
    *,
    made_of: Mapping[str, Any],
    left_out: Mapping[str, int],
    dropped: Mapping[str, int],
    sha256: str,
    costs: Costs,
) -> dict[str, Any]:
    """The card as data; ``made_of`` holds index, set, fingerprints, seed and settings."""
    return {
        "format": FORMAT,
        "file": EXAMPLES,
        "sha256": sha256,
        **counts.to_json(),
        "made_of": dict(made_of),
        "for_readers": sorted(counts.acl),
        "chunks_left_out": dict(sorted(left_out.items())),
        "rows_dropped": dict(sorted(dropped.items())),
        "costs": costs.to_json(),
    }


def write_card(folder: Path, card: Mapping[str, Any], *, name: str) -> None:
    """Write both forms; ``name`` is what the data set is called."""
    replace_text(folder / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    replace_text(folder / README, as_text(card, name=name))


def read_card(folder: Path, *, whole: bool = True) -> dict[str, Any]:
    """The card of a data set; raises UsageError when there is none that can be read.

    Without ``whole`` a card is enough that has no more than the fingerprint of its file.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{folder} has no card that can be read: {error}", hint="Build the data set again."
        ) from error
    if not isinstance(card, dict) or not isinstance(card.get("sha256"), str):
        raise UsageError(f"{folder / CARD} is no card", hint="Build the data set again.")
    if whole and not _is_whole(card):
        raise UsageError(f"{folder / CARD} is not whole", hint="Build the data set again.")
    return card


def _is_whole(card: Mapping[str, Any]) -> bool:
    """Whether it has all that is shown of a card."""
    made_of, by_kind = card.get("made_of"), card.get("by_kind")
    if not isinstance(made_of, dict) or not isinstance(by_kind, dict):
        return False
    counted = (*by_kind.values(), card.get("rows_dropped"), card.get("chunks_left_out"))
    return (
        isinstance(card.get("rows"), int)
        and {"set", "seed"} <= made_of.keys()
        and all(map(_counts, counted))
    )


def _counts(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(each, int) for each in found.values())


def as_text(card: Mapping[str, Any], *, name: str) -> str:
    """The card as Markdown."""
    made_of = card["made_of"]
    held = {split for counts in card["by_kind"].values() for split in counts}
    splits = [split for split in get_args(Split) if split in held]
    lines = [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: all",
        f"    path: {EXAMPLES}",
        "task_categories:",
        "- text-generation",
        "---",
        "",
        f"# Data set {name}",
        "",
        f"Made by esrag {made_of['esrag']} from {made_of['passages']:,} passages of the index "
        f"{made_of['index']} (set {made_of['set']}), seed {made_of['seed']}.",
        "Each row names the chunks and documents that it was made of.",
        "It is as confidential as these documents.",
        "",
        "| kind | " + " | ".join(splits) + " |",
        "|---|" + "---:|" * len(splits),
        *(
            f"| {kind} | " + " | ".join(f"{counts.get(split, 0):,}" for split in splits) + " |"
            for kind, counts in card["by_kind"].items()
        ),
        "",
        *_listed("Rows by maker", card["by_maker"]),
        *_listed("Documents by split", card["documents"]),
        *_listed("Rows that were made and left out", card["rows_dropped"]),
        *_listed("Chunks that were not used", card["chunks_left_out"]),
        "## Readers",
        "",
        "Its documents name: " + ", ".join(card["for_readers"]) + "."
        if card["for_readers"]
        else "None of its documents says who may read it.",
        "A model that is trained on it tells what it learnt to everybody who may ask it.",
        "",
        "## Made of",
        "",
        "```json",
        json.dumps(made_of, indent=2, ensure_ascii=False),
        "```",
        "",
        f"sha256 of {EXAMPLES}: `{card['sha256']}`",
        "",
    ]
    return "\n".join(lines)


def _listed(heading: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    return [f"## {heading}", "", *(f"- {name}: {n:,}" for name, n in counts.items()), ""]
