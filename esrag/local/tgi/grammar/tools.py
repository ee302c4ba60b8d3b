"""Tools as a grammar: an object ``{"function": {"_name": …, arguments …}}`` for one of them.

As in TGI: ``auto`` adds a function ``no_tool``; a model that chooses it is asked again without
tools.  Named functions and ``required`` do not have that way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from esrag.local.tgi.errors import ToolFailed

NO_TOOL = "no_tool"
DEFAULT_PROMPT = (
    "\nGiven the functions available, please respond with a JSON for a function call with its "
    "proper arguments that best answers the given prompt. Respond in the format {name: function "
    "name, parameters: dictionary of argument name and its value}.Do not use variables.\n"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; ``arguments`` is the schema of its parameters."""

    name: str
    description: str | None
    arguments: Any
    kind: str = "function"

    def as_json(self) -> dict[str, Any]:
        """As TGI shows it to the template: the schema is a string."""
        return {
            "type": self.kind,
            "function": {
                "description": self.description,
                "name": self.name,
                "arguments": orjson.dumps(self.arguments).decode(),
            },
        }


_NO_TOOL = Tool(
    name=NO_TOOL,
    description="Open ended response with no specific tool selected",
    arguments={"type": "object"},
)


def usable(tools: Sequence[Tool], choice: str | NamedFunction) -> tuple[Tool, ...]:
    """The tools that may be called; none where the answer is free.  Raises ToolFailed."""
    match choice:
        case NamedFunction(name):
            found = next((tool for tool in tools if tool.name == name), None)
            if found is None:
                raise ToolFailed(f"Tool with name {name} not found")
            return (found,)
        case "none":
            return ()
        case "auto":
            return (*tools, _NO_TOOL)
        case _:
            return tuple(tools)


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """A ``tool_choice`` that names one function; the words are auto, none and required."""

    name: str


def schema(tools: Sequence[Tool]) -> dict[str, Any]:
    """The schema of a call of one of ``tools``."""
    return {
        "$functions": {tool.name: _call(tool) for tool in tools},
        "properties": {
            "function": {"anyOf": [{"$ref": f"#/$functions/{tool.name}"} for tool in tools]}
        },
        # TGI's expression lets the whole call be left out; an answer must not end like that
        "required": ["function"],
    }


def _call(tool: Tool) -> dict[str, Any]:
    properties: dict[str, Any] = {"_name": {"type": "string", "const": tool.name}}
    required = ["_name"]
    if isinstance(tool.arguments, dict):
        given = tool.arguments.get("properties")
        properties |= given if isinstance(given, dict) else {}
        wanted = tool.arguments.get("required")
        required += wanted if isinstance(wanted, list) else []
    return {
        "type": "object",
        "description": tool.description or "",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
