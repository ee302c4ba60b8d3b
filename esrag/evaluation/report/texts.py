"""Texts, addresses and numbers as a report shows them, whoever wrote them.

The page, the Markdown and the data differ in how they escape; what they show is decided here:
which characters are left out or made visible, which addresses may be links, where a text is cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

from esrag.evaluation.records import Measure

ABSENT = "–"
"""Stands where nothing was measured; 0 would be a claim."""

# Those that reorder or hide what stands around them are left out, as on the page of `esrag serve`.
_STEERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_CONTROLS = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    0x0D: None,
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),  # half a pair, which no file can hold
    0xFFFE: 0xFFFD,
    0xFFFF: 0xFFFD,
}
_SPECIAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_LONGEST_ADDRESS = 2048
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])", re.IGNORECASE)


def plain(text: str) -> str:
    """``text`` without characters that steer the line; control characters become visible signs."""
    return _STEERING.sub("", text.translate(_CONTROLS)) if _SPECIAL.search(text) else text


def one_line(text: str, most: int = 2000) -> str:
    """The same on one line and no longer than that, for names, titles and labels."""
    return " ".join(plain(text[: 2 * most]).split())[:most]


@lru_cache(maxsize=4096)
def linkable(address: str) -> str:
    """An address that may be a link: http or https, without login data; empty for any other."""
    written = address.strip(" ")
    if not written.lower().startswith(("http://", "https://")) or len(written) > _LONGEST_ADDRESS:
        return ""
    if any(
        character <= " " or character in '\\<>"`' or character == "\x7f" for character in written
    ):
        return ""
    try:
        parts = urlsplit(written)
        host = parts.netloc.rpartition("@")[2]
        name = parts.hostname or ""
        _ = parts.port  # raises for one that is none
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except ValueError:
        return ""
    if "@" in parts.netloc or not _HOST.fullmatch(
        f"[{name}]" if host.startswith("[") else ascii_name
    ):
        return ""
    port = f":{parts.port}" if parts.port is not None else ""
    shown = f"[{name}]" if host.startswith("[") else ascii_name
    rest = written[len(parts.scheme) + 3 + len(parts.netloc) :]
    safe = quote(plain(rest), safe="/:?#[]@!$&()*+,;=%~-._'", errors="replace")
    return f"{parts.scheme.lower()}://{shown}{port}{safe}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many characters of each text a report shows; what is cut says where the whole is.

    ``ranks``: how many passages of a system are shown besides those that hold the evidence.
    """

    answer: int = 6000
    question: int = 1000
    reference: int = 600
    quote: int = 600
    why: int = 300
    passage: int = 400
    name: int = 80
    error: int = 600
    ranks: int = 10


ROOMY = Limits()
TIGHT = Limits(
    answer=1200, question=400, reference=300, quote=200, why=160, passage=160, error=300, ranks=3
)
_ROOMY_UP_TO = 3000  # replies; with more, the page would take a browser too long


def limits_for(replies: int) -> Limits:
    """The limits for a report of so many replies."""
    return ROOMY if replies <= _ROOMY_UP_TO else TIGHT


def cut(text: str, most: int) -> tuple[str, bool]:
    """``text`` up to a word's end before ``most`` characters, and whether something is missing."""
    if len(text) <= most:
        return text, False
    kept = text[:most]
    space = kept.rfind(" ", most - 40)
    return (kept[:space] if space > 0 else kept), True


def excerpt(text: str, most: int) -> tuple[str, bool]:
    """The beginning of a text as it may be shown, and whether something is missing."""
    kept, missing = cut(text, most)
    return plain(kept), missing


def around(text: str, words: str, most: int) -> tuple[str, bool, bool]:
    """``most`` characters of ``text`` that hold ``words``; whether text is missing before, behind.

    The beginning where the words are not found.
    """
    if len(text) <= most:
        return text, False, False
    at = text.find(words) if words else -1
    start = max(0, min(at - (most - len(words)) // 2, len(text) - most)) if at >= 0 else 0
    if start:
        space = text.find(" ", start, start + 30)
        start = space + 1 if space >= 0 else start
    kept, behind = cut(text[start:], most)
    return kept, start > 0, behind


def shown_label(name: str) -> str:
    """A word of a file as words: ``single_fact`` as "single fact"."""
    return one_line(name.replace("_", " ")) or "no type"


def counted(count: int, noun: str) -> str:
    """ "1 question", "2 questions", "2 replies"."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun[-1] == "y" else f"{count:,} {noun}s"


def is_share(measure: Measure) -> bool:
    """Whether its values are read best in hundredths."""
    return measure.kind == "yes/no" or measure.unit in ("share", "%")


def in_words(value: float | None, measure: Measure, *, signed: bool = False) -> str:
    """A value of a measure, or a difference of two, with its unit."""
    if value is None:
        return ABSENT
    if is_share(measure):
        return _signed(f"{100 * value:+.0f}") + " points" if signed else f"{100 * value:.0f} %"
    if measure.unit in ("s", "seconds"):
        return _signed(f"{value:+.3g}") + " s" if signed else timed(value)
    number = grouped(value)
    unit = f" {measure.unit}" if measure.unit and measure.unit != "number" else ""
    if signed:
        number = _signed(f"{'+' if value >= 0 else '-'}{grouped(abs(value))}")
    return number + unit


def interval_in_words(low: float, high: float, measure: Measure, *, signed: bool = False) -> str:
    """The ends of an interval without their unit: "52 to 71"."""
    if is_share(measure):
        form = "{:+.0f}" if signed else "{:.0f}"
        return " to ".join(_signed(form.format(100 * end)) for end in (low, high))

    if measure.unit in ("s", "seconds") and not signed:
        return f"{timed(low)} to {timed(high)}"

    def written(end: float) -> str:
        sign = "-" if end < 0 else "+" if signed else ""
        return _signed(sign + grouped(abs(end)))

    return f"{written(low)} to {written(high)}"


def grouped(value: float) -> str:
    """Three digits that count: 0.613, 4.72, 38.1, 412, 12,300."""
    size = abs(value)
    if size >= 100 or not size:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def timed(seconds: float | None) -> str:
    """ "340 ms", "1.2 s", "4 min 10 s", "3 h 05 min"."""
    if seconds is None:
        return ABSENT
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(written: str) -> str:
    """An ISO time to the minute, with its zone; anything else as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)[:.\d]*(Z|\+00:00)?", written.strip())
    if not found:
        return one_line(written)[:40]
    return f"{found[1]} {found[2]}{' UTC' if found[3] else ''}"


def probable(p_value: float) -> str:
    """A p-value with two digits, "< 0.001" below that, never rounded to 0."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def _signed(text: str) -> str:
    """With the sign that is as wide as a plus; a rounded 0 has none."""
    return text.lstrip("+-") if not text.strip("+-0.,") else text.replace("-", "−")
