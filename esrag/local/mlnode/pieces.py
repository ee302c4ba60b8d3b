"""Text to pieces of words: WordPiece, byte-level byte pairs and unigram, from a vocabulary.

    text ─► (the ``tokenizers`` library) ─► ids, and on request: word numbers and offsets

Only the uploaded vocabulary and the settings decide; no file of the model is read.  Offsets are
UTF-16 positions in the text and mean what they mean on the server: WordPiece and byte pairs
give each piece the place of its whole word, unigram gives each piece its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram, WordPiece

from esrag.local.mlnode.families import Family
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tokenization import TokenizationSettings
from esrag.local.mlnode.vocabulary import Vocabulary

PREFIX = "\u2581"  # what unigram vocabularies write for the space before a word


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one text; all but ``ids`` are empty when nobody asked for places."""

    ids: list[int]
    words: list[int]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.ids)


class Cutter:
    """Cuts texts with one vocabulary, for any settings of one family."""

    def __init__(self, vocabulary: Vocabulary, family: Family) -> None:
        self._vocabulary = vocabulary
        self._family = family
        self.token_ids = {token: number for number, token in enumerate(vocabulary.tokens)}
        self._by_case: dict[bool, Tokenizer] = {}

    def cut(
        self, texts: Sequence[str], settings: TokenizationSettings, *, places: bool
    ) -> list[Pieces]:
        """The pieces of each text, with or without the places they come from."""
        byte_pairs = self._family.algorithm == "byte_pairs"
        prefixed = [
            byte_pairs and settings.add_prefix_space and self._wants_prefix(text) for text in texts
        ]
        given = [f" {text}" if add else text for text, add in zip(texts, prefixed, strict=True)]
        tokenizer = self._tokenizer(settings)
        # The fast way tells neither offsets nor what an unknown piece was.
        fast = not places and not self._family.byte_fallback
        encode = tokenizer.encode_batch_fast if fast else tokenizer.encode_batch
        encodings = encode(given, add_special_tokens=False)
        if self._family.algorithm == "unigram":
            return [self._unigram(e, t, places) for e, t in zip(encodings, texts, strict=True)]
        if not places:
            return [Pieces(encoding.ids, [], [], []) for encoding in encodings]
        return [
            _of_words(encoding, text, shift=int(add), byte_pairs=byte_pairs)
            for encoding, text, add in zip(encodings, texts, prefixed, strict=True)
        ]

    def _wants_prefix(self, text: str) -> bool:
        return bool(text) and not text.startswith((" ", self._family.mask))

    def _unigram(self, encoding: Any, text: str, places: bool) -> Pieces:
        unknown = self.token_ids[self._family.unk]
        by_bytes = self._family.byte_fallback and unknown in encoding.ids
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        tokens = encoding.tokens if by_bytes or places else [""] * len(encoding.ids)
        offsets = encoding.offsets if places else [(0, 0)] * len(encoding.ids)
        for token_id, token, span in zip(encoding.ids, tokens, offsets, strict=True):
            if by_bytes and token_id == unknown and token != self._family.unk:
                # A byte whose token the vocabulary lacks is unknown by itself.
                named = [f"<0x{byte:02X}>" for byte in token.encode()]
                ids += [self.token_ids.get(name, unknown) for name in named]
                spans += [span] * len(named)
            else:
                ids.append(token_id)
                spans.append((span[0], span[0]) if token == PREFIX else span)
        if not places:
            return Pieces(ids, [], [], [])
        starts, ends = _utf16(text, spans)
        return Pieces(ids, list(range(len(ids))), starts, ends)

    def _tokenizer(self, settings: TokenizationSettings) -> Tokenizer:
        lower = settings.do_lower_case and self._family.algorithm == "wordpiece"
        if lower not in self._by_case:
            tokenizer = self._build(lower)
            byte_pairs = self._family.algorithm == "byte_pairs"
            tokenizer.add_special_tokens(
                [
                    AddedToken(token, normalized=False, lstrip=byte_pairs)
                    for token in self._family.kept_tokens
                    if token in self.token_ids
                ]
            )
            self._by_case[lower] = tokenizer
        return self._by_case[lower]

    def _build(self, lower: bool) -> Tokenizer:
        if self._family.algorithm == "wordpiece":
            tokenizer = Tokenizer(WordPiece(self.token_ids, unk_token=self._family.unk))
            # strip_accents=None follows lowercase, as the server's tokenizer does.
            tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=None)
            tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        elif self._family.algorithm == "byte_pairs":
            tokenizer = Tokenizer(self._byte_pairs())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        else:
            tokenizer = Tokenizer(self._unigram_model())
            tokenizer.normalizer = normalizers.Sequence(
                [
                    normalizers.Nmt(),
                    normalizers.NFKC(),
                    normalizers.Replace(Regex(" {2,}"), " "),
                ]
            )
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(PREFIX, "always")]
            )
        return tokenizer

    def _byte_pairs(self) -> Any:
        merges = []
        for merge in self._vocabulary.merges:
            left, _, right = merge.partition(" ")
            for token in (left, right, left + right):
                if token not in self.token_ids:
                    raise Problem(
                        "bad_request", f"The merge [{merge}] needs the token [{token}] it lacks"
                    )
            merges.append((left, right))
        return BPE(self.token_ids, merges, unk_token=self._family.unk, fuse_unk=False)

    def _unigram_model(self) -> Any:
        tokens, scores = self._vocabulary.tokens, self._vocabulary.scores
        if len(tokens) != len(scores):
            raise Problem(
                "bad_request",
                f"provided vocabulary [{len(tokens)}] and scores [{len(scores)}] must have the "
                "same size",
            )
        unknown = self.token_ids[self._family.unk]
        return Unigram(list(zip(tokens, scores, strict=True)), unknown, False)


def _of_words(encoding: Any, text: str, *, shift: int, byte_pairs: bool) -> Pieces:
    words: list[int] = encoding.word_ids
    begins: dict[int, int] = {}
    finishes: dict[int, int] = {}
    for word, (start, end) in zip(words, encoding.offsets, strict=True):
        begins[word] = min(begins.get(word, start), start)
        finishes[word] = max(finishes.get(word, end), end)
    spans = []
    previous = None
    for word in words:
        start, end = max(begins[word] - shift, 0), max(finishes[word] - shift, 0)
        # A word of byte pairs carries the space before it; only its first piece leaves it out.
        if byte_pairs and word != previous and end - start > 1 and text[start] == " ":
            start += 1
        spans.append((start, end))
        previous = word
    starts, ends = _utf16(text, spans)
    return Pieces(encoding.ids, words, starts, ends)


def _utf16(text: str, spans: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Character positions to UTF-16 positions."""
    if not text or max(text) <= "\uffff":
        return [start for start, _ in spans], [end for _, end in spans]
    positions = [0]
    for character in text:
        positions.append(positions[-1] + (2 if character > "\uffff" else 1))
    return [positions[start] for start, _ in spans], [positions[end] for _, end in spans]
