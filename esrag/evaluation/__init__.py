"""Which way of giving a model knowledge answers better, on the user's own questions?

    questions ─ asking ─► replies          every system, every question; kept, so that a run goes on
    replies ─ scoring ─► scored            spans with verdicts, metrics; the same evidence for all
    scored ─ comparing ─► comparisons      intervals, tests, wins and losses
    all of it ─ reporting ─► report        HTML, Markdown, JSON, JUnit

A failed question is a reply with an error and counts as wrong; it is never left out.  What a
measure cannot say of a question is None, counted as an abstention, never NaN.
"""
