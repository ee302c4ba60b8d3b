"""What decides how a document is cut, and the two identities that follow from it."""

from __future__ import annotations

import hashlib
import json
from array import array
from dataclasses import asdict, dataclass, fields
from typing import Literal, Protocol, get_args

from esrag.types import Document

RULES_VERSION = 3  # part of the document hash: raise it when the same document gives other chunks

Strategy = Literal["structure", "recursive", "sentence", "fixed"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

_NOT_HASHED = frozenset(("text", "blocks", "pages", "origin"))  # the first three in a shorter form


class Tokenizer(Protocol):
    """What chunking asks of the embedder's tokenizer.

    One that also has a true ``adds_up`` promises that a text has as many tokens as its parts,
    wherever it is parted at a blank; chunks are then not counted a second time.
    """

    def count(self, text: str) -> int:
        """The number of tokens of ``text``."""

    def starts(self, text: str) -> array[int]:
        """The offset of the first character of each token, in order."""


@dataclass(frozen=True, slots=True)
class ChunkRules:
    """How long chunks may be, and where they are cut; ``max_tokens`` includes the context."""

    max_tokens: int = 160
    overlap_tokens: int = 30
    strategy: Strategy = "structure"


def chunk_id(set_name: str, document_id: str, position: int) -> str:
    """The id under which a chunk is indexed; the same input always gives the same one."""
    key = f"{set_name}\0{document_id}\0{position}".encode("utf-8", "replace")
    return hashlib.sha256(key).hexdigest()[:40]


def document_hash(document: Document, rules: ChunkRules, *, model_id: str) -> str:
    """Changes when the text, a field or the way of cutting changes; then chunks are sent again.

    Where the document was named from (``origin``) is no part of it.
    """
    named = {
        field.name: getattr(document, field.name)
        for field in fields(document)
        if field.name not in _NOT_HASHED
    }
    blocks = [(block.kind, block.start, block.end, block.level) for block in document.blocks]
    content = [named, blocks, document.pages, asdict(rules), RULES_VERSION, model_id]
    canonical = json.dumps(
        content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=dict
    )
    digest = hashlib.sha256(canonical.encode("ascii"))
    digest.update(document.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
