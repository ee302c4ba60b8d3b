"""Answers a question: retrieve, generate, verify, else quote, else refuse."""

from esrag.answering.answerer import Answerer
from esrag.answering.parts import Choices, Generator, GeneratorFailedError, sources
from esrag.answering.writing import MOST_SENTENCES

__all__ = [
    "MOST_SENTENCES",
    "Answerer",
    "Choices",
    "Generator",
    "GeneratorFailedError",
    "sources",
]
