"""Tokens in, tokens out: sampling, stopping, batching, the forward pass.  No HTTP."""
