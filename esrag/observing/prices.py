"""What tokens cost, in the currency of whoever set the prices."""

from __future__ import annotations

from dataclasses import dataclass

from esrag.types import Answer

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a million tokens; 0 where nothing is counted."""

    prompt: float = 0.0
    generated: float = 0.0

    def of(self, answer: Answer) -> float:
        """What the tokens of an answer cost."""
        spent = answer.prompt_tokens * self.prompt + answer.generated_tokens * self.generated
        return spent / MILLION
