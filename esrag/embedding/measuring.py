"""Which runtime embeds here: measured once for each bundle, machine and set of versions.

    probe texts ──► torch, full precision ──► vectors that count as right
              └──► each other runtime ──► least cosine with those, tokens for a CPU second
    the fastest whose least cosine is not below the bound ──► Choice

CPU seconds are compared, not seconds: other work on the machine changes them less.  The figures
are kept beside the converted files, so the next command asks nobody.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.bundle import DEFINITION, ModelBundle
from esrag.embedding.probe_texts import probe_texts
from esrag.embedding.process import Embedder, require_installed
from esrag.embedding.runtimes import EXACT, RUNTIMES
from esrag.errors import EsragError, UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUTO = "auto"
FORMAT = 1
PASSES = 3  # timed ones; the best counts
_EIGHT_BITS = 0.999  # a bound above which eight bits for a weight were never enough
_FIRST = (EXACT, "openvino-bf16", "torch-bf16")
_ROUGH = ("openvino-int8", "onnxruntime-int8")
_THEN = ("openvino", "onnxruntime")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a runtime did with the probe texts; ``failure`` says why it cannot be used."""

    runtime: str
    min_cosine: float = 0.0
    mean_cosine: float = 0.0
    tokens_per_cpu_second: float = 0.0
    tokens_per_second: float = 0.0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The runtime that embeds, with the figures it was chosen by, its own among them or none."""

    runtime: str
    figures: tuple[Measured, ...] = ()

    @property
    def own(self) -> Measured | None:
        """The figures of the chosen one."""
        return next((one for one in self.figures if one.runtime == self.runtime), None)

    def words(self) -> str:
        """One line for whoever runs the command."""
        own = self.own
        exact = next((one for one in self.figures if one.runtime == EXACT), None)
        if own is None or exact is None or own is exact or not exact.tokens_per_cpu_second:
            return self.runtime
        times = own.tokens_per_cpu_second / exact.tokens_per_cpu_second
        return (
            f"{self.runtime}, {times:.1f} times as fast as {EXACT}, "
            f"cosine with it at least {own.min_cosine:.5f}"
        )


def choose(
    bundle: ModelBundle,
    folder: Path,
    *,
    wanted: str = AUTO,
    min_cosine: float,
    threads: int,
    measure: bool = True,
    tell: Tell = lambda _: None,
) -> Choice:
    """The runtime ``wanted``, or the fastest that keeps the bound.

    Without ``measure`` nothing is started: what is not known is not taken.  Raises
    UnsupportedError when the one that is wanted is not installed, fails or misses the bound.
    """
    if wanted != AUTO:
        require_installed(wanted)
    if wanted == EXACT:
        return Choice(EXACT)
    figures = _Figures(bundle, folder, threads, tell)
    if wanted != AUTO:
        return _wanted(figures, wanted, min_cosine, measure=measure)
    rough = _ROUGH if min_cosine < _EIGHT_BITS else ()
    found = figures.of((*_FIRST, *rough), measure=measure)
    chosen = _fastest(found, min_cosine)
    if chosen == EXACT:  # nothing rounds well and fast here: others in full precision
        found = figures.of((*_FIRST, *rough, *_THEN), measure=measure)
        chosen = _fastest(found, min_cosine)
    return Choice(chosen, tuple(found))


def folder_for(data_dir: Path, bundle: ModelBundle) -> Path:
    """Where a bundle's converted files and figures lie."""
    return data_dir / "embedding" / bundle.fingerprint[:32]


def _wanted(figures: _Figures, wanted: str, min_cosine: float, *, measure: bool) -> Choice:
    found = figures.of((EXACT, wanted), measure=measure)
    own = next((one for one in found if one.runtime == wanted), None)
    if own is not None and own.failure:
        raise UnsupportedError(own.failure, hint="Choose another: embedding.runtime")
    if own is not None and own.min_cosine < min_cosine:
        raise UnsupportedError(
            f"{wanted} gives vectors with a cosine of {own.min_cosine:.5f} to those of full "
            f"precision, and embedding.min_cosine is {min_cosine}",
            hint="Lower it, or choose another: embedding.runtime",
        )
    return Choice(wanted, tuple(found))


