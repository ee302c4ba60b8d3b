"""A model's text side: tokens to text and back, and the chat template.  No torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from esrag.errors import UnsupportedError
from esrag.local.tgi.errors import TemplateFailed

if TYPE_CHECKING:
    from jinja2 import Template
    from tokenizers import Encoding, Tokenizer


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One message, its parts already joined."""

    role: str
    content: str
    is_call: bool = False  # tool calls of an assistant, written as JSON


@dataclass(frozen=True, slots=True)
class ToolsShown:
    """What the model is told of its tools: their JSON, and how to use them."""

    tools: tuple[dict[str, Any], ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class SimpleToken:
    """A token of a given text with its character offsets."""

    id: int
    text: str
    start: int
    stop: int


class TextTokens:
    """Encodes and decodes with a model's own ``tokenizer.json``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._special = frozenset(
            number
            for number, token in tokenizer.get_added_tokens_decoder().items()
            if token.special
        )

    @classmethod
    def from_folder(cls, folder: Path) -> TextTokens:
        """Read ``tokenizer.json``; a slow tokenizer alone will not do, as with TGI's /tokenize."""
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        if not file.is_file():
            raise UnsupportedError(
                f"{folder} has no tokenizer.json",
                hint="Save the model with its fast tokenizer: tokenizer.save_pretrained(folder).",
            )
        return cls(Tokenizer.from_file(str(file)))

    @property
    def source(self) -> str:
        """The tokenizer as JSON."""
        return str(self._tokenizer.to_str())

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """The ids of a text."""
        ids: list[int] = self._encoding(text, add_special_tokens=add_special_tokens).ids
        return ids

    def tokens(self, text: str, *, add_special_tokens: bool) -> list[SimpleToken]:
        """Ids with the stretch of text each stands for; offsets count UTF-8 bytes, as TGI's."""
        encoding = self._encoding(text, add_special_tokens=add_special_tokens)
        offsets = _byte_offsets(text)
        return [
            SimpleToken(number, text[start:stop], offsets[start], offsets[stop])
            for number, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of these ids, special tokens included."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def is_special(self, token_id: int) -> bool:
        """Whether the token is a marker rather than text."""
        return token_id in self._special

    def id_of(self, token: str) -> int | None:
        """The id of a token given by its name."""
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    def _encoding(self, text: str, *, add_special_tokens: bool) -> Encoding:
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens)


def _byte_offsets(text: str) -> list[int]:
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + len(character.encode("utf-8", "surrogatepass")))
    return offsets


class ChatTemplate:
    """Messages to the one string that the model was trained on."""

    def __init__(self, source: str | None, *, tokens: dict[str, str | None]) -> None:
        self._template = _compile(source) if source else None
        self._tokens = tokens
        self._names_tools = source is not None and _names_tools(source)

    @classmethod
    def from_source(cls, source: str) -> ChatTemplate:
        """A template of one's own, without named tokens."""
        return cls(source, tokens={})

    @classmethod
    def from_folder(cls, folder: Path) -> ChatTemplate:
        """Read it from ``chat_template.jinja`` or ``tokenizer_config.json``; may be absent."""
        config = _read_json(folder / "tokenizer_config.json")
        source = config.get("chat_template")
        if isinstance(source, list):  # several named ones
            source = next((one["template"] for one in source if one["name"] == "default"), None)
        file = folder / "chat_template.jinja"
        if file.is_file():
            source = file.read_text(encoding="utf-8")
        names = {"bos_token": _token(config, "bos_token"), "eos_token": _token(config, "eos_token")}
        return cls(source, tokens=names)

    def render(self, messages: Sequence[ChatTurn], *, tools: ToolsShown | None = None) -> str:
        """The prompt, ending where the model is to go on; raises TemplateFailed."""
        from jinja2 import TemplateError

        if self._template is None:
            raise TemplateFailed("template not found")
        if tools is not None:
            messages = self._with_tools(messages, tools)
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        try:
            text = self._template.render(
                messages=turns,
                add_generation_prompt=True,
                tools=None if tools is None else list(tools.tools),
                **self._tokens,
            )
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            raise TemplateFailed(str(error)) from error
        if messages and messages[-1].role == "assistant":
            return _open_ended(text, messages[-1].content)
        return text

    def _with_tools(self, messages: Sequence[ChatTurn], tools: ToolsShown) -> Sequence[ChatTurn]:
        """The last message tells of the tools, unless it is a call itself."""
        if not messages or messages[-1].is_call:
            return messages
        listed = "" if self._names_tools else orjson.dumps(tools.tools).decode() + "\n"
        last = messages[-1]
        told = replace(last, content=f"{last.content}\n---\n{listed}{tools.prompt}")
        return [*messages[:-1], told]


def _open_ended(text: str, content: str) -> str:
    """A last message by the assistant is continued instead of answered."""
    end = text.rfind(content)
    return text if end < 0 else text[: end + len(content)].rstrip()


def _names_tools(source: str) -> bool:
    """Whether the template itself shows the tools to the model."""
    from jinja2.meta import find_undeclared_variables

    from esrag.model_files.chat_templates import sandbox

    return "tools" in find_undeclared_variables(sandbox().parse(source))


def _compile(source: str) -> Template:
    """The template came with the weights: it renders in a sandbox, within bounds."""
    from jinja2 import TemplateError

    from esrag.model_files.chat_templates import compile_chat_template

    try:
        return compile_chat_template(source)
    except TemplateError as error:
        raise UnsupportedError(f"the model's chat template cannot be read: {error}") from error


def _token(config: dict[str, Any], name: str) -> str | None:
    value = config.get(name)
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    value = json.loads(file.read_text(encoding="utf-8"))
    return value if isinstance(value, dict) else {}
