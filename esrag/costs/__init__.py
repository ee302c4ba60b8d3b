"""What teaching a model costs: what was measured, and what a run elsewhere would take.

    whoever runs something ──Meter──► Costs            records: seconds, tokens, memory, device
    ModelShape + TrainingWork ──► FLOPs, memory        formulas with their sources
    FLOPs + utilisation + Gpu ──► Estimate             hours, GPU hours, money

Pure arithmetic: no torch, no cluster, no files but a model's own config.json.  The utilisation is
the weak number in every estimate, so it comes from a run of one's own where there is one, and the
published runs in ``published`` show how far off the formula is where there is none.
"""
