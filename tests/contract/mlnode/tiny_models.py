"""Tiny seeded models of every family and task, as eland traces them, with what they should say.

``python tiny_models.py FOLDER`` leaves a folder for each model: config.json, vocabulary.json,
definition.pt and reference.json.  The references come from transformers: its tokenizers, its
pipelines, or the model called directly.  Weights are random, because none of these tasks' real
models can be had where esrag is developed: this tries the plumbing, not the models.
"""

import json
import random
import string
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
import transformers as hf
from eland.ml.pytorch.transformers import TransformerModel

WORDS = "the cat sat on a mat and saw bob smith walk from paris to acme inc in may".split()
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TEXTS = [
    "bob smith saw the cat",
    "a cat from paris sat on the mat, and bob walked to acme inc.",
    "paris",
    "the the the cat cat may",
    "Zürich catwalk matsat xyz 12",
]
ODD_TEXTS = [
    *TEXTS,
    "",
    "   ",
    "tabs\tand\nlines  and   spaces",
    "naïve façade ÜBER e\u0301",
    "数据 検索 한국어 ქართული",
    "don't we're 3.14 $5, (x)! … — ß ﬁ ½",
    "😀 emoji 👩 family",
    " leading and trailing ",
]
PAIRS = [
    ("bob saw", "the cat sat on the mat and saw bob smith walk"),
    ("the cat sat on the mat and saw bob smith walk", "bob saw"),
    ("a cat sat on a mat in may", "bob smith saw the cat walk to paris"),
    ("bob", "cat"),
]
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "initializer_range": 0.5,
}
LIMIT = 16


def word_pieces(folder: Path, special: list[str]) -> str:
    """A WordPiece vocabulary of letters, their continuations and some words."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*special, *letters, *(f"##{letter}" for letter in letters)]
    tokens += [word for word in WORDS if word not in tokens] + ["##walk", "##sat", "##s"]
    path = folder / "vocab.txt"
    path.write_text("\n".join(dict.fromkeys(tokens)))
    return str(path)


def byte_pairs(folder: Path) -> tuple[str, str]:
    """A byte-level vocabulary with a few merges."""
    from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

    tokens = ["<s>", "<pad>", "</s>", "<unk>", *bytes_to_unicode().values()]
    merges = []
    for word in WORDS:
        for spelled in (f"Ġ{word}", word):
            for end in range(2, len(spelled) + 1):
                if spelled[:end] not in tokens:
                    merges.append(f"{spelled[: end - 1]} {spelled[end - 1]}")
                    tokens.append(spelled[:end])
    tokens.append("<mask>")
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges))
    return str(folder / "vocab.json"), str(folder / "merges.txt")


def sentence_pieces(folder: Path, name: str, **options: Any) -> str:
    """A trained unigram model of a few dozens of pieces."""
    seeded = random.Random(1)
    lines = [" ".join(seeded.choices(WORDS, k=12)) for _ in range(400)]
    (folder / "corpus.txt").write_text("\n".join([*lines, string.ascii_letters, string.digits]))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / name),
        vocab_size=400,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
        **options,
    )
    return str(folder / f"{name}.model")


def bert_tokenizer(folder: Path) -> Any:
    """[CLS] a [SEP] b [SEP], lower case."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return hf.BertTokenizer(word_pieces(folder, special), model_max_length=512)


def mpnet_tokenizer(folder: Path) -> Any:
    """<s> a </s></s> b </s>, lower case."""
    special = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    return hf.MPNetTokenizer(word_pieces(folder, special), model_max_length=512)


def roberta_tokenizer(folder: Path) -> Any:
    """<s> a </s></s> b </s>, bytes."""
    return hf.RobertaTokenizer(*byte_pairs(folder), model_max_length=512)


