"""What generation tells its clients, token by token."""

from __future__ import annotations

from dataclasses import dataclass

from esrag.local.tgi.generation.stopping import FinishReason


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer.  The texts of tokens that are not special join to the answer."""

    id: int
    text: str
    logprob: float
    special: bool


@dataclass(frozen=True, slots=True)
class PrefillToken:
    """One token of the prompt; the first has no log-probability."""

    id: int
    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Prefilled:
    """The prompt has been read; sent only when its details were asked for."""

    tokens: tuple[PrefillToken, ...]


@dataclass(frozen=True, slots=True)
class NextToken:
    """A token that is not the last."""

    token: Token
    top_tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last token and the whole answer.  Times are of ``time.monotonic``."""

    token: Token
    top_tokens: tuple[Token, ...]
    text: str
    finish_reason: FinishReason
    generated_tokens: int
    seed: int | None
    queued: float
    started: float


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing more will come: the forward pass failed, or (``stopped``) the server goes down."""

    message: str
    stopped: bool = False


Event = Prefilled | NextToken | Finished | Failed
