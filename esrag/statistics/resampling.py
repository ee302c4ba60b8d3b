"""Numbers of every question: how sure is their mean, and is it other than 0?

    values of one system ─ questions drawn again, with replacement ─► Interval of the mean
    differences of two   ─ the same, both ends as far from the mean ─► Interval (paired)
    differences of two   ─ signs tossed ─► p value

Equal values and an equal seed give an equal figure, on every machine: numpy's PCG64 draws in one
order.
Sources: Efron, Bootstrap methods, Ann. Statist. 7 (1979); Hesterberg, What teachers should know
about the bootstrap, Am. Statist. 69 (2015) for few questions; Fisher, The design of experiments
(1935) and Smucker, Allan and Carterette, CIKM 2007, for the randomisation test; Phipson and Smyth
(2010) for p values of drawn signs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from esrag.errors import UnsupportedError
from esrag.statistics import student

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = Sequence[float] | NDArray[np.float64]
    _Maker = Callable[[int, int, int], Iterator[NDArray[np.float32]]]

DRAWS = 10_000
LEVEL = 0.95
SEED = 7
_EXACT = 16  # differences other than 0 whose signs are all tried: 65,536 ways
_ROWS = 500  # draws computed at once
_BLOCK = 4_000_000  # numbers held at once
# numbers, of 4 bytes, that draws may be to be kept: 24 small ones and 4 others, 350 MB at most
_SMALL, _KEPT = 2_000_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over questions and its 95 % interval."""

    mean: float
    low: float
    high: float

    def words(self, *, sign: bool = False) -> str:
        """As reports print it."""
        form = "{:+.3f}" if sign else "{:.3f}"
        return f"{form.format(self.mean)} [{form.format(self.low)}, {form.format(self.high)}]"

    def to_json(self) -> dict[str, float]:
        """As it stands in run.json."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


def interval(values: Numbers, *, seed: int = SEED, draws: int = DRAWS) -> Interval:
    """The mean of one system's values, between percentiles of the means of drawn questions.

    Raises ValueError without values, and where one is not finite.
    """
    numbers = _finite(values)
    low, high = percentiles(_drawn_means(numbers, seed=seed, draws=draws), len(numbers))
    return Interval(float(numbers.mean()), low, high)


def paired_interval(differences: Numbers, *, seed: int = SEED, draws: int = DRAWS) -> Interval:
    """The mean difference of two systems, question by question, as far as means of draws stray.

    Both ends are as far from the mean (Hall, Ann. Statist. 16, 1988): where most questions tie,
    plain percentiles exclude 0 twice as often as they should, the bias-corrected ones (BCa) three
    times, these do not.  Raises as ``interval`` does.
    """
    import numpy as np

    numbers = _finite(differences)
    mean = float(numbers.mean())
    strays = np.abs(_drawn_means(numbers, seed=seed, draws=draws) - mean)
    half = float(np.percentile(strays, 100 * (1 - 2 * _tail(len(numbers)))))
    return Interval(mean, mean - half, mean + half)


def _drawn_means(numbers: NDArray[np.float64], *, seed: int, draws: int) -> NDArray[np.float64]:
    import numpy as np

    counts = _blocks(_counts, len(numbers), seed, draws)
    return np.concatenate([block @ numbers for block in counts]) / len(numbers)


def drawn_questions(
    count: int, *, seed: int | np.random.Generator = SEED, draws: int = DRAWS
) -> Iterator[NDArray[np.int64]]:
    """Places of ``count`` questions, drawn with replacement: some rows of ``count`` at a time.

    A generator in the place of the seed goes on where it stands.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    for rows in _rows(count, draws):
        yield generator.integers(0, count, size=(rows, count))


def percentiles(drawn: NDArray[np.float64], count: int | None = None) -> tuple[float, float]:
    """The 95 % interval from statistics of drawn samples of ``count`` questions each.

    Without a count it is the plain one: 2.5 % of the draws on either side.
    """
    import numpy as np

    tail = 100 * ((1 - LEVEL) / 2 if count is None else _tail(count))
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return float(low), float(high)


