"""What operators see of answers: spans, metrics, and the log of answers."""
