"""Which texts go through the model together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esrag.embedding.__main__ import MOST_TEXTS, MOST_TOKENS, groups_by_length


@given(st.lists(st.integers(2, 512), max_size=300))
def test_every_text_is_in_one_group_of_texts_alike(lengths: list[int]) -> None:
    """None is lost, none twice; a group bounds memory and wastes little on padding."""
    groups = list(groups_by_length(lengths))
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    for group in groups:
        longest = max(lengths[number] for number in group)
        assert len(group) == 1 or len(group) * longest <= MOST_TOKENS
        assert len(group) <= MOST_TEXTS
        assert all(lengths[number] * 4 >= longest * 3 for number in group)
