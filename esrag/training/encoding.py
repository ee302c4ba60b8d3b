"""Examples to tokens, by the model's own chat template, as serving does it.

    messages without the answer ──template──► prompt   the bytes that serving sends to the model
    messages with the answer    ──template──► prompt + answer + end of turn

Prompt and answer are encoded apart, because the server encodes the prompt alone: a token across
the seam is one that the model will never see.  What a template puts after the end of a turn is
left out; generation ends there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.errors import UnsupportedError, UsageError
from esrag.training.packing import Row
from esrag.types import Example, Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass
class Encoded:
    """Rows, and the examples that are too long for the model: their ids and lengths."""

    rows: list[Row] = field(default_factory=list)
    too_long: list[tuple[str, int]] = field(default_factory=list)


class ChatEncoder:
    """A model's tokenizer and chat template; its end tokens are those that generation stops at."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, end_tokens: frozenset[int]) -> None:
        self.tokenizer: Any = tokenizer
        self.end_tokens = end_tokens

    @classmethod
    def from_folder(cls, folder: Path) -> ChatEncoder:
        """Read a checked model folder; raises UnsupportedError without template or end token."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError) as error:
            raise UnsupportedError(
                f"the tokenizer in {folder} cannot be read: {str(error).splitlines()[0]}",
                hint="A folder with tokenizer.json and tokenizer_config.json is needed.",
            ) from error
        if not tokenizer.is_fast or not tokenizer.chat_template:
            raise UnsupportedError(
                f"the tokenizer in {folder} has no "
                + ("chat template" if tokenizer.is_fast else "tokenizer.json"),
                hint="Fine-tuning needs an instruction-tuned model; esrag pretrain needs none.",
            )
        return cls(tokenizer, _end_tokens(folder, tokenizer))

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """What a server makes of these messages when it is to answer."""
        return self._rendered(messages, prompt=True)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens of that."""
        return self._tokens(self.prompt_text(messages))

    def text_of(self, tokens: Sequence[int]) -> str:
        """What tokens say, without markers."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def row(self, example: Example) -> Row:
        """One example as tokens, of whatever length.

        Raises UnsupportedError when the template does not write the prompt as serving would.
        """
        *before, answer = example.messages
        prompt, whole = self.prompt_text(before), self._rendered(example.messages, prompt=False)
        if not whole.startswith(prompt):
            raise UnsupportedError(
                "the model's chat template writes a conversation with an answer otherwise than the "
                "prompt for it, so that training would not fit serving",
                hint="Use a model whose template adds turns at the end, as most do.",
            )
        head = self._tokens(prompt)
        tail = self._tokens(whole[len(prompt) :])
        return Row(example.id, example.kind, head + self._ended(tail, answer), len(head))

    def rows(self, examples: Iterable[Example], *, max_tokens: int) -> Encoded:
        """All of them; those longer than ``max_tokens`` are left out and named, never cut."""
        encoded = Encoded()
        for row in map(self.row, examples):
            if len(row.tokens) > max_tokens:
                encoded.too_long.append((row.key, len(row.tokens)))
            else:
                encoded.rows.append(row)
        return encoded

    def _ended(self, tail: tuple[int, ...], answer: Message) -> tuple[int, ...]:
        """The answer up to its first end token, which it gets where the template has none."""
        for place, token in enumerate(tail):
            if token in self.end_tokens:
                if place == 0 and answer.content:
                    raise UnsupportedError(
                        "the model's chat template ends a turn before the answer is said",
                        hint="Use a model whose template adds turns at the end, as most do.",
                    )
                return tail[: place + 1]
        return (*tail, min(self.end_tokens))

    def _rendered(self, messages: Sequence[Message], *, prompt: bool) -> str:
        from jinja2 import TemplateError

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=prompt
                )
            )
        except (TemplateError, ValueError, TypeError) as error:
            raise UnsupportedError(
                f"the model's chat template does not take these messages: {error}",
                hint="Grounded prompts need a template that has a system message.",
            ) from error

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def require_rows(encoded: Encoded, *, max_tokens: int, what: str) -> None:
    """Raise UsageError when nothing is left to train with."""
    if encoded.rows:
        return
    if encoded.too_long:
        shortest = min(length for _, length in encoded.too_long)
        raise UsageError(
            f"every example of {what} is longer than {max_tokens} tokens (the shortest has "
            f"{shortest})",
            hint="Raise --max-tokens, as far as the model's positions go.",
        )
    raise UsageError(f"{what} holds no examples", hint="Make some: esrag dataset build")


def _end_tokens(folder: Path, tokenizer: Any) -> frozenset[int]:
    """What generation stops at: the model's generation_config.json, else the tokenizer's."""
    file = folder / "generation_config.json"
    found: Any = None
    if file.is_file():
        try:
            found = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
        except (ValueError, AttributeError) as error:
            raise UnsupportedError(f"{file} is not a JSON object: {error}") from error
    if found is None:
        found = tokenizer.eos_token_id
    ends = found if isinstance(found, list) else [found]
    if not ends or not all(isinstance(each, int) for each in ends):
        raise UnsupportedError(
            f"the model in {folder} names no token that ends an answer",
            hint="Its generation_config.json should have eos_token_id.",
        )
    return frozenset(ends)
