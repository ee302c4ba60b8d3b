"""Turns files into Documents; every file ends as a Document, a rejection or a skip.

    paths --listing--> Listed --reading--> Content --one module a format--> Document

``listing`` walks folders, ``reading`` opens one file and sends it to the module of its format
(``formats``), ``finishing`` looks at every document once more.  ``options``, ``limits`` and
``reasons`` are what users may say, how much is read, and why something was not.  Nothing here
knows chunks or the cluster.
"""
