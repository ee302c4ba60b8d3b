"""Reads JSON bodies as strictly as TGI's own deserialiser, with its plain-text complaints.

A client that sends ``"max_new_tokens": "12"`` gets 422 here as it would from TGI.  Optional
fields take null, others do not; unknown fields are ignored.  Line and column of a complaint
are those of the end of the body: the exact place inside it is not tracked.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from esrag.local.tgi.errors import BodyRejected

U32 = (0, 2**32 - 1, "u32")
I32 = (-(2**31), 2**31 - 1, "i32")
U64 = (0, 2**64 - 1, "u64")
USIZE = (0, 2**64 - 1, "usize")
Integer = tuple[int, int, str]


def parse(body: bytes, *, content_type: str, struct: str) -> Fields:
    """The body as fields; raises BodyRejected with 400, 415 or 422."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise BodyRejected("Expected request with `Content-Type: application/json`", status=415)
    try:
        value = orjson.loads(body)  # unlike json: refuses NaN and half surrogates, as serde does
    except orjson.JSONDecodeError as error:
        raise BodyRejected(
            "Failed to parse the request body as JSON: "
            f"{error.msg} at line {error.lineno} column {error.colno}",
            status=400,
        ) from error
    lines = body.rstrip().split(b"\n")
    place = f" at line {len(lines)} column {len(lines[-1])}"
    if not isinstance(value, dict):
        raise _wrong("", f"invalid type: {kind_of(value)}, expected struct {struct}", place)
    return Fields(value, path="", place=place)


def kind_of(value: object) -> str:
    """A JSON value as serde names it in its messages."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f"string {json.dumps(value, ensure_ascii=False)}"
        case list():
            return "sequence"
        case _:
            return "map"


class Fields:
    """The members of one JSON object, read by name and type."""

    def __init__(self, values: dict[str, Any], *, path: str, place: str) -> None:
        self._values = values
        self._path = path
        self._place = place

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str) -> Any:
        """The value as it came; None when it is absent."""
        return self._values.get(name)

    def rejected(self, name: str, problem: str) -> BodyRejected:
        """The complaint about one field, for a caller that checks by itself."""
        return _wrong(
            f"{self._path}{name}" if name else self._path.rstrip("."), problem, self._place
        )

    def string(self, name: str) -> str:
        """A string that must be there."""
        if name not in self._values:
            raise self.rejected("", f"missing field `{name}`")
        value = self._values[name]
        if not isinstance(value, str):
            raise self._mismatch(name, "a string")
        return value

    def optional_string(self, name: str) -> str | None:
        """A string, null or nothing."""
        return None if self._values.get(name) is None else self.string(name)

    def boolean(self, name: str) -> bool:
        """A boolean; false when absent.  Null is refused, as by TGI."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise self._mismatch(name, "a boolean")
        return value

    def optional_boolean(self, name: str) -> bool | None:
        """A boolean, null or nothing."""
        return None if self._values.get(name) is None else self.boolean(name)

    def optional_integer(self, name: str, limits: Integer) -> int | None:
        """An integer within the type's limits, null or nothing."""
        value = self._values.get(name)
        if value is None:
            return None
        low, high, expected = limits
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._mismatch(name, expected)
        if not low <= value <= high:
            raise self.rejected(name, f"invalid value: {kind_of(value)}, expected {expected}")
        return value

    def optional_float(self, name: str) -> float | None:
        """A number, null or nothing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mismatch(name, "f32")
        return float(value)

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty when absent.  Null is refused, as by TGI."""
        value = self._values.get(name, [])
        if not isinstance(value, list):
            raise self._mismatch(name, "a sequence")
        for position, item in enumerate(value):
            if not isinstance(item, str):
                raise self.rejected(
                    f"{name}[{position}]", f"invalid type: {kind_of(item)}, expected a string"
                )
        return tuple(value)

    def optional_strings(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty when absent or null."""
        return () if self._values.get(name) is None else self.strings(name)

    def optional_floats(self, name: str) -> tuple[float, ...]:
        """A list of numbers; empty when absent or null."""
        value = self._values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._mismatch(name, "a sequence")
        for position, item in enumerate(value):
            if isinstance(item, bool) or not isinstance(item, int | float):
                raise self.rejected(
                    f"{name}[{position}]", f"invalid type: {kind_of(item)}, expected f32"
                )
        return tuple(float(item) for item in value)

    def section(self, name: str, struct: str) -> Fields | None:
        """A nested object; None when absent.  Null is refused, as by TGI."""
        if name not in self._values:
            return None
        value = self._values[name]
        if not isinstance(value, dict):
            raise self._mismatch(name, f"struct {struct}")
        return Fields(value, path=f"{self._path}{name}.", place=self._place)

    def sections(self, name: str, struct: str) -> tuple[Fields, ...]:
        """A list of objects that must be there."""
        if name not in self._values:
            raise self.rejected("", f"missing field `{name}`")
        value = self._values[name]
        if not isinstance(value, list):
            raise self._mismatch(name, "a sequence")
        fields = []
        for position, item in enumerate(value):
            path = f"{name}[{position}]"
            if not isinstance(item, dict):
                raise self.rejected(
                    path, f"invalid type: {kind_of(item)}, expected struct {struct}"
                )
            fields.append(Fields(item, path=f"{self._path}{path}.", place=self._place))
        return tuple(fields)

    def _mismatch(self, name: str, expected: str) -> BodyRejected:
        found = kind_of(self._values[name])
        return self.rejected(name, f"invalid type: {found}, expected {expected}")


def _wrong(path: str, problem: str, place: str) -> BodyRejected:
    where = f"{path}: " if path else ""
    return BodyRejected(
        f"Failed to deserialize the JSON body into the target type: {where}{problem}{place}",
        status=422,
    )
