"""What the cluster should have, what it has, and the way from one to the other.

    bodies, choices, bundle ──► desired ─┐
    cluster ──────────────────► observed ┴─► plan ──► render  (shown)
                                               └────► apply   (the only writer) ──► smoke

``survey.py`` runs the reading part in one call.
"""
