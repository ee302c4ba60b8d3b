"""A toy model: a byte-level vocabulary and a forward pass that depends on the whole context."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from esrag.base_models.source import ModelFolder
from esrag.local.tgi.app import make_app
from esrag.local.tgi.generation.events import Event
from esrag.local.tgi.generation.scheduler import BatchLimits, Scheduler
from esrag.local.tgi.state import Engine, ServerState
from esrag.local.tgi.text import ChatTemplate, TextTokens
from esrag.local.tgi.validation import Limits

SPECIAL = ("<|end|>", "<|turn|>")
TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def next_token(context: Sequence[int], *, vocabulary: int) -> int:
    """What the toy model says after a context: any change of the context changes it."""
    return zlib.crc32(np.asarray(context, dtype=np.int64).tobytes()) % vocabulary


@dataclass(frozen=True)
class ToyAdapter:
    """Makes the toy model say something else."""

    shift: int
    bytes: int = 1000


class ToyRunner:
    """Keeps what was written into each row, and refuses gaps and overlaps."""

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.rows: dict[int, list[int]] = {}
        self.widest = 0
        self.released = 0
        self.fail_next = ""

    def prefill(
        self,
        row: int,
        *,
        ids: Sequence[int],
        start: int,
        all_logits: bool,
        adapter: ToyAdapter | None = None,
    ) -> NDArray[np.float32]:
        """Write a stretch of a prompt."""
        if self.fail_next:
            reason, self.fail_next = self.fail_next, ""
            raise RuntimeError(reason)
        if start == 0:
            self.rows[row] = []
        written = self.rows[row]
        assert len(written) == start
        lines = []
        for number in ids:
            written.append(number)
            lines.append(self._logits(written, adapter))
        return np.stack(lines if all_logits else lines[-1:])

    def decode(
        self,
        ids: Sequence[int],
        *,
        positions: Sequence[int],
        adapters: Sequence[ToyAdapter | None],
    ) -> NDArray[np.float32]:
        """Write one token to each of the first rows."""
        self.widest = max(self.widest, len(ids))
        assert len(adapters) == len(ids)
        lines = []
        for row, (number, position) in enumerate(zip(ids, positions, strict=True)):
            assert len(self.rows[row]) == position
            self.rows[row].append(number)
            lines.append(self._logits(self.rows[row], adapters[row]))
        return np.stack(lines)

    def move(self, *, source: int, target: int, length: int) -> None:
        """Copy a row."""
        self.rows[target] = self.rows[source][:length]

    def release(self) -> None:
        """Forget everything."""
        self.released += 1
        self.rows.clear()

    def _logits(
        self, context: Sequence[int], adapter: ToyAdapter | None = None
    ) -> NDArray[np.float32]:
        logits = np.zeros(self.vocabulary, dtype=np.float32)
        shift = [] if adapter is None else [adapter.shift]
        logits[next_token([*shift, *context], vocabulary=self.vocabulary)] = 5.0
        return logits


@pytest.fixture(scope="session")
def tokens() -> TextTokens:
    """All 256 bytes and two markers; the ids of the markers come last."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={letter: place for place, letter in enumerate(alphabet)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    return TextTokens(tokenizer)


@pytest.fixture
def runner() -> ToyRunner:
    """A toy model over 256 bytes and two markers."""
    return ToyRunner(258)


@pytest.fixture
def expected() -> Callable[[Sequence[int], int], list[int]]:
    """What the toy model answers to a prompt that is alone: ids of so many tokens."""

    def generate(prompt: Sequence[int], count: int) -> list[int]:
        ids = list(prompt)
        for _ in range(count):
            ids.append(next_token(ids, vocabulary=258))
        return ids[len(prompt) :]

    return generate


@pytest.fixture
def scheduler(runner: ToyRunner, tokens: TextTokens) -> Scheduler:
    """A scheduler without its thread: tests take the turns."""
    return Scheduler(
        runner,
        vocabulary=tokens,
        end_tokens=(),
        limits=BatchLimits(rows=3, tokens=1000, stretch=8),
    )


class Collected(list[Event]):
    """A sink that remembers."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self.append(event)


@pytest.fixture
def sink() -> Callable[[], Collected]:
    """Makes sinks."""
    return Collected


@pytest.fixture
def engine(scheduler: Scheduler, tokens: TextTokens) -> Iterator[Engine]:
    """A whole engine over the toy model, with its thread."""
    scheduler.start()
    yield Engine(
        model=ModelFolder(Path(), model_id="toy/toy"),
        limits=Limits(max_input_tokens=60, max_total_tokens=80, max_concurrent_requests=4),
        tokens=tokens,
        template=ChatTemplate.from_source(TEMPLATE),
        scheduler=scheduler,
        compute_type="cpu+toy",
    )
    scheduler.stop(timeout=5)


@pytest.fixture
def server(engine: Engine) -> ServerState:
    """The state of a server that is ready and wants no key."""
    return ServerState(max_body_bytes=10_000, engine=engine)


@pytest.fixture
def client(server: ServerState) -> httpx.AsyncClient:
    """Talks to the application in memory."""
    transport = httpx.ASGITransport(make_app(server))
    return httpx.AsyncClient(transport=transport, base_url="http://toy")
