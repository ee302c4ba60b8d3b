"""Adapts the embedding model to the documents; accepted only if held-out questions gain by it.

    index, or a folder of judged questions
        │ material     texts as they are embedded; questions with the documents that answer them
        ▼
    train · dev · test, disjoint by document and question                            (splitting)
        │ negatives    what the base model and the index rank high and no judgement names
        ▼
    loop ──► weights; the best epoch and mixture with the base are chosen on dev
        │ gate         nDCG@10 of test questions, base and tuned, paired bootstrap
        ▼
    run folder with model/ ──► model bundle ──► ``esrag reembed`` rolls it out

Knows no terminal and no settings.  torch is imported by the modules that compute (``encoder``,
``loop``, ``teacher_scores``, ``run``), so that the others stay light.
"""
