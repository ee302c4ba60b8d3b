"""When a request may be sent again, and the sending again of single requests.

Full jitter: the n-th retry comes at any moment of the n-th stretch, and the stretches, one after
the other, are 2, 4, 8 … at most 30 seconds long.  So many clients do not return at the same moment,
and yet the last of eight tries never comes before a minute and a half have passed: that is longer
than a node needs to come back.  Only for requests that may arrive twice without harm.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from esrag.errors import ModelDownError, TimedOutError, UnavailableError

Result = TypeVar("Result")

TRIES = 8
LONGEST_WAIT = 30.0
SOON_TRIES = 3  # while a person waits


def next_wait(failures: int, waited: float, chance: float) -> float:
    """Seconds to wait after so many failures, of which ``waited`` have passed in waiting.

    ``chance`` is between 0 and 1.
    """
    stretches = [min(LONGEST_WAIT, 2.0**number) for number in range(1, failures + 1)]
    return max(0.0, sum(stretches[:-1]) + stretches[-1] * chance - waited)


def retrying(
    call: Callable[[], Result],
    *,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """The result of ``call``; an UnavailableError is tried again, the last one is raised."""
    waited = 0.0
    for failures in range(1, tries):
        try:
            return call()
        except UnavailableError:
            seconds = next_wait(failures, waited, chance())
            waited += seconds
            sleep(seconds)
    return call()


def soon_again(
    call: Callable[[], Result],
    *,
    tries: int = SOON_TRIES,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """As ``retrying``, for a request that a person waits for: within a second and a half.

    Not tried again is what would only take the same time once more, or fail the same way: a
    deadline that passed, a model that does not run.
    """
    for failures in range(1, tries):
        try:
            return call()
        except (ModelDownError, TimedOutError):
            raise
        except UnavailableError:
            sleep(0.25 * 2**failures * chance())
    return call()
