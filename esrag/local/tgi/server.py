"""The process: binds its port, answers 503, loads the model beside, answers for good.

    bind ─► listen ─► load (thread) ─► ready ─► SIGTERM or SIGINT ─► requests end ─► end

The port is taken first, so that a supervisor can tell a server that is starting from one that
is dead.  A model that cannot be loaded ends the process with the reason.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from esrag.errors import ConflictError, EsragError, UnsupportedError, UsageError
from esrag.local.tgi import machine
from esrag.model_files import check_adapter_folder

if TYPE_CHECKING:
    from uvicorn import Server

    from esrag.local.tgi.adapters import Adapters
    from esrag.local.tgi.generation.loading import LoadedModel
    from esrag.local.tgi.generation.scheduler import BatchLimits
    from esrag.local.tgi.metrics import Metrics
    from esrag.local.tgi.state import Engine, ServerState
    from esrag.local.tgi.validation import Limits

Device = Literal["auto", "cpu", "cuda"]
HOST = "127.0.0.1"
_NEEDED = (
    "jsonschema_rs",
    "llguidance",
    "numpy",
    "orjson",
    "safetensors",
    "starlette",
    "tokenizers",
    "torch",
    "transformers",
    "uvicorn",
)
_LAST_PASS_SECONDS = 1.0  # of the worker, when the server has ended
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What ``esrag tgi serve`` takes; None lets the model and the machine decide."""

    model: str
    data_dir: Path
    port: int = 8080
    device: Device = "auto"
    threads: int | None = None
    max_concurrent_requests: int = 128
    max_batch: int | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None
    api_key_file: Path | None = None
    disable_grammar_support: bool = False
    grace: float = 90.0
    adapters: tuple[tuple[str, Path], ...] = ()
    adapters_below: tuple[Path, ...] = ()
    max_adapters: int = 16
    max_adapter_rank: int = 256


def serve(options: ServeOptions, *, announce: Callable[[str], None]) -> None:
    """Serve until a signal comes; ``announce`` gets the address, then that it is ready."""
    check_packages()
    threads = machine.prepare(options.threads)
    api_key = read_api_key(options.api_key_file) if options.api_key_file else None

    from uvicorn import Config

    from esrag.local.tgi.app import make_app
    from esrag.local.tgi.state import ServerState
    from esrag.local.tgi.stopping_server import StoppingServer

    with bind(options.port) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        state = ServerState(max_body_bytes=2_000_000, api_key=api_key)
        server = StoppingServer(
            state,
            Config(
                make_app(state),
                log_level="warning",
                access_log=False,
                lifespan="off",
                server_header=False,
            ),
            grace=options.grace,
        )
        announce(f"listening at {address}, loading {options.model}")
        loading = _Loading(options, state=state, server=server, threads=threads, announce=announce)
        loading.start()
        try:
            server.run(sockets=[listener])
        finally:
            if state.engine is not None:
                state.engine.scheduler.stop(timeout=_LAST_PASS_SECONDS)
            if server.last_signal and (loading.is_alive() or threading.active_count() > 1):
                _leave(128 + server.last_signal)
        if loading.failure is not None:
            raise loading.failure


def _leave(exit_code: int) -> None:
    """End the process while a thread is still inside torch.

    Python would end such a thread by unwinding it, which C++ answers with abort().
    """
    logging.shutdown()
    sys.stderr.flush()
    os._exit(exit_code)


class _Loading(threading.Thread):
    """Loads the model; a failure ends the server and is kept for its caller."""

    def __init__(
        self,
        options: ServeOptions,
        *,
        state: ServerState,
        server: Server,
        threads: int,
        announce: Callable[[str], None],
    ) -> None:
        super().__init__(name="loading", daemon=True)
        self.failure: EsragError | None = None
        self._options = options
        self._state = state
        self._server = server
        self._threads = threads
        self._announce = announce

    def run(self) -> None:
        """Load, then hand the engine to the routes."""
        done = False
        try:
            engine = load_engine(self._options, threads=self._threads)
            engine.scheduler.start()
            self._state.engine = engine
            done = True
            self._announce(f"ready: {engine.model.model_id} on {engine.compute_type}")
            engine.adapters.prepare()
        except EsragError as error:
            self.failure = error
        except OSError as error:
            self.failure = UsageError(
                f"the model cannot be read or kept under {self._options.data_dir}: {error}",
                hint="Check the rights and the free space of the --data folder.",
            )
        except MemoryError:
            self.failure = UnsupportedError(
                "there is not enough memory for this model",
                hint="Give a smaller model, or free memory.",
            )
        finally:
            if not done:
                self.failure = self.failure or EsragError(
                    "the model could not be loaded; see above"
                )
                self._server.should_exit = True


