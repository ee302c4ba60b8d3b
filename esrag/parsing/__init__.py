"""Reads and cuts files in child processes that cannot harm the rest of a run.

    Listed --pool--> child: read, cut --frames--> checked --> Cut | Rejected | Skipped, in order

Files come from anywhere, and the libraries that read them are large: one that loops, eats memory
or is taken over by what it reads must cost its own file and nothing else.  ``pool`` keeps the
order and the deadlines, ``process`` is the parent's side of one child, ``child`` is what runs in
it, ``limits`` and ``jail`` say what it may not do, ``wire`` and ``messages`` what the two say to
each other.  Nothing here knows the index, the ledger or the terminal.
"""
