"""What parent and child say to each other, as records on both sides.

The child may have been taken over by the file it reads, so the parent believes nothing: every
field has its type, offsets lie inside the text, and a document keeps to the name of its file.
Chunks travel as offsets; their texts and ids are made on the parent's side.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from esrag.chunking import ChunkRules, chunk_id
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Listed, Parsed, Rejected, Skipped, Stage
from esrag.parsing.limits import Limits
from esrag.parsing.task import Cut, CuttingTask, Outcome
from esrag.parsing.wire import BadFrameError, pack
from esrag.types import Chunk, Document

Message = dict[str, Any]

_STAGES = frozenset(get_args(Stage))
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 8_192
_LONGEST_REASON = 2_000
_MOST_REPEATED = 16  # chunks overlap; together they are never longer than this many texts
_MOST_TOKENS = 1_000_000  # of one chunk: no model reads as many

_TEXTS = tuple(f.name for f in fields(Document) if f.type == "str")
_LISTS = tuple(f.name for f in fields(Document) if f.type == "tuple[str, ...]")
_NUMBERS = tuple(f.name for f in fields(Document) if f.type == "tuple[int, ...]")
_OF_CHUNK = {f.name for f in fields(Chunk)}
_SHARED = tuple(
    f.name for f in fields(Document) if f.name in _OF_CHUNK and f.name not in ("id", "text")
)


@dataclass(frozen=True, slots=True)
class Ready:
    """The child has loaded what it needs."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The child has done with a file."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """The child cannot work at all, for a reason that is no file's fault."""

    message: str
    hint: str


# -- from the parent ------------------------------------------------------------------------------


def order_frame(task: CuttingTask, limits: Limits) -> bytes:
    """The first message to a child."""
    return pack(
        {
            "set_name": task.set_name,
            "model_id": task.model_id,
            "tokenizer": _path_out(task.tokenizer),
            "rules": asdict(task.rules),
            "reading": task.reading.as_json(),
            "limits": asdict(limits),
        }
    )


def parsed_order(message: Message) -> tuple[CuttingTask, Limits]:
    """The task and the limits; only the child calls this, and it believes its parent."""
    task = CuttingTask(
        set_name=message["set_name"],
        model_id=message["model_id"],
        tokenizer=_path_in(message["tokenizer"]),
        rules=ChunkRules(**message["rules"]),
        reading=ReadingOptions.from_json(message["reading"]),
    )
    return task, Limits(**message["limits"])


def file_frame(listed: Listed) -> bytes:
    """A file to be read."""
    words = {f.name: getattr(listed, f.name) for f in fields(Listed)}
    return pack(words | {"path": _path_out(listed.path)})


def parsed_file(message: Message) -> Listed:
    """The file that a message names."""
    return Listed(**(message | {"path": _path_in(message["path"])}))


# -- from the child -------------------------------------------------------------------------------


def ready_frame() -> bytes:
    """Said once, before the first file."""
    return pack({"kind": "ready"})


def unfit_frame(message: str, hint: str) -> bytes:
    """Said instead of ``ready``."""
    return pack({"kind": "unfit", "message": _sound(message), "hint": _sound(hint)})


def ended_frame() -> bytes:
    """Said after the last outcome of a file."""
    return pack({"kind": "end"})


def outcome_frame(outcome: Outcome) -> bytes:
    """One outcome; raises BadFrameError for a document that cannot be sent."""
    if isinstance(outcome, Cut):
        return pack(_cut_out(outcome))
    if isinstance(outcome, Skipped):
        return pack({"kind": "skipped", "name": _sound(outcome.name), "rule": _sound(outcome.rule)})
    return pack(
        {
            "kind": "rejected",
            "name": _sound(outcome.name),
            "stage": outcome.stage,
            "code": outcome.code,
            "reason": _sound(outcome.reason)[:_LONGEST_REASON],
            "sha256": outcome.sha256,
            "place": _sound(outcome.place),
        }
    )


def _cut_out(cut: Cut) -> Message:
    document = cut.parsed.document
    for chunk in cut.chunks:
        if chunk.text != document.text[chunk.start : chunk.end]:
            raise AssertionError("a chunk is not the text between its offsets")
    message: Message = {name: getattr(document, name) for name in (*_TEXTS, *_LISTS, *_NUMBERS)}
    message["metadata"] = dict(document.metadata)
    message["kind"] = "cut"
    message["sha256"] = cut.parsed.sha256
    message["place"] = cut.parsed.place
    message["hash"] = cut.hash
    message["chunk_title"] = cut.chunks[0].title
    message["chunks"] = [
        [
            chunk.start,
            chunk.end,
            chunk.heading_path,
            chunk.content_hash,
            chunk.page,
            chunk.last_page,
            chunk.tokens,
        ]
        for chunk in cut.chunks
    ]
    return message


# -- checked by the parent ------------------------------------------------------------------------


def parsed_answer(
    message: Message, listed: Listed | None, task: CuttingTask
) -> Outcome | Ready | Ended | Unfit:
    """What the child says about ``listed``; raises BadFrameError when it makes no sense."""
    kind = message.get("kind")
    if kind == "ready":
        return Ready()
    if kind == "unfit":
        return Unfit(_text(message, "message"), _text(message, "hint"))
    if listed is None:
        raise BadFrameError("an answer that nobody asked for")
    if kind == "end":
        return Ended()
    if kind == "cut":
        return _cut_in(message, listed, task)
    if kind == "rejected":
        return _rejected_in(message, listed)
    if kind == "skipped":
        name = _named(message, "name", listed)
        return Skipped(listed.path, name, _line(message, "rule"), listed.origin, listed.uri)
    raise BadFrameError("an answer of no known kind")