def xlm_roberta_tokenizer(folder: Path) -> Any:
    """<s> a </s></s> b </s>, unigram."""
    model = sentence_pieces(folder, "sentencepiece.bpe", normalization_rule_name="nmt_nfkc")
    return hf.XLMRobertaTokenizer(model, model_max_length=512)


def deberta_tokenizer(folder: Path) -> Any:
    """[CLS] a [SEP] b [SEP], unigram."""
    model = sentence_pieces(
        folder,
        "spm",
        normalization_rule_name="nmt_nfkc",
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        byte_fallback=True,
    )
    return hf.DebertaV2Tokenizer(model, do_lower_case=False, model_max_length=512)


FAMILIES: dict[str, tuple[Callable[[Path], Any], Any, dict[str, Any]]] = {
    "bert": (bert_tokenizer, hf.BertConfig, {"max_position_embeddings": 512}),
    "mpnet": (mpnet_tokenizer, hf.MPNetConfig, {"max_position_embeddings": 514}),
    "roberta": (
        roberta_tokenizer,
        hf.RobertaConfig,
        {"max_position_embeddings": 514, "type_vocab_size": 1},
    ),
    "xlm_roberta": (
        xlm_roberta_tokenizer,
        hf.XLMRobertaConfig,
        {"max_position_embeddings": 514, "type_vocab_size": 1},
    ),
    "deberta_v2": (
        deberta_tokenizer,
        hf.DebertaV2Config,
        {"max_position_embeddings": 512, "type_vocab_size": 0},
    ),
}


class Maker:
    """Makes one model after the other, each in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, family: str, task: str, model_class: Any, **config: Any) -> tuple[Any, Any]:
        """Save, trace and unload a model; returns the model and its tokenizer."""
        target = self._folder / f"{family}-{task}"
        source = target / "source"
        source.mkdir(parents=True)
        build, config_class, shape = FAMILIES[family]
        tokenizer = build(source)
        torch.manual_seed(7)
        special = {
            name: getattr(tokenizer, name)
            for name in ("pad_token_id", "bos_token_id", "eos_token_id")
        }
        settings = config_class(vocab_size=len(tokenizer), **SHAPE, **shape, **special, **config)
        model = model_class(settings).eval()
        types = getattr(getattr(model, "bert", None), "embeddings", None)
        if types is not None:
            # The server sends type 0 in both texts of a pair, transformers 1 in the second.
            types.token_type_embeddings.weight.data[1] = types.token_type_embeddings.weight.data[0]
        model.save_pretrained(source)
        tokenizer.save_pretrained(source)
        traced = TransformerModel(model_id=str(source), task_type=task)
        definition, saved, _ = traced.save(str(target))
        Path(definition).rename(target / "definition.pt")
        (target / "config.json").write_text(json.dumps(saved.to_dict()))
        return model, tokenizer

    def refer(self, family: str, task: str, reference: Any) -> None:
        """Write down what the model should say."""
        path = self._folder / f"{family}-{task}" / "reference.json"
        path.write_text(json.dumps(reference))


def tokens_of(tokenizer: Any) -> Any:
    """Ids as the model's own tokenizer gives them, without and with truncation."""

    def encode(*texts: str, truncation: Any = False) -> list[int]:
        limits = {"max_length": LIMIT} if truncation else {}
        ids: list[int] = tokenizer(*texts, truncation=truncation, **limits)["input_ids"]
        return ids

    return {
        "single": [[text, encode(text)] for text in ODD_TEXTS],
        "cut": [[text, encode(text, truncation="longest_first")] for text in TEXTS],
        "pairs": [[*pair, encode(*pair)] for pair in PAIRS],
        **{
            truncation: [
                [*pair, ids]
                for pair in PAIRS
                # transformers leaves a pair as it is when its one text cannot give enough.
                if len(ids := encode(*pair, truncation=truncation)) <= LIMIT
            ]
            for truncation in ("only_first", "only_second")
        },
    }