def load_engine(options: ServeOptions, *, threads: int) -> Engine:
    """Find, load and wrap the model; the scheduler is not started yet."""
    from esrag.base_models.source import find_model
    from esrag.local.tgi.generation.scheduler import Scheduler
    from esrag.local.tgi.grammar.matching import Grammars
    from esrag.local.tgi.metrics import Metrics
    from esrag.local.tgi.state import Engine
    from esrag.local.tgi.text import ChatTemplate, TextTokens

    model = find_model(options.model, data_dir=options.data_dir)
    tokens = TextTokens.from_folder(model.folder)
    template = ChatTemplate.from_folder(model.folder)

    for _, folder in options.adapters:
        check_adapter_folder(folder, model.folder)

    from esrag.local.tgi.generation.loading import load  # torch: only once the files are right

    loaded = load(
        model.folder,
        device=options.device,
        threads=threads,
        max_adapter_rank=options.max_adapter_rank,
    )
    limits, batch = _limits(options, loaded)
    metrics = Metrics(
        max_input_tokens=limits.max_input_tokens, max_total_tokens=limits.max_total_tokens
    )
    scheduler = Scheduler(
        loaded.runner,
        vocabulary=tokens,
        end_tokens=loaded.end_tokens,
        limits=batch,
        metrics=metrics,
    )
    # without an end token a grammar could not tell that the text is complete
    grammars = (
        Grammars(tokens.source, end_tokens=loaded.end_tokens)
        if loaded.end_tokens and not options.disable_grammar_support
        else None
    )
    return Engine(
        model=model,
        limits=limits,
        tokens=tokens,
        template=template,
        scheduler=scheduler,
        compute_type=f"{loaded.device}+{loaded.dtype}",
        metrics=metrics,
        grammars=grammars,
        adapters=_adapters(options, loaded, base=model.model_id, metrics=metrics),
    )


def _adapters(
    options: ServeOptions, loaded: LoadedModel, *, base: str, metrics: Metrics
) -> Adapters:
    """The adapters that the server begins with; raises where one of them is refused."""
    from esrag.local.tgi.adapters import AdapterPlan, Adapters

    # as much again is taken where several serve one batch
    free = loaded.free_bytes or machine.available_memory()
    adapters = Adapters(
        loaded.adapters,
        base_names=[base, options.model],
        plan=AdapterPlan(options.adapters, options.adapters_below, options.max_adapters),
        most_bytes=int(free * 0.1),
        metrics=metrics,
    )
    adapters.begin()
    return adapters


def read_adapter(text: str) -> tuple[str, Path]:
    """``NAME=PATH`` of a command; raises ValueError."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ValueError(f"{text!r} is not of the form NAME=PATH")
    return name, Path(path)


def check_packages() -> None:
    """Raise UnsupportedError where the extra that serving needs is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            f"serving a model needs packages that are not installed: {', '.join(missing)}",
            hint="Install them: pip install 'esrag[local]'",
        )


def bind(port: int) -> socket.socket:
    """A listening socket on loopback; raises ConflictError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"port {port} of {HOST} cannot be used: {error.strerror}",
            hint="End the process that has it, or give another --port; 0 takes a free one.",
        ) from error
    return listener


def read_api_key(file: Path) -> str:
    """The key that clients must present; the first line of a file, never an argument."""
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the API key file {file} cannot be read: {error}") from error
    if len(lines) != 1:
        raise UsageError(f"the API key file {file} must hold one key and nothing else")
    return lines[0]


def _limits(options: ServeOptions, loaded: LoadedModel) -> tuple[Limits, BatchLimits]:
    from esrag.local.tgi.generation.scheduler import BatchLimits
    from esrag.local.tgi.validation import Limits

    on_gpu = loaded.free_bytes is not None
    free = loaded.free_bytes or machine.available_memory()
    # the machine is not ours alone, a GPU is; growing the memory holds old and new for a moment
    batch_tokens = int(free * (0.4 if on_gpu else 0.15)) // loaded.bytes_per_token
    total = options.max_total_tokens or min(loaded.max_positions, batch_tokens)
    most_input = options.max_input_tokens or total - 1
    if total > loaded.max_positions:
        raise UsageError(
            f"--max-total-tokens {total} is more than the model's {loaded.max_positions} positions"
        )
    if not 0 < most_input < total:
        raise UsageError(
            f"--max-input-tokens {most_input} must be less than --max-total-tokens {total}"
        )
    rows = options.max_batch or (64 if on_gpu else 16)
    return (
        Limits(
            max_input_tokens=most_input,
            max_total_tokens=total,
            max_concurrent_requests=options.max_concurrent_requests,
        ),
        BatchLimits(rows=rows, tokens=max(batch_tokens, total), stretch=2048 if on_gpu else 256),
    )