def _tail(count: int) -> float:
    """What is cut off at either side.

    The plain percentiles are too narrow for few questions, as they know neither that a deviation
    is estimated nor that it is so with one question less (Hesterberg 2015).
    """
    if count < 2:
        return 0.0
    wide = math.sqrt(count / (count - 1)) * student.quantile((1 + LEVEL) / 2, count - 1)
    return NormalDist().cdf(-wide)


def sign_flip(differences: Numbers, *, seed: int = SEED, draws: int = DRAWS) -> float:
    """How likely a mean so far from 0 is, when either system could have had either value.

    Two-sided.  With at most 16 differences other than 0 all ways to set their signs are tried,
    and the p value is exact; else signs are drawn, and the p value is that of the drawn ways and
    the one that was seen.  1 where nothing differs.  Raises ValueError as ``interval`` does.
    """
    import numpy as np

    numbers = _finite(differences)
    sizes = np.sort(np.abs(numbers))
    # sums that differ by rounding only are equal
    least = abs(float(numbers.sum())) - 1e-9 * float(sizes.sum())
    other = sizes[sizes > 0]
    if len(other) <= _EXACT:
        return float(np.mean(np.abs(_all_sums(other)) >= least))
    extreme = sum(
        int(np.count_nonzero(np.abs(block @ sizes) >= least))
        for block in _blocks(_signs, len(sizes), seed, draws)
    )
    return (extreme + 1) / (draws + 1)


def _all_sums(sizes: NDArray[np.float64]) -> NDArray[Any]:
    """The sums of ``sizes`` under each of the ways to set their signs."""
    import numpy as np

    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums + size, sums - size])
    return sums


def require_numpy() -> None:
    """Raise UnsupportedError where numpy is not installed: call it before long work."""
    try:
        import numpy as np  # noqa: F401 - whether it can be
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            "intervals and tests are computed with numpy, which is not installed",
            hint="Install it: pip install 'esrag[evaluate]'",
        ) from error


def deviation(values: Numbers) -> float:
    """The standard deviation, estimated from these values; 0 of fewer than two."""
    numbers = _finite(values)
    return float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0


def _blocks(make: _Maker, count: int, seed: int, draws: int) -> Iterable[NDArray[np.float32]]:
    """What ``make`` draws; kept, as a comparison asks for the same again and again."""
    if draws * count > _KEPT:
        return make(count, seed, draws)
    keep = _keep_large if draws * count > _SMALL else _keep_small
    return keep(make, count, seed, draws)


def _whole(make: _Maker, count: int, seed: int, draws: int) -> tuple[NDArray[np.float32], ...]:
    return tuple(make(count, seed, draws))


_keep_small, _keep_large = lru_cache(maxsize=24)(_whole), lru_cache(maxsize=4)(_whole)


def _counts(count: int, seed: int, draws: int) -> Iterator[NDArray[np.float32]]:
    """How often each question was drawn, a row a draw."""
    import numpy as np

    for chosen in drawn_questions(count, seed=seed, draws=draws):
        rows = len(chosen)
        places = chosen + count * np.arange(rows)[:, None]
        found = np.bincount(places.ravel(), minlength=rows * count)
        yield found.reshape(rows, count).astype(np.float32)


def _signs(count: int, seed: int, draws: int) -> Iterator[NDArray[np.float32]]:
    """A sign for each question, a row a draw."""
    import numpy as np

    generator = np.random.default_rng(seed)
    for rows in _rows(count, draws):
        tossed = generator.integers(0, 2, size=(rows, count), dtype=np.int8)
        yield (2 * tossed - 1).astype(np.float32)


def _rows(count: int, draws: int) -> Iterator[int]:
    """How many draws of ``count`` questions are made at once, until all are made."""
    rows = max(1, min(_ROWS, _BLOCK // max(1, count)))
    for start in range(0, draws, rows):
        yield min(rows, draws - start)


def _finite(values: Numbers) -> NDArray[np.float64]:
    require_numpy()
    import numpy as np

    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        raise ValueError("no values")
    if not np.isfinite(numbers).all():
        raise ValueError("a value is not a finite number")
    return numbers
