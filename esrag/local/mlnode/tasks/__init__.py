"""What a trained model is for: one module a task, each from texts to sequences and back.

    inference_config ─► registry ─► a task ─► prepare: texts to sequences of token ids
                                          └─► finish: the module's rows to a result

A task is a frozen record, so that it can be part of a cache's key.  None of them knows HTTP,
queues or torch; ``deployment`` calls them around the execution.  What is done with scores is
what the server does, down to which of several windows count.
"""
