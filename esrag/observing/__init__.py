"""What operators see: spans, metrics, and the log of answers."""