def logits_of(model: Any, tokenizer: Any, *texts: str) -> Any:
    """What the model itself gives for one text or one pair."""
    with torch.inference_mode():
        return model(**tokenizer(*texts, return_tensors="pt")).logits[0]


def classification(maker: Maker, family: str, model_class: Any) -> None:
    """Three labels; the pipeline's softmax."""
    labels = dict(enumerate(["bad", "fine", "good"]))
    model, tokenizer = maker.make(family, "text_classification", model_class, id2label=labels)
    pipe = hf.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    maker.refer(family, "text_classification", [[text, pipe([text])[0]] for text in TEXTS])


def entities(maker: Maker, family: str, model_class: Any) -> None:
    """Five tags; the pipeline's mean over the pieces of a word."""
    labels = dict(enumerate(TAGS))
    model, _ = maker.make(family, "ner", model_class, id2label=labels)
    fast = hf.AutoTokenizer.from_pretrained(maker._folder / f"{family}-ner" / "source")
    pipe = hf.pipeline(
        "token-classification", model=model, tokenizer=fast, aggregation_strategy="average"
    )
    found = [[text, [tidy(entity) for entity in pipe(text)]] for text in TEXTS]
    maker.refer(family, "ner", found)


def tidy(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity of the pipeline with numbers that JSON knows."""
    return {**entity, "score": float(entity["score"])}


def masks(maker: Maker, family: str, model_class: Any) -> None:
    """The pipeline's best five, by id and as the tokenizer writes them."""
    # Tied weights would be drawn anew when the model is loaded to be traced.
    model, tokenizer = maker.make(family, "fill_mask", model_class, tie_word_embeddings=False)
    pipe = hf.pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=5)
    texts = [f"the {tokenizer.mask_token} sat on a mat", f"bob saw {tokenizer.mask_token}"]
    maker.refer(family, "fill_mask", [[text, pipe(text)] for text in texts])


