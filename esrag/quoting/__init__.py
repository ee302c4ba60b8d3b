"""Ranks the sentences of the passages by how well they answer: quotes, confidence, the gate."""

from esrag.quoting.assessment import Assessment
from esrag.quoting.gate import gate
from esrag.quoting.quote import Quote
from esrag.quoting.ranking import (
    CONFIDENCE,
    NEW_MARGIN,
    SAME_MARGIN,
    Embed,
    Weights,
    assess,
    cosines,
    select,
)

__all__ = [
    "CONFIDENCE",
    "NEW_MARGIN",
    "SAME_MARGIN",
    "Assessment",
    "Embed",
    "Quote",
    "Weights",
    "assess",
    "cosines",
    "gate",
    "select",
]
