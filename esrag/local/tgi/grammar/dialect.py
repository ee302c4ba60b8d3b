r"""Regular expressions as TGI reads them: classes such as ``\d`` mean ASCII.

llguidance reads them as Unicode, and would let a model write digits of any script.
"""

from __future__ import annotations

_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " \\t\\n\\r\\f\\v"}


def ascii_classes(expression: str) -> str:
    r"""The expression with ``\d``, ``\w``, ``\s`` and their opposites spelled out."""
    parts: list[str] = []
    inside = False
    place = 0
    while place < len(expression):
        letter = expression[place]
        if letter == "\\" and place + 1 < len(expression):
            parts.append(_escape(expression[place + 1], inside=inside))
            place += 2
            continue
        if letter == "[" and not inside:
            inside = True
            head = 2 if expression.startswith("[^", place) else 1
            # a bracket that comes first stands for itself
            head += expression.startswith("]", place + head)
            parts.append(expression[place : place + head])
            place += head
            continue
        if letter == "]":
            inside = False
        parts.append(letter)
        place += 1
    return "".join(parts)


def _escape(letter: str, *, inside: bool) -> str:
    members = _CLASSES.get(letter.lower())
    if members is None:
        return f"\\{letter}"
    if letter.islower():
        return members if inside else f"[{members}]"
    return f"\\{letter}" if inside else f"[^{members}]"
