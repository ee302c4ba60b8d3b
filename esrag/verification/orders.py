"""The orders in which one statement can stand: active and passive, a date before or behind.

"Coldline was acquired by Norrvane in 2019" and "In 2019 Norrvane acquired Coldline" say the same.
Each order is a row of tokens; two statements agree when some order of the one fits some order of
the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esrag.verification.tokens import Token
from esrag.verification.vocabulary import BE

Row = tuple[Token, ...]
_FRONTED = frozenset("in on at since from by".split())
_AFTER_AGENT = frozenset("in on at as for of to from since until before after with within".split())


def orders(row: Sequence[Token]) -> tuple[Row, ...]:
    """``row`` itself first, then what says the same in another order."""
    found = [tuple(row)]
    for order in (_active(found[0]), *_dates_moved(found[0])):
        if order and order not in found:
            found.append(order)
    for order in found[1:]:
        active = _active(order)
        if active and active not in found:
            found.append(active)
    return tuple(found)


def _active(row: Row) -> Row | None:
    """A passive row as an active one: agent, negation, verb, what it is done to, the rest."""
    for index, token in enumerate(row):
        if token.raw.lower() not in BE or index == 0:
            continue
        after = index + 1
        while after < len(row) and (row[after].raw.lower() in BE or row[after].key == "not"):
            after += 1
        if after >= len(row) or not _is_participle(row[after]):
            continue
        helpers = [t for t in row[index:after] if t.kind == "small"]
        begin = max((i + 1 for i in range(index) if row[i].kind in ("comma", "break")), default=0)
        subject, before, rest = row[begin:index], row[:begin], row[after + 1 :]
        agent: Row = ()
        if rest and rest[0].raw.lower() == "by":
            stop = next(
                (
                    i
                    for i, t in enumerate(rest[1:], start=1)
                    if t.kind in ("comma", "break", "and") or t.raw.lower() in _AFTER_AGENT
                ),
                len(rest),
            )
            agent, rest = rest[1:stop], rest[stop:]
        if agent and all(t.kind == "figure" for t in agent if t.means):
            return None  # "was reduced by 8 percent" names no agent
        return (*before, *agent, *helpers, row[after], *subject, *rest)
    return None


def _is_participle(token: Token) -> bool:
    return token.kind == "word" and token.raw.lower().endswith(("ed", "en", "wn", "lt", "ht", "de"))


def _dates_moved(row: Row) -> Iterator[Row]:
    """The row with figures at its beginning ("In 2019 …") at its end, and the other way round."""
    if row and row[0].raw.lower() in _FRONTED:
        stop = 1
        while stop < len(row) and row[stop].kind == "figure":
            stop += 1
        if 1 < stop < len(row):
            skip = 1 if row[stop].kind == "comma" else 0
            rest = row[stop + skip :]
            end = len(rest) - (1 if rest and rest[-1].kind == "break" else 0)
            yield (*rest[:end], *row[:stop], *rest[end:])
    end = len(row) - (1 if row and row[-1].kind == "break" else 0)
    start = end
    while start > 0 and row[start - 1].kind == "figure":
        start -= 1
    if 1 < start < end and row[start - 1].raw.lower() in _FRONTED:
        yield (*row[start - 1 : end], *row[: start - 1], *row[end:])
