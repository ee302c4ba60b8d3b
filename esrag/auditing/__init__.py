"""Proves the books against the index: what should be there is there whole, and nothing else is.

    index ── chunk facts, in order ─► Holding, one a document ─┐
    ledger ── documents, in order ─────────────────────────────┴─ merge ─► Finding

Both sides stream, so that memory does not grow with the corpus.  Writes nothing.
"""

from esrag.auditing.audit import Audit, Books, Tally
from esrag.auditing.findings import ADVICE, Finding, Kind
from esrag.auditing.holdings import Holding, holdings

__all__ = ["ADVICE", "Audit", "Books", "Finding", "Holding", "Kind", "Tally", "holdings"]
