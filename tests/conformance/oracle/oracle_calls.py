"""A REST call that both the server under test and the oracle are asked about.

Whoever makes a call says what the route takes from the path, and what the server would refuse
even when it can read the call, because of what it holds: the oracle holds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode


@dataclass(frozen=True, slots=True)
class State:
    """A refusal by name, and what it is about."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call; ``body`` is text, so that positions in error texts can be compared."""

    kind: str
    method: str
    route: str
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    state: State | None = None

    @property
    def uri(self) -> str:
        """Path and query as they go over the wire."""
        parts = {name: quote(value, safe="") for name, value in self.path.items()}
        query = f"?{urlencode(self.query)}" if self.query else ""
        return self.route.format(**parts) + query

    def line(self, number: int) -> dict[str, Any]:
        """What the oracle reads."""
        state = self.state and {"name": self.state.name, "values": list(self.state.values)}
        return {
            "id": str(number),
            "kind": self.kind,
            "method": self.method,
            "uri": self.uri,
            "path": self.path,
            "body": self.body,
            "state": state,
        }

    def __str__(self) -> str:
        return f"{self.method} {self.uri} {self.body if self.body is not None else '(no body)'}"
