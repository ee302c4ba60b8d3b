"""The local stack: real processes for a desk and for CI, where nobody has a licensed cluster."""
