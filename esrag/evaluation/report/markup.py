"""HTML from values: text becomes markup here and nowhere else.

A ``str`` is text and is escaped; only ``Markup``, which ``tag`` makes, stands as it is.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape

from esrag.evaluation.report.texts import linkable, one_line, plain

_EMPTY = frozenset(("br", "meta", "input", "wbr"))


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Content = str | None
Attribute = str | int | float | bool | None


def escaped(text: str) -> Markup:
    """``text`` of whatever origin as markup, also within the quotes of an attribute."""
    return Markup(escape(plain(text), quote=True))


def tag(name: str, *content: Content, **attributes: Attribute) -> Markup:
    """An element.

    Content that is None is left out; so are attributes that are None or False.  Names of attributes
    lose a trailing ``_`` and have ``-`` for ``_``; True stands for an attribute without value.
    """
    opened = "".join([f"<{name}", *map(_attribute, attributes.items()), ">"])
    if name in _EMPTY:
        return Markup(opened)
    return Markup(f"{opened}{joined(*content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Contents one behind the other."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else escaped(part)
            for part in content
            if part is not None
        )
    )


def foreign(text: str, *, name: str = "bdi", **attributes: Attribute) -> Markup:
    """Text of documents, models or users on one line; its direction stays its own."""
    return tag(name, one_line(text), dir="auto", **attributes)


def unseen(text: str) -> Markup:
    """Words for screen readers alone."""
    return tag("span", text, class_="unseen")


def sign(text: str) -> Markup:
    """A sign that says nothing to screen readers."""
    return tag("span", text, aria_hidden="true", class_="sign")


def address(url: str, source: str = "") -> Markup | None:
    """A link that shows where it leads, or the address as text when it may be none."""
    target = linkable(url)
    if target:
        return tag(
            "a",
            target,
            href=target,
            class_="address",
            rel="noopener noreferrer nofollow",
            target="_blank",
        )
    written = one_line(url or source)
    return foreign(written[:300], class_="address") if written else None


@lru_cache(maxsize=4096)
def _attribute(pair: tuple[str, Attribute]) -> str:
    name, value = pair[0].rstrip("_").replace("_", "-"), pair[1]
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escaped(str(value))}"'
