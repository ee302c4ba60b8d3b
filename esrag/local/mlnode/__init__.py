"""The ML node process of the local stack: keeps uploaded models and executes them.

    HTTP request ─► app ─┬► store         what was uploaded, on disk, crash-safe
                         └► deployments ─► deployment ─► waiting ─► execution ─► child process
                              │               │                       (frames)     (jailed, torch)
                              └► scaling      ├► tasks        texts to sequences, rows to results
                                              │    └► tokenizer ─► pieces, sequences
                                              └► cache, statistics

The process itself never imports torch: TorchScript is code from outside, and only the child
process of a deployment, which has no network and no file system, loads and runs it.  The
package knows nothing of Elasticsearch: its one client is the ml plugin, and they meet at the
HTTP routes of ``app``.
"""
