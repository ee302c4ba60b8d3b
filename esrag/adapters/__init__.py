"""The life of an adapter after training: registered, served, proven to be applied, merged.

    folder ──check──► registry (DATA_DIR/adapters/NAME) ──► endpoint: loaded by name, or the line
                         │                                   with which it is started
                         ├─ proof    T=0: unlike the base, like the outputs of the training
                         └─ merging  base + scaled product, as safetensors or GGUF

Needs no torch: what is computed here is matrices, one at a time.
"""
