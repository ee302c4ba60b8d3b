"""The text of a chunk that is embedded, as the ingest pipeline of the ML tier says.  Pure.

The pipeline's file is the one definition: its processor with the tag ``embedding-input`` sets a
helper field from a mustache text, and the same text is filled in here where the client embeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from esrag.errors import UnsupportedError

INPUT_TAG = "embedding-input"
_FIELD = re.compile(r"\{\{\{\s*([A-Za-z_][\w.]*)\s*\}\}\}")

Source = Mapping[str, Any]


def embedding_input(pipeline: Mapping[str, Any]) -> Callable[[Source], str]:
    """A function that gives the text to embed of a chunk's source.

    Raises UnsupportedError when the pipeline sets it in a way that is not followed here: anything
    but fields in three braces, and the text between them.
    """
    template = _template(pipeline)
    parts = _FIELD.split(template)
    literals, names = parts[::2], parts[1::2]
    if any("{{" in literal for literal in literals):
        raise UnsupportedError(
            f"the client cannot fill in the text that is embedded: {template!r} has more than "
            "fields in three braces",
            hint="Simplify the processor with the tag embedding-input in pipelines/ingest/"
            "embed.json, or let the cluster embed.",
        )

    def fill(source: Source) -> str:
        filled = [literals[0]]
        for name, literal in zip(names, literals[1:], strict=True):
            filled += [_value(source, name), literal]
        return "".join(filled)

    return fill


def _template(pipeline: Mapping[str, Any]) -> str:
    for processor in pipeline.get("processors", ()):
        setting = processor.get("set")
        if isinstance(setting, Mapping) and setting.get("tag") == INPUT_TAG:
            value = setting.get("value")
            if isinstance(value, str):
                return value
    raise UnsupportedError(
        f"no processor of the ingest pipeline has the tag {INPUT_TAG} and sets a text",
        hint="The client embeds what that processor sets; see pipelines/ingest/embed.json.",
    )


def _value(source: Source, name: str) -> str:
    """The field's text; nothing where there is no such field, as mustache has it."""
    value: Any = source
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnsupportedError(
            f"the text that is embedded has the field {name} in it, which is no text",
            hint="Use text fields only in the processor with the tag embedding-input.",
        )
    return value
