"""Scores of a cross-encoder for the loss margin: how well a passage answers, between 0 and 1.

Only margins of a score that lies where cosines lie can be learnt by a model that gives cosines; so
the logit goes through a sigmoid.  Scores are kept for the length of a run: in later epochs the
same question meets many of the same passages again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from esrag.errors import UnsupportedError


class CrossEncoderScores:
    """Calls a cross-encoder of sentence-transformers that lies in a checked folder."""

    def __init__(self, folder: Path, *, device: torch.device, batch: int = 32) -> None:
        from sentence_transformers import CrossEncoder

        try:
            self._model: Any = CrossEncoder(
                str(folder), device=str(device), trust_remote_code=False, local_files_only=True
            )
        except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
            raise UnsupportedError(
                f"{folder} cannot be loaded as a cross-encoder: {str(error).splitlines()[0]}",
                hint="A folder of a model for sequence classification with one label is needed.",
            ) from error
        if self._model.config.num_labels != 1:
            raise UnsupportedError(
                f"{folder} has {self._model.config.num_labels} labels; a reranker has one"
            )
        self._batch = batch
        self._known: dict[tuple[str, str], float] = {}

    def __call__(self, question: str, passages: Sequence[str]) -> Sequence[float]:
        """A score for each passage."""
        missing = [text for text in dict.fromkeys(passages) if (question, text) not in self._known]
        if missing:
            scores = self._model.predict(
                [(question, text) for text in missing],
                batch_size=self._batch,
                activation_fn=torch.nn.Sigmoid(),
                show_progress_bar=False,
            )
            for text, score in zip(missing, scores.tolist(), strict=True):
                self._known[question, text] = float(score)
        return [self._known[question, text] for text in passages]
