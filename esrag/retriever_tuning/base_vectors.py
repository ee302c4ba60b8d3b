"""The base model's vectors of all chunks, kept beside the runs: another recipe needs them again.

Kept are those of the last texts and base only; a file that is damaged or of others is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from esrag.training.run_folder import writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = ".base-vectors"


def kept_vectors(
    runs: Path, key: str, *, rows: int, compute: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The vectors of ``key`` below the folder of all runs, else computed and kept.

    ``key`` is a fingerprint of texts, model and precision.  Raises UnavailableError when the disk
    is full.
    """
    place = runs / FOLDER
    file = place / f"{key}.npy"
    try:
        kept: NDArray[np.float32] = np.load(file, allow_pickle=False)
        if kept.ndim == 2 and len(kept) == rows:
            return kept
    except (OSError, ValueError, EOFError):
        pass  # none yet, or damaged
    vectors = compute()
    beside = place / f".{key}.new"
    with writing("the base model's vectors"):
        place.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            np.save(stream, vectors, allow_pickle=False)
        beside.replace(file)
        for other in place.iterdir():
            if other != file:
                other.unlink(missing_ok=True)
    return vectors
