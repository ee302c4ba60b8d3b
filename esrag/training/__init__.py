"""Examples in, adapter or model out: fine-tuning and continued pre-training, in run folders.

    examples ──encoding──► rows ──packing──► packs ──loop──► weights ──publishing──► adapter/
                                              │   ▲
                                       checkpoints/step-N: the run goes on from there, exactly

Knows no cluster, no settings and no terminal: it is handed examples, a folder with the base model
and a recipe.  What needs torch imports it inside functions or lies in modules that only those
import, so that a recipe or a run folder can be read without it.
"""
