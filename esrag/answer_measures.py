"""Whether one answer text is right, cites the right passages, or refuses.  Pure."""
