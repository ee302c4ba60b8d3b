"""Which tokens may come next: llguidance, with the model's own vocabulary.

Chosen over outlines-core, which TGI itself uses: that compiles an automaton over the whole
vocabulary beforehand (seconds for a bounded repeat), and some of its expressions for a schema
admit text that is no JSON.  llguidance takes about a millisecond for a grammar and less for a
mask.  Spaces are where TGI puts them: at most one, around colons, commas and braces.
"""

from __future__ import annotations

import json
from collections.abc import Collection

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from esrag.local.tgi.errors import GenerationFailed, ValidationFailed
from esrag.local.tgi.generation.constraint import ConstraintFailed
from esrag.local.tgi.grammar.dialect import ascii_classes
from esrag.local.tgi.grammar.reading import Grammar
from esrag.local.tgi.grammar.schema import checked, closed

# what cannot be enforced is ignored, as TGI ignores it
_OPTIONS = {
    "whitespace_flexible": True,
    "whitespace_pattern": "[ ]",
    "lenient": True,
    "coerce_one_of": True,
}


class Matcher:
    """The grammar of one request and how much of it the answer has used up."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def allowed(self, vocabulary: int) -> NDArray[np.bool_]:
        """Which of the ``vocabulary`` tokens may come next; the end where the text is complete."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        known = np.unpackbits(bits, bitorder="little")[:vocabulary].astype(np.bool_)
        mask = np.zeros(vocabulary, dtype=np.bool_)
        mask[: known.size] = known
        if not mask.any() or self._matcher.is_error():
            raise ConstraintFailed(_reason(self._matcher) or "no token fits the grammar")
        return mask

    def accept(self, token_id: int) -> None:
        """A token was chosen among those allowed."""
        if not self._matcher.consume_token(token_id):
            raise ConstraintFailed(_reason(self._matcher) or "the token does not fit")


class Grammars:
    """Makes matchers for one vocabulary; ``tokenizer`` is the JSON of its tokenizer."""

    def __init__(self, tokenizer: str, *, end_tokens: Collection[int]) -> None:
        self._tokenizer = LLTokenizer(tokenizer, eos_token=sorted(end_tokens))

    def matcher(self, grammar: Grammar) -> Matcher:
        """A matcher for one answer; raises ValidationFailed, or GenerationFailed as TGI would.

        TGI's router takes any regular expression; a bad one fails in its worker, with 424.
        """
        if grammar.kind == "regex":
            source = LLMatcher.grammar_from_regex(ascii_classes(grammar.value))
            matcher = LLMatcher(self._tokenizer, source, log_level=0)
            if matcher.is_error():
                raise GenerationFailed(f"Server error: {_reason(matcher)}")
            return Matcher(matcher)
        schema = closed(checked(grammar.value)) | {"x-guidance": _OPTIONS}
        matcher = LLMatcher(
            self._tokenizer, LLMatcher.grammar_from_json_schema(json.dumps(schema)), log_level=0
        )
        if matcher.is_error():
            raise ValidationFailed(f"cannot compile regex from schema: {_reason(matcher)}")
        return Matcher(matcher)


def _reason(matcher: LLMatcher) -> str:
    """The first line that says what is wrong."""
    lines = [line.strip() for line in matcher.get_error().splitlines()]
    told = next((line for line in lines if line.startswith("error: ")), lines[0] if lines else "")
    return told.removeprefix("error: ")
