"""Cuts a document into chunks; pure: a document in, chunks out.

    document --strategy--> spans --exact count--> chunks

Rules, whatever the strategy, in the order in which they decide:

1. ``chunk.text == document.text[chunk.start:chunk.end]``; nothing is rewritten, nothing is lost.
2. A chunk and its context (title and heading path) fit into ``max_tokens`` together.
3. The same document and rules give the same chunks.

``structure`` follows headings, tables, code and lists; ``recursive``, ``sentence`` and ``fixed``
see running text (``esrag.chunking.strategies``).  Time and memory grow with the text and no
faster: positions are found by bisection among the token starts, breaks by looking at most one
chunk ahead.
"""

from esrag.chunking.cutting import cut
from esrag.chunking.outline import heading_text
from esrag.chunking.rules import (
    RULES_VERSION,
    STRATEGIES,
    ChunkRules,
    Strategy,
    Tokenizer,
    chunk_id,
    document_hash,
)

__all__ = [
    "RULES_VERSION",
    "STRATEGIES",
    "ChunkRules",
    "Strategy",
    "Tokenizer",
    "chunk_id",
    "cut",
    "document_hash",
    "heading_text",
]
