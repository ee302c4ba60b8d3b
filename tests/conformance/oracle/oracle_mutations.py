"""Spoils valid bodies: each way in which a program, or a person, gets a request wrong.

A body is a tree of dicts and lists.  Most mutations change the tree; a few change the text, as
what is no JSON must be refused with the same words too.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

Tree = Any

ODD_VALUES: list[Tree] = [
    None, True, False, "", " ", "x", "true", "0", "1", "-1", "1.5", "10kb", "30s",
    "漢字 ünï 🙂", "a" * 300, 0, 1, 2, 3, 7, -1, 64, 513, 99_999, 100_001,
    2**31, 2**63, -(2**63) - 1, 1.5, 1e30, 0.1,
    [], [None], [1, 2], ["a", "b", "c"], [[]], [{}], {}, {"x": 1}, {"": None}, {"text": "a"},
]  # fmt: skip
UNKNOWN_NAMES = [
    "nope",
    "",
    "Vocabulary",
    "_",
    "no.pe",
    "ünknown",
    "a" * 80,
    "model_id",
    "task_type",
]


class Twice(dict[str, Tree]):
    """An object that is written with its first field repeated at the end."""


def text_of(tree: Tree, **options: Any) -> str:
    """As JSON; fields that come twice are written twice."""
    if isinstance(tree, dict):
        fields = list(tree.items())
        if isinstance(tree, Twice) and fields:
            fields.append(fields[0])
        inner = ",".join(f"{json.dumps(name)}:{text_of(value)}" for name, value in fields)
        return "{" + inner + "}"
    if isinstance(tree, list):
        return "[" + ",".join(text_of(value) for value in tree) + "]"
    return json.dumps(tree, **options)


def mutated(rng: random.Random, valid: Tree, replacements: dict[str, list[Tree]]) -> str:
    """A text made from a valid body by one to three mutations.

    ``replacements`` are values worth trying for fields of these names.
    """
    tree = copy.deepcopy(valid)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        tree = _mutate(rng, tree, replacements)
    if rng.random() < 0.06:
        return _spoil(rng, text_of(tree))
    if rng.random() < 0.1:
        return json.dumps(tree, indent=2)
    return text_of(tree)


def _mutate(rng: random.Random, tree: Tree, replacements: dict[str, list[Tree]]) -> Tree:
    places = _places(tree)
    if not places:
        return rng.choice(ODD_VALUES)
    holder, key = rng.choice(places)
    known = [place for place in places if place[1] in replacements]
    if known and rng.random() < 0.5:
        holder, key = rng.choice(known)
        holder[key] = copy.deepcopy(rng.choice(replacements[str(key)]))
        return tree
    rng.choice(_CHANGES)(rng, holder, key)
    if rng.random() < 0.02:
        return [tree]
    return Twice(tree) if isinstance(tree, dict) and rng.random() < 0.02 else tree


def _places(tree: Tree) -> list[tuple[Any, Any]]:
    """Every value of the tree, by its holder and its key there."""
    if not isinstance(tree, dict | list):
        return []
    found: list[tuple[Any, Any]] = []
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        found += [(tree, key), *_places(value)]
    return found


def _remove(rng: random.Random, holder: Any, key: Any) -> None:
    del holder[key]


def _replace(rng: random.Random, holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))


def _add(rng: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(UNKNOWN_NAMES)] = copy.deepcopy(rng.choice(ODD_VALUES))
    else:
        holder.append(copy.deepcopy(rng.choice(ODD_VALUES)))


def _rename(rng: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        value = holder.pop(key)
        holder[rng.choice((f"{key}s", key.upper(), key[:-1], f"_{key}"))] = value


def _wrap(rng: random.Random, holder: Any, key: Any) -> None:
    value = holder[key]
    holder[key] = rng.choice(([value], {"value": value}, {str(key): value}, str(value)))


def _lift(rng: random.Random, holder: Any, key: Any) -> None:
    value = holder[key]
    if isinstance(value, dict) and value:
        holder[key] = next(iter(value.values()))
    else:
        holder[key] = None


_CHANGES: list[Callable[[random.Random, Any, Any], None]] = [
    _remove,
    _replace,
    _replace,
    _add,
    _rename,
    _wrap,
    _lift,
]


def _spoil(rng: random.Random, text: str) -> str:
    cut = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:cut],
            text[:cut] + "," + text[cut:],
            text.replace('"', "'", 2),
            text + "}",
            text + " {}",
            "\n\n  " + text,
            text.replace(":", ": NaN //", 1),
            "",
            " ",
        )
    )
