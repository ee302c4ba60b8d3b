"""Desired and observed state, the plan between them, and the only writer of cluster state."""
