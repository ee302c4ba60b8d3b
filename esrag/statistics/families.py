"""Many tests at once: Holm's correction.

With twenty tests at 5 % one is expected to find something where there is nothing.  After Holm's
correction the chance that any does is at most 5 %, however the tests depend on one another
(Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979).
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """The adjusted p values, in the order given; at most 1.

    The i-th smallest of m is multiplied by m - i + 1, and none is below one before it.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for passed, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - passed) * p_values[place]))
        adjusted[place] = highest
    return adjusted
