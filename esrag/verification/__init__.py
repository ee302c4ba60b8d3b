"""Checks each generated sentence against the passages: what they do not support is not shown."""

from esrag.verification.support import DEFAULT_COVERAGE
from esrag.verification.verifier import Entails, Verifier

__all__ = ["DEFAULT_COVERAGE", "Entails", "Verifier"]