def _rejected_in(message: Message, listed: Listed) -> Rejected:
    stage, code = _text(message, "stage"), _text(message, "code")
    if stage not in _STAGES or not _CODE.fullmatch(code):
        raise BadFrameError("a rejection of no known stage or code")
    return Rejected(
        path=listed.path,
        name=_named(message, "name", listed),
        stage=stage,  # type: ignore[arg-type]  # looked up above
        code=code,
        reason=_line(message, "reason"),
        sha256=_sha256(message, "sha256", or_none=True),
        place=_line(message, "place"),
        origin=listed.origin,
        uri=listed.uri,
    )


def _cut_in(message: Message, listed: Listed, task: CuttingTask) -> Cut:
    known: dict[str, Any] = {name: _text(message, name) for name in _TEXTS}
    known |= {name: tuple(_list(message, name, str)) for name in _LISTS}
    known |= {name: tuple(_list(message, name, int)) for name in _NUMBERS}
    known["metadata"] = _metadata(message)
    known["id"] = _named(message, "id", listed)
    known["origin"] = listed.origin
    document = Document(**known)
    shared = {name: known[name] for name in _SHARED}
    shared["title"] = _text(message, "chunk_title")
    parsed = Parsed(
        path=listed.path,
        document=document,
        sha256=_sha256(message, "sha256"),
        place=_line(message, "place"),
    )
    chunks = _chunks(_list(message, "chunks", list), document, shared, task.set_name)
    return Cut(parsed, _sha256(message, "hash"), chunks)


def _chunks(
    rows: list[Any], document: Document, shared: dict[str, Any], set_name: str
) -> tuple[Chunk, ...]:
    length = len(document.text)
    left = length * _MOST_REPEATED
    if not rows:
        raise BadFrameError("a document without chunks")
    chunks: list[Chunk] = []
    for position, row in enumerate(rows):
        start, end, path, content_hash, page, last_page, tokens = _row(row)
        left -= end - start
        if not 0 <= start < end <= length or left < 0:
            raise BadFrameError("a chunk that lies outside of its document")
        chunks.append(
            Chunk(
                id=chunk_id(set_name, document.id, position),
                document_id=document.id,
                position=position,
                start=start,
                end=end,
                text=document.text[start:end],
                heading_path=path,
                content_hash=content_hash,
                page=page,
                last_page=last_page,
                chunk_count=len(rows),
                tokens=tokens,
                **shared,
            )
        )
    return tuple(chunks)


def _row(row: object) -> tuple[int, int, tuple[str, ...], str, int, int, int]:
    if not isinstance(row, list) or len(row) != 7:
        raise BadFrameError("a chunk of another shape")
    start, end, path, content_hash, page, last_page, tokens = row
    if not all(type(number) is int for number in (start, end, page, last_page, tokens)):
        raise BadFrameError("a chunk whose offsets are no numbers")
    if page < 0 or last_page < page:
        raise BadFrameError("a chunk whose pages run backwards")
    if not 0 <= tokens < _MOST_TOKENS:
        raise BadFrameError("a chunk of no such number of tokens")
    if not isinstance(path, list) or not all(isinstance(part, str) for part in path):
        raise BadFrameError("a chunk whose headings are no strings")
    if not isinstance(content_hash, str) or not _SHA256.fullmatch(content_hash):
        raise BadFrameError("a chunk without a hash")
    return start, end, tuple(path), content_hash, page, last_page, tokens


def _metadata(message: Message) -> dict[str, str]:
    found = message.get("metadata")
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadFrameError("metadata that are no strings")
    return found


def _named(message: Message, field: str, listed: Listed) -> str:
    """The id of a document in ``listed``: the file's own name, or one that begins with it."""
    name = _text(message, field)
    if len(name) > _LONGEST_NAME or not name.startswith(listed.name):
        raise BadFrameError(f"{name[:80]!r} is no name of anything in {listed.name[:80]!r}")
    return name


def _text(message: Message, field: str) -> str:
    found = message.get(field)
    if not isinstance(found, str):
        raise BadFrameError(f"{field} is no string")
    return found


def _line(message: Message, field: str) -> str:
    """Words for a person, as one line: a reason may quote the file, escapes of terminals too."""
    words = " ".join(_text(message, field)[:_LONGEST_REASON].split())
    return "".join(c if c.isprintable() else "\ufffd" for c in words)


def _list(message: Message, field: str, kind: type) -> list[Any]:
    found = message.get(field)
    if not isinstance(found, list) or not all(type(item) is kind for item in found):
        raise BadFrameError(f"{field} is no list of {kind.__name__}")
    return found


def _sha256(message: Message, field: str, *, or_none: bool = False) -> str:
    found = _text(message, field)
    if not (_SHA256.fullmatch(found) or (or_none and not found)):
        raise BadFrameError(f"{field} is no SHA-256")
    return found


def _sound(words: str) -> str:
    """``words`` without halves of surrogate pairs, which no JSON can hold."""
    return words.encode("utf-8", "backslashreplace").decode("utf-8")


def _path_out(path: Path) -> str:
    """Any path as a string that JSON can hold: one character a byte."""
    return os.fsencode(Path(path).absolute()).decode("latin-1")


def _path_in(words: str) -> Path:
    return Path(os.fsdecode(words.encode("latin-1")))
