"""Proves the books against the index."""
