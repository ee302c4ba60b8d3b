"""Our merging against peft's own: the same weights, and the same words as adapter on base."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from esrag.adapters.merging import merge
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama


@pytest.mark.parametrize(
    ("dora", "more"),
    [(False, {}), (True, {}), (False, {"use_rslora": True, "alpha_pattern": {"q_proj": 3}})],
)
def test_merged_equals_peft_on_the_base(
    tmp_path: Path, dora: bool, more: dict[str, object]
) -> None:
    """To 1e-5 in every weight; logits of adapter on base and of the merged model alike."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = write_tiny_llama(tmp_path / "base")
    adapter = write_tiny_adapter(
        tmp_path / "adapter", base, dora=dora, ranks={"mlp.down_proj": 8}, **more
    )
    merge(adapter, base, tmp_path / "merged")
    ours = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    with_adapter = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), str(adapter)
    )
    ids = torch.arange(5, 200).unsqueeze(0)
    with torch.inference_mode():
        expected, plain = with_adapter(ids).logits, ours(ids).logits
    assert (expected - plain).abs().max() <= 1e-4
    theirs = with_adapter.merge_and_unload().state_dict()
    found = ours.state_dict()
    assert set(theirs) == set(found)
    assert max(float((theirs[name] - found[name]).abs().max()) for name in found) <= 1e-5
