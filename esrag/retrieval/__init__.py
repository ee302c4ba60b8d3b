"""A query becomes ranked hits, wherever the work for the document set is done.

    Query ──parameters──► search template ──retriever──► hits ──selection──► Found

``retriever`` lets the cluster work, or works here where its licence does not allow it;
``parameters`` fills the template; ``selection`` leaves out what repeats or crowds.
"""

from esrag.retrieval.parameters import LONGEST_QUESTION, checked
from esrag.retrieval.retriever import DEGRADED, NO_VECTOR_KINDS, LocalEmbedder, Retriever

__all__ = [
    "DEGRADED",
    "LONGEST_QUESTION",
    "NO_VECTOR_KINDS",
    "LocalEmbedder",
    "Retriever",
    "checked",
]
