"""Which texts go through the model together."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from esrag.embedding.batching import LEAST_TOKENS, MOST_PADDING, MOST_TEXTS, groups_by_length

BUDGET = 4_096


@given(st.lists(st.integers(1, 6_000), max_size=300))
def test_every_text_is_in_one_group_of_texts_alike(lengths: list[int]) -> None:
    """None is lost, none twice; a group bounds memory and wastes little on padding."""
    groups = list(groups_by_length(lengths, most_tokens=BUDGET))
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    for group in groups:
        padded = max(lengths[number] for number in group) * len(group)
        real = sum(lengths[number] for number in group)
        assert len(group) == 1 or padded <= BUDGET
        assert len(group) <= MOST_TEXTS
        before = real - lengths[group[-1]]
        assert padded <= MOST_PADDING * real or before < LEAST_TOKENS


def test_padding_of_a_stream_of_common_lengths_is_small() -> None:
    """A thousand chunks as they come from cutting: most of full length, the rest of any."""
    chance = random.Random(4)
    lengths = [chance.choice((160, 158, 155, chance.randint(8, 160))) for _ in range(1_024)]
    groups = list(groups_by_length(lengths, most_tokens=BUDGET))
    padded = sum(len(group) * lengths[group[0]] for group in groups)
    assert padded / sum(lengths) < 1.02
