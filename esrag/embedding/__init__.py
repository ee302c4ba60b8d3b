"""Embeds texts on this machine with the model of a bundle, where the cluster may not run it.

    process.py    the parent's side: starts the child, hands it texts, checks what it says
    __main__.py   the child: tokenizes and executes the traced model, several texts at a time
    inputs.py     which words of a chunk are embedded: read from the pipeline that the cluster runs

It is the same traced model with the same vocabulary, so its vectors are those of the cluster and
the two may be mixed in one index.  Torch is imported by the child alone.
"""
