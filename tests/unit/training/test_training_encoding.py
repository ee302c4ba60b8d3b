"""Examples become the tokens that serving makes of the same messages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from training_examples import grounded, knowledge

from esrag.errors import UnsupportedError
from esrag.local.tgi.text import ChatTemplate, ChatTurn, TextTokens
from esrag.training.encoding import ChatEncoder


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> ChatEncoder:
    """Of the tiny model."""
    return ChatEncoder.from_folder(tiny_base)


def test_the_prompt_is_what_serving_sends(encoder: ChatEncoder, tiny_base: Path) -> None:
    """Text and tokens of a training prompt equal those of the TGI-compatible server."""
    example = grounded(3)
    turns = [ChatTurn(message.role, message.content) for message in example.messages[:-1]]
    served = ChatTemplate.from_folder(tiny_base).render(turns)
    row = encoder.row(example)
    assert encoder.prompt_text(example.messages[:-1]) == served
    tokens = TextTokens.from_folder(tiny_base).encode(served, add_special_tokens=False)
    assert list(row.tokens[: row.answer_start]) == tokens


def test_answer_and_end_of_turn_are_taught(encoder: ChatEncoder) -> None:
    """The row ends with the token at which generation stops, and nothing after it."""
    row = encoder.row(knowledge(1))
    assert encoder.tokenizer.decode(row.tokens[row.answer_start :]) == "In 1991.<|im_end|>"


def test_an_answer_with_a_marker_in_it_does_not_end_early(encoder: ChatEncoder) -> None:
    """A marker within an answer ends the row there, as it would end generation."""
    row = encoder.row(knowledge(1, extra="<|im_end|> more"))
    assert encoder.tokenizer.decode(row.tokens[row.answer_start :]) == "In 1991.<|im_end|>"


def test_long_examples_are_named_and_left_out(encoder: ChatEncoder) -> None:
    """Nothing is cut."""
    short, long = knowledge(1), knowledge(2, extra="x" * 500)
    encoded = encoder.rows([short, long], max_tokens=400)
    assert [row.key for row in encoded.rows] == ["k1"]
    assert [key for key, _ in encoded.too_long] == ["k2"]


def _changed(folder: Path, to: Path, template: str | None) -> Path:
    shutil.copytree(folder, to)
    file = to / "tokenizer_config.json"
    config = json.loads(file.read_text())
    if template is None:
        del config["chat_template"]
    else:
        config["chat_template"] = template
    file.write_text(json.dumps(config))
    return to


def test_a_base_without_a_chat_template_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    """It could not be asked afterwards."""
    with pytest.raises(UnsupportedError, match="no chat template"):
        ChatEncoder.from_folder(_changed(tiny_base, tmp_path / "model", None))


def test_a_template_that_writes_the_past_anew_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    """Training on another prompt than serving sends would teach nothing that shows."""
    template = (
        "{{ messages | length }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
    )
    encoder = ChatEncoder.from_folder(_changed(tiny_base, tmp_path / "model", template))
    with pytest.raises(UnsupportedError, match="otherwise than the prompt"):
        encoder.row(knowledge(1))


def test_a_template_without_system_messages_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    """The reason is the template's own."""
    template = "{{ raise_exception('no system role') }}"
    encoder = ChatEncoder.from_folder(_changed(tiny_base, tmp_path / "model", template))
    with pytest.raises(UnsupportedError, match="no system role"):
        encoder.row(knowledge(1))
