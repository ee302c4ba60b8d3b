"""Turns a follow-up into a question of its own."""
