"""What is trained on is what a server makes of the same messages."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from training_examples import grounded, knowledge, unanswerable

from esrag.base_models.source import find_model
from esrag.training.encoding import ChatEncoder
from esrag.types import Example


@pytest.mark.parametrize(
    "example", [knowledge(1), grounded(2), unanswerable(3)], ids=lambda e: e.kind
)
def test_a_training_prompt_is_the_served_one(
    example: Example, tgi_url: str, tgi_data: Path
) -> None:
    """Text and tokens of the prompt equal those of the server's /chat_tokenize."""
    encoder = ChatEncoder.from_folder(find_model("packaged", data_dir=tgi_data).folder)
    prompt = example.messages[:-1]
    body = {
        "model": "tgi",
        "messages": [{"role": each.role, "content": each.content} for each in prompt],
    }
    answer = httpx.post(f"{tgi_url}/chat_tokenize", json=body, timeout=60)
    answer.raise_for_status()
    served = answer.json()
    assert encoder.prompt_text(prompt) == served["templated_text"]
    row = encoder.row(example)
    tokens = [each["id"] for each in served["tokenize_response"]]
    assert list(row.tokens[: row.answer_start]) == tokens
