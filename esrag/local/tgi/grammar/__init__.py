"""Grammars: from the request's own form to a mask over the next token.  No HTTP, no torch.

request (``reading``) ─ JSON schema checked and closed (``schema``) ─ regular expression in TGI's
dialect (``dialect``) ─ llguidance (``matching``).  ``tools`` makes a schema of functions.
"""
