"""New words for a tokenizer: byte-pair encoding goes on where it stopped, on the domain's text.

    counted words ──split as the tokenizer splits them──► most frequent pair ──► merge, again

New tokens come after all others and new merges after all others, so a text is only ever split
into fewer pieces, and what the base model reads is split as before wherever no new pair occurs.
A new token's embedding begins as the mean of those that it replaces.  Only byte-pair encoding has
merges to add to; other tokenizers are refused.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from esrag.errors import UnsupportedError

LEAST = 5  # times that a pair has to occur
_MOST_WORDS = 200_000  # different ones that are looked at, the most frequent
_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be added: its text in the tokenizer's alphabet, its two halves, its parts.

    ``parts`` are ids of the base tokenizer, from whose embeddings it begins.
    """

    token: str
    left: str
    right: str
    parts: tuple[int, ...]
    count: int


def find_new_tokens(tokenizer: Any, texts: Iterable[str], *, most: int) -> list[NewToken]:
    """At most ``most`` new tokens for these texts, in the order in which they are to be added.

    ``tokenizer`` is a fast tokenizer of transformers.  Raises UnsupportedError when it has no
    byte-pair encoding.
    """
    backend = tokenizer.backend_tokenizer
    if _model_type(backend) != "BPE":
        raise UnsupportedError(
            "the base model's tokenizer is no byte-pair encoding, so it cannot be extended",
            hint="Leave out --extend-tokenizer.",
        )
    return _merged(_words(backend, texts), backend.model, tokenizer.get_vocab(), most=most)


def _model_type(backend: Any) -> str:
    return str(json.loads(backend.to_str())["model"]["type"])


def _words(backend: Any, texts: Iterable[str]) -> Counter[str]:
    """How often each word of the tokenizer's own splitting occurs, in its alphabet."""
    counted: Counter[str] = Counter()
    for text in texts:
        plain = backend.normalizer.normalize_str(text) if backend.normalizer else text
        pieces = backend.pre_tokenizer.pre_tokenize_str(plain) if backend.pre_tokenizer else ()
        counted.update(piece for piece, _ in pieces)
        if len(counted) > 4 * _MOST_WORDS:  # memory stays bounded: the rarest go
            counted = Counter(dict(counted.most_common(_MOST_WORDS)))
    return counted


def _merged(
    words: Counter[str], model: Any, vocabulary: Mapping[str, int], *, most: int
) -> list[NewToken]:
    chosen = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:_MOST_WORDS]
    split = [([part.value for part in model.tokenize(word)], count) for word, count in chosen]
    ids = dict(vocabulary)
    parts: dict[str, tuple[int, ...]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    places: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for number, (pieces, count) in enumerate(split):
        for pair in pairwise(pieces):
            counts[pair] += count
            places[pair].add(number)
    found: list[NewToken] = []
    while len(found) < most and counts:
        pair, count = max(counts.items(), key=lambda item: (item[1], item[0]))
        if count < LEAST:
            break
        token = "".join(pair)
        if token in ids or any(piece not in ids for piece in pair):
            # it exists and is reached by other merges, or a piece is outside of the alphabet
            del counts[pair]
            continue
        parts[token] = tuple(part for piece in pair for part in parts.get(piece, (ids[piece],)))
        ids[token] = -1
        found.append(NewToken(token, *pair, parts[token], count))
        for number in places.pop(pair):
            _merge_in(split, number, pair, counts, places)
        counts.pop(pair, None)
    return found


def _merge_in(
    split: list[tuple[list[str], int]],
    number: int,
    pair: tuple[str, str],
    counts: Counter[tuple[str, str]],
    places: defaultdict[tuple[str, str], set[int]],
) -> None:
    """Join the pair wherever it stands in one word, and keep the counts of pairs right."""
    pieces, count = split[number]
    for old in pairwise(pieces):
        counts[old] -= count
        if counts[old] <= 0:
            del counts[old]
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] = "".join(pair)
        else:
            joined.append(piece)
    split[number] = (joined, count)
    for new in pairwise(joined):
        counts[new] += count
        places[new].add(number)


def extend_folder(folder: Path, new: Sequence[NewToken]) -> dict[str, int]:
    """Write the new tokens into the tokenizer of a model folder; returns their ids.

    The weights are not touched: see ``grow``.
    """
    file = folder / _FILE
    body = json.loads(file.read_text(encoding="utf-8"))
    model = body["model"]
    taken = [*model["vocab"].values(), *(added["id"] for added in body.get("added_tokens", ()))]
    first = max(taken) + 1
    pairs_as_text = bool(model["merges"]) and isinstance(model["merges"][0], str)
    ids = {}
    for number, token in enumerate(new):
        ids[token.token] = model["vocab"][token.token] = first + number
        pair = [token.left, token.right]
        model["merges"].append(" ".join(pair) if pairs_as_text else pair)
    file.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    for name in ("vocab.json", "merges.txt"):  # the slow tokenizer's form of the same
        (folder / name).unlink(missing_ok=True)
    return ids


def grow(model: Any, new: Sequence[NewToken], ids: Mapping[str, int]) -> None:
    """Give the model embeddings for the new tokens: each the mean of its parts'."""
    import torch

    rows = max(ids.values(), default=-1) + 1
    if rows > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(rows, mean_resizing=False)
    matrices = [model.get_input_embeddings().weight]
    output = model.get_output_embeddings()
    if output is not None and output.weight is not matrices[0]:
        matrices.append(output.weight)
    with torch.no_grad():
        for matrix in matrices:
            for token in new:
                matrix[ids[token.token]] = matrix[list(token.parts)].float().mean(dim=0)
