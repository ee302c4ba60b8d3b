"""Rejected inputs after their run: reading the letters, and taking away those that are settled."""