def zero_shot(maker: Maker, family: str, model_class: Any) -> None:
    """The pipeline's scores, with labels that compete and with labels that do not."""
    labels = dict(enumerate(["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]))
    model, tokenizer = maker.make(
        family,
        "zero_shot_classification",
        model_class,
        id2label=labels,
        label2id={name: number for number, name in labels.items()},
    )
    pipe = hf.pipeline("zero-shot-classification", model=model, tokenizer=tokenizer)
    reference = []
    for multi_label in (False, True):
        for text in TEXTS[:3]:
            found = pipe(
                text,
                ["cat", "bob smith", "paris"],
                multi_label=multi_label,
                hypothesis_template="this is {}",
            )
            reference.append([text, multi_label, found["labels"], found["scores"]])
    maker.refer(family, "zero_shot_classification", reference)


def similarity(maker: Maker, family: str, model_class: Any) -> None:
    """The one logit of each pair, and of each window of a long second text."""
    model, tokenizer = maker.make(family, "text_similarity", model_class, num_labels=1)
    pairs = [[*pair, float(logits_of(model, tokenizer, *pair)[0])] for pair in PAIRS]
    question, words = "bob saw", (WORDS * 2)[:20]
    room = 10 - len(tokenizer(question, "a")["input_ids"]) + 1
    windows = [words[start : start + room] for start in range(0, 18, room - 2)]
    last = next(i for i, w in enumerate(windows) if i * (room - 2) + room >= len(words))
    scores = [
        float(logits_of(model, tokenizer, question, " ".join(window))[0])
        for window in windows[: last + 1]
    ]
    long = {"question": question, "text": " ".join(words), "limit": 10, "span": 2}
    maker.refer(family, "text_similarity", {"pairs": pairs, "long": {**long, "scores": scores}})


def answers(maker: Maker, family: str, model_class: Any) -> None:
    """The pipeline on short texts; on long ones the best over all windows, tried one by one."""
    model, _ = maker.make(family, "question_answering", model_class)
    fast = hf.AutoTokenizer.from_pretrained(
        maker._folder / f"{family}-question_answering" / "source"
    )
    pipe = hf.pipeline("question-answering", model=model, tokenizer=fast)
    question = "bob saw the cat"
    short = [[text, pipe(question=question, context=text, max_answer_len=3)] for text in TEXTS[:2]]
    text = " ".join(random.Random(5).choices(WORDS, k=70))
    reference = {
        "question": question,
        "short": short,
        "long": {
            "text": text,
            "limit": 24,
            "span": 6,
            "best": best_answers(model, fast, question, text),
        },
    }
    maker.refer(family, "question_answering", reference)


def best_answers(model: Any, tokenizer: Any, question: str, text: str) -> list[Any]:
    """Each pair of places of each window with the product of its probabilities, best first."""
    encoded = tokenizer(
        question,
        text,
        max_length=24,
        stride=6,
        truncation="only_second",
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    found = []
    for number, ids in enumerate(encoded["input_ids"]):
        batch = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids))}
        with torch.inference_mode():
            output = model(**batch)
        places = [i for i, s in enumerate(encoded.sequence_ids(number)) if s == 1]
        kept = [0, *places]
        starts = torch.softmax(output.start_logits[0][kept].double(), 0)[1:]
        ends = torch.softmax(output.end_logits[0][kept].double(), 0)[1:]
        offsets = encoded["offset_mapping"][number]
        for i, start in enumerate(places):
            for j, end in enumerate(places):
                if i <= j < i + 4:
                    score = float(starts[i] * ends[j])
                    found.append([score, offsets[start][0], offsets[end][1]])
    return sorted(found, reverse=True)[:10]


def expansion(maker: Maker, family: str, model_class: Any) -> None:
    """What the first position of a bare language model says, above zero."""
    model, tokenizer = maker.make(family, "text_expansion", model_class, tie_word_embeddings=False)
    reference = []
    for text in TEXTS[:3]:
        weights = logits_of(model, tokenizer, text)[0].numpy()
        tokens = tokenizer.convert_ids_to_tokens(np.flatnonzero(weights > 0).tolist())
        reference.append([text, dict(zip(tokens, map(float, weights[weights > 0]), strict=True))])
    maker.refer(family, "text_expansion", reference)


def embedding(maker: Maker, family: str, model_class: Any) -> None:
    """The mean over the last layer, as sentence-transformers pools a plain model."""
    model, tokenizer = maker.make(family, "text_embedding", model_class)
    reference = []
    for text in TEXTS:
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        reference.append([text, states.mean(0).tolist()])
    maker.refer(family, "text_embedding", reference)


def main(folder: Path) -> None:
    """Make them all."""
    torch.set_num_threads(2)
    for family, (build, _, _) in FAMILIES.items():
        scratch = folder / "tokens" / family
        scratch.mkdir(parents=True)
        tokenizer = build(scratch)
        (scratch / "reference.json").write_text(json.dumps(tokens_of(tokenizer)))
    maker = Maker(folder)
    entities(maker, "bert", hf.BertForTokenClassification)
    masks(maker, "bert", hf.BertForMaskedLM)
    answers(maker, "bert", hf.BertForQuestionAnswering)
    similarity(maker, "bert", hf.BertForSequenceClassification)
    expansion(maker, "bert", hf.BertForMaskedLM)
    masks(maker, "roberta", hf.RobertaForMaskedLM)
    classification(maker, "roberta", hf.RobertaForSequenceClassification)
    entities(maker, "roberta", hf.RobertaForTokenClassification)
    embedding(maker, "mpnet", hf.MPNetModel)
    zero_shot(maker, "xlm_roberta", hf.XLMRobertaForSequenceClassification)
    answers(maker, "xlm_roberta", hf.XLMRobertaForQuestionAnswering)
    classification(maker, "deberta_v2", hf.DebertaV2ForSequenceClassification)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
