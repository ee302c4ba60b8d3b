"""Makes a model bundle in a process of its own.

    process.py    starts the child, relays its progress, puts the finished folder in place
    __main__.py   the child: traces the model with eland, computes the reference vectors

Torch, transformers and eland are imported by the child alone: a crash, a gigabyte of memory or a
chatty library there cannot touch the command that asked for the bundle.
"""