def _fastest(found: Iterable[Measured], min_cosine: float) -> str:
    fit = [one for one in found if not one.failure and one.min_cosine >= min_cosine]
    best = max(fit, key=lambda one: one.tokens_per_cpu_second, default=None)
    return best.runtime if best else EXACT


class _Figures:
    """The figures of one bundle on this machine, kept in a file."""

    def __init__(self, bundle: ModelBundle, folder: Path, threads: int, tell: Tell) -> None:
        self._bundle = bundle
        self._folder = folder
        self._threads = threads
        self._tell = tell
        self._facts = _facts(bundle, threads)
        key = hashlib.sha256(json.dumps(self._facts, sort_keys=True).encode()).hexdigest()[:16]
        self._path = folder / f"measured-{key}.json"
        self._known = self._read()
        self._exact: NDArray[Any] | None = None

    def of(self, names: Sequence[str], *, measure: bool) -> list[Measured]:
        """The figures of those that are installed, measured where there are none."""
        installed = [name for name in names if not RUNTIMES[name].missing]
        unknown = [name for name in installed if name not in self._known]
        if unknown and measure:
            self._tell(f"Measuring once how fast this machine embeds: {', '.join(unknown)}")
            for name in unknown:
                self._known[name] = self._measure(name)
                self._write()
        return [self._known[name] for name in installed if name in self._known]

    def _measure(self, name: str) -> Measured:
        try:
            if name != EXACT and self._exact is None:
                self._exact = self._run(EXACT)[0]
            vectors, measured = self._run(name)
        except EsragError as error:
            return Measured(name, failure=f"{name}: {error.message}")
        if self._exact is None:
            self._exact = vectors
        cosines = _cosines(vectors, self._exact)
        return replace(measured, min_cosine=min(cosines), mean_cosine=sum(cosines) / len(cosines))

    def _run(self, name: str) -> tuple[NDArray[Any], Measured]:
        texts = probe_texts(self._bundle)
        with Embedder(
            self._bundle, runtime=name, cache=self._folder, threads=self._threads
        ) as embedder:
            vectors = embedder.matrix(texts)
            best = Measured(name)
            for _ in range(PASSES):
                before = embedder.figures()
                embedder.matrix(texts)
                after = embedder.figures()
                tokens = after.tokens - before.tokens
                best = replace(
                    best,
                    tokens_per_cpu_second=max(
                        best.tokens_per_cpu_second, tokens / max(after.cpu - before.cpu, 1e-6)
                    ),
                    tokens_per_second=max(
                        best.tokens_per_second, tokens / max(after.seconds - before.seconds, 1e-6)
                    ),
                )
        return vectors, best

    def _read(self) -> dict[str, Measured]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return {one["runtime"]: Measured(**one) for one in kept["measured"]}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write(self) -> None:
        kept = {
            "format": FORMAT,
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "facts": self._facts,
            "measured": [asdict(one) for one in self._known.values()],
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".part")
        temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        temporary.replace(self._path)


def _cosines(vectors: NDArray[Any], right: NDArray[Any]) -> list[float]:
    import numpy

    one, other = vectors.astype(numpy.float64), right.astype(numpy.float64)
    lengths = numpy.linalg.norm(one, axis=1) * numpy.linalg.norm(other, axis=1)
    found: list[float] = ((one * other).sum(axis=1) / lengths).tolist()
    return found


def _facts(bundle: ModelBundle, threads: int) -> Mapping[str, Any]:
    """What the figures depend on."""
    return {
        "format": FORMAT,
        "definition": bundle.sha256[DEFINITION],
        "threads": threads,
        "processor": _processor(),
        "versions": {
            name: _version(name) for name in ("numpy", "onnxruntime", "openvino", "torch")
        },
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> list[str]:
    """Name and abilities of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    wanted = ("model name", "flags", "Features", "CPU part")
    known = dict.fromkeys(line for line in lines if line.startswith(wanted))
    return [platform.machine(), *known]
