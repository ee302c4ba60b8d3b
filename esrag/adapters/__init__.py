"""Adapters: checked, kept by name, known to the endpoint, proven to be applied, merged."""
