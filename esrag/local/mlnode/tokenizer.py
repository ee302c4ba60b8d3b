"""The tokenizer of a deployment: one vocabulary, one kind, any settings of that kind.

Joins ``pieces`` (text to pieces) and ``sequences`` (pieces to what the module gets), and knows
which tokens the vocabulary must have.
"""

from __future__ import annotations

from collections.abc import Sequence

from esrag.local.mlnode.pieces import PREFIX, Cutter, Pieces
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.sequences import Encoded, SpecialIds, one_text, two_texts
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.vocabulary import Vocabulary


class VocabularyTokenizer:
    """Text to sequences of token ids, and single tokens back to text."""

    def __init__(
        self, vocabulary: Vocabulary, settings: TokenizationSettings | None = None
    ) -> None:
        settings = settings or TokenizationSettings()
        self.kind = settings.kind
        self._family = settings.family
        self._tokens = vocabulary.tokens
        self._cutter = Cutter(vocabulary, self._family)
        for token in (self._family.unk, self._family.pad):
            if token not in self._ids:
                raise Problem(
                    "bad_request", f"stored vocabulary is missing required [{token}] token"
                )
        self._special = SpecialIds(
            self._ids.get(self._family.cls, -1), self._ids.get(self._family.sep, -1)
        )
        self.check(settings)
        self._cutter.cut([""], settings, places=False)

    @property
    def pad_id(self) -> int:
        """The id that fills up shorter inputs of a batch."""
        return self._ids[self._family.pad]

    @property
    def mask_token(self) -> str:
        """The token that stands for a word to be guessed."""
        return self._family.mask

    @property
    def mask_id(self) -> int | None:
        """Its id, None when the vocabulary has none."""
        return self._ids.get(self._family.mask)

    @property
    def _ids(self) -> dict[str, int]:
        return self._cutter.token_ids

    def check(self, settings: TokenizationSettings) -> None:
        """Refuse settings of another kind, or that want tokens which the vocabulary lacks."""
        if settings.kind != self.kind or settings.family != self._family:
            raise Problem(
                "bad_request",
                f"The model was deployed with tokenization [{self.kind}], not [{settings.kind}]",
            )
        missing = [t for t in (self._family.sep, self._family.cls) if t not in self._ids]
        if settings.with_special_tokens and missing:
            raise Problem(
                "bad_request",
                f"stored vocabulary is missing required [{', '.join(missing)}] token(s)",
            )

    def cut(
        self, texts: Sequence[str], settings: TokenizationSettings, *, places: bool = False
    ) -> list[Pieces]:
        """The pieces of each text; with words and offsets when asked, or when windows need them."""
        self.check(settings)
        return self._cutter.cut(texts, settings, places=places or settings.span >= 0)

    def one_text(self, pieces: Pieces, settings: TokenizationSettings) -> tuple[Encoded, ...]:
        """The sequences for one text; raises Refused."""
        return one_text(pieces, settings, self._special)

    def two_texts(
        self, first: Pieces, second: Pieces, settings: TokenizationSettings
    ) -> tuple[Encoded, ...]:
        """The sequences for a pair of texts; raises Refused."""
        return two_texts(first, second, settings, self._special)

    def encode(
        self, texts: Sequence[str], settings: TokenizationSettings
    ) -> list[Encoded | Refused]:
        """The first sequence of each text, or why there is none."""
        encoded: list[Encoded | Refused] = []
        for pieces in self.cut(texts, settings):
            try:
                encoded.append(self.one_text(pieces, settings)[0])
            except Refused as refused:
                encoded.append(refused)
        return encoded

    def token(self, number: int) -> str:
        """The token with this id as the vocabulary writes it."""
        return self._tokens[number] if number < len(self._tokens) else self._family.unk

    def decode(self, number: int) -> str:
        """The token with this id as a reader writes it, where the family's format says how."""
        token = self.token(number)
        if self._family.algorithm == "byte_pairs":
            return _from_byte_characters(token).strip()
        if self.kind == "xlm_roberta":
            return token.removeprefix(PREFIX)
        return token


def _byte_characters() -> dict[str, int]:
    """The printable character that byte-level vocabularies write for each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + place): byte for place, byte in enumerate(others)
    }


_BYTES = _byte_characters()


def _from_byte_characters(token: str) -> str:
    if not all(character in _BYTES for character in token):
        return token
    return bytes(_BYTES[character] for character in token).decode(errors="replace")
