"""Turns files into Documents; every file ends as a Document, a rejection or a skip.

    paths --listing--> Listed --reading--> bytes, text --one module a format--> Document

``listing`` walks folders, ``reading`` opens one file and sends it to the module of its format
family (``markdown``, ``plain``, ``html``, ``jsonl``).  Nothing here knows chunks or the cluster.
"""
