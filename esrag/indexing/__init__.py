"""Documents -> chunks -> index, with one outcome for every input.

    entries ─ intake ─► ledger lines ─ reader ─► Cut ─ look-up ─► unchanged
                                                            `─► outbox ─► sender ─► acknowledged
                                                                     ─ verifying ─► indexed
    anything that fails on the way -> rejected, with a dead letter and no chunks in the index

The index itself says what is unchanged; the ledger is told every step before and after it is
taken, and nothing kept in memory grows with the corpus.  ``run`` holds the order of the steps,
the other modules one noun each.  Knows neither HTTP nor the terminal.
"""

from esrag.cluster.stored_documents import HeldDocument, Selection
from esrag.indexing.forgetting import Selected, find, forget
from esrag.indexing.pruning import PrunedOrigin, PruneReport
from esrag.indexing.reading import Cutting, Reader, UnjailedReader, drafts_of
from esrag.indexing.records import Index, Progress, Report, new_run_id
from esrag.indexing.run import MAX_BATCH, Ingest

__all__ = [
    "MAX_BATCH",
    "Cutting",
    "HeldDocument",
    "Index",
    "Ingest",
    "Progress",
    "PruneReport",
    "PrunedOrigin",
    "Reader",
    "Report",
    "Selected",
    "Selection",
    "UnjailedReader",
    "drafts_of",
    "find",
    "forget",
    "new_run_id",
]
