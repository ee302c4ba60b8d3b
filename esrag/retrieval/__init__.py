"""A query becomes ranked hits, wherever the work for the document set is done.

    Query ──parameters──► search template ──retriever──► hits
          hits ──reranking──► ──selection──► ──neighbours──► Found

``retriever`` lets the cluster work; ``places`` says what is done here, where the licence does not
allow it; ``selection`` leaves out what repeats or crowds; ``shaping`` says which of all this is
wished for.
"""

from esrag.retrieval.parameters import LONGEST_QUESTION, checked
from esrag.retrieval.places import LocalEmbedder
from esrag.retrieval.retriever import DEGRADED, NO_VECTOR_KINDS, Retriever
from esrag.retrieval.shaping import Shaping, shaping_of

__all__ = [
    "DEGRADED",
    "LONGEST_QUESTION",
    "NO_VECTOR_KINDS",
    "LocalEmbedder",
    "Retriever",
    "Shaping",
    "checked",
    "shaping_of",
]
