"""A server with the HTTP API of Text Generation Inference (TGI), for a desk and for CI.

    request ──routes──► requests ──validation──► scheduler ──► runner (torch)
                                                    │
    bytes   ◄──routes──  answers  ◄──events─────────┘

Organised as the thing it stands in for: ``routes`` (paths), ``requests`` and ``answers``
(bodies), ``validation`` (limits and TGI's own error texts), ``generation`` (tokens; no HTTP),
``grammar`` (which tokens may come next; tools), ``adapters`` (LoRA by name, loaded and unloaded
while it runs), ``metrics`` (for Prometheus), ``state`` (what joins them).
The wire contract is TGI 3.3.6's; the two routes for adapters are vLLM's.  Nothing here knows
Elasticsearch or the flows of esrag.

Only ``generation.loading``, ``generation.runner``, ``generation.slots`` and
``generation.adapter*`` import torch, and only when the server has begun to listen.
"""
