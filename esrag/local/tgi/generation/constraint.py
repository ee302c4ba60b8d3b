"""What sampling needs to know of a grammar."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ConstraintFailed(Exception):
    """The grammar and the answer came to a point from which there is no way on."""


class Constraint(Protocol):
    """Says which tokens may come next; one for each answer."""

    def allowed(self, vocabulary: int) -> NDArray[np.bool_]:
        """A mask over the vocabulary; raises ConstraintFailed."""

    def accept(self, token_id: int) -> None:
        """The token that was chosen; raises ConstraintFailed."""
