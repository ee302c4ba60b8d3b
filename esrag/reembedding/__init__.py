"""A new index generation with another model or mapping, behind the alias that everybody uses.

    plan ──► bring up ──► copy ──► check ──► switch ──► (prune)
             (model,      (text through the new   (one _aliases call,
              pipelines,   pipeline, or vectors    between two sets of
              index)       as they are)            search templates)

``journal.py`` keeps in the cluster how far it is, so that any machine goes on where one stopped.
"""
