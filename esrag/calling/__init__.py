"""Calls to services that the settings name: guarded addresses, deadlines, and calling off."""
