"""Adapts the embedding model to the documents; accepted only if held-out questions gain by it."""
