"""Which texts go through the model together: alike in length, few enough.  Pure.

A forward pass costs what its longest text costs, times the number of texts: the rest is padding.
So texts are sorted by length, and a group ends where the next text would be padded too much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MOST_TEXTS = 256
MOST_PADDING = 1.02  # tokens with padding / tokens, of one group
LEAST_TOKENS = 256  # less in one pass costs more than some padding does


def groups_by_length(lengths: Sequence[int], *, most_tokens: int) -> Iterator[list[int]]:
    """The numbers of texts that go through the model together, the longest first.

    ``most_tokens`` bounds a group with its padding; a longer text is a group of its own.
    """
    group: list[int] = []
    longest = real = 0
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        padded = longest * (len(group) + 1)
        full = len(group) >= MOST_TEXTS or padded > most_tokens
        wasteful = padded > MOST_PADDING * (real + lengths[number]) and real >= LEAST_TOKENS
        if group and (full or wasteful):
            yield group
            group, real = [], 0
        if not group:
            longest = lengths[number]
        group.append(number)
        real += lengths[number]
    if group:
        yield group
