"""The embedding model as sentence-transformers loads it: checked folder in, vectors out.

The folder was checked by ``base.find_base``, which also knows where it may have links to.

Vectors are of unit length, so that their dot product is the cosine that the index ranks by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_TOKENS = 512  # as esrag.tracing cuts


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Text that a model wants before passages and before questions."""

    ingest: str = ""
    search: str = ""


class Encoder:
    """A model with its tokenizer on one device; ``autocast`` is the type it multiplies in."""

    def __init__(
        self,
        folder: Path,
        *,
        device: torch.device,
        dtype: torch.dtype,
        prefixes: Prefixes = Prefixes(),
        batch: int = 32,
    ) -> None:
        self.model: Any = _loaded(folder, device)
        self.device = device
        self.dtype = dtype
        self.prefixes = prefixes
        self._batch = batch

    @property
    def longest(self) -> int:
        """Tokens behind which a text is cut."""
        return int(self.model.max_seq_length)

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Within it the model multiplies in ``dtype``; its weights stay float32."""
        on = self.dtype is not torch.float32
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=on):
            yield

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row of unit length for each question."""
        return self._encoded([self.prefixes.search + text for text in texts])

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row of unit length for each passage."""
        return self._encoded([self.prefixes.ingest + text for text in texts])

    def features(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Tokens of prefixed texts, padded to the longest, on the device."""
        # before 5.4 sentence-transformers called it tokenize
        read = getattr(self.model, "preprocess", None) or self.model.tokenize
        found: Mapping[str, Any] = read(list(texts))
        return {
            name: value.to(self.device) if isinstance(value, torch.Tensor) else value
            for name, value in found.items()
        }

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """All parameters by name, in the order of the model."""
        return dict(self.model.named_parameters())

    def save(self, folder: Path) -> None:
        """Write the model as sentence-transformers reads it, weights as safetensors."""
        self.model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)

    def _encoded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.model.eval()
        with torch.inference_mode(), self.precision():
            rows = self.model.encode(
                list(texts),
                batch_size=self._batch,
                convert_to_tensor=True,
                show_progress_bar=False,
            )
            rows = torch.nn.functional.normalize(rows.float(), dim=-1)
        vectors: NDArray[np.float32] = rows.cpu().numpy()
        return vectors


def _loaded(folder: Path, device: torch.device) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(
            str(folder), device=str(device), trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
        raise UnsupportedError(
            f"{folder} cannot be loaded as a sentence-transformers model: "
            f"{str(error).splitlines()[0]}",
            hint="Name a folder that `esrag model build` takes as well.",
        ) from error
    model.max_seq_length = min(model.max_seq_length or MOST_TOKENS, MOST_TOKENS)
    return model.float()
