"""What ``/metrics`` shows: TGI's own names, and a few of ours, in the text format of Prometheus.

    routes, running ──┐
    scheduler ────────┴─► Metrics ──► text

A family is shown once it has been touched, as TGI shows it.  prometheus_client is not used: it
adds ``_total`` and ``_created`` to the names, and dashboards made for TGI would stay empty.
Written to from the event loop and from the worker thread.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "summary"]
Labels = tuple[tuple[str, str], ...]

_QUANTILES = ("0", "0.5", "0.9", "0.95", "0.99", "0.999", "1")
_HELP: dict[str, tuple[Kind, str]] = {
    "tgi_request_count": ("counter", "Requests that were received"),
    "tgi_request_success": ("counter", "Requests that were answered"),
    "tgi_request_failure": ("counter", "Requests that failed, by reason"),
    "tgi_batch_concat": ("counter", "How often a request joined a running batch"),
    "tgi_batch_inference_count": ("counter", "Forward passes, by method"),
    "tgi_batch_inference_success": ("counter", "Forward passes that went well, by method"),
    "tgi_batch_inference_failure": ("counter", "Forward passes that failed, by method"),
    "tgi_queue_size": ("gauge", "Requests that wait"),
    "tgi_batch_current_size": ("gauge", "Requests in the batch"),
    "tgi_batch_current_max_tokens": ("gauge", "Tokens that the batch may grow to"),
    "tgi_request_duration": ("histogram", "Seconds from request to answer"),
    "tgi_request_validation_duration": ("histogram", "Seconds of checking a request"),
    "tgi_request_queue_duration": ("histogram", "Seconds that a request waited"),
    "tgi_request_inference_duration": ("histogram", "Seconds of generating an answer"),
    "tgi_request_mean_time_per_token_duration": ("histogram", "Seconds for each token"),
    "tgi_request_input_length": ("histogram", "Tokens of the prompt"),
    "tgi_request_max_new_tokens": ("histogram", "New tokens that were reserved"),
    "tgi_request_generated_tokens": ("histogram", "Tokens of the answer"),
    "tgi_batch_next_size": ("histogram", "Requests that enter the batch together"),
    "tgi_batch_inference_duration": ("histogram", "Seconds of a turn of the batch, by method"),
    "tgi_batch_forward_duration": ("histogram", "Seconds of a forward pass, by method"),
    "tgi_batch_decode_duration": ("histogram", "Seconds of choosing tokens, by method"),
    "tgi_batch_filter_duration": ("histogram", "Seconds of taking out what is done, by method"),
    "tgi_request_skipped_tokens": ("summary", "Tokens that speculation saved: none"),
    # TGI counts nothing by adapter
    "esrag_adapters_loaded": ("gauge", "LoRA adapters that can be asked for"),
    "esrag_adapter_requests_count": ("counter", "Requests that an adapter served, by its name"),
    "esrag_adapter_load_duration": ("histogram", "Seconds of loading an adapter"),
}


def _geometric(count: int) -> tuple[float, ...]:
    return tuple(accumulate([1.5] * count, lambda value, step: value * step, initial=0.0001))[1:]


_DURATIONS = _geometric(35)  # 0.15 ms to 146 s, as TGI has them


def _hundredths(whole: int) -> tuple[float, ...]:
    return tuple(whole / 100 * (place + 1) for place in range(100))


@dataclass(slots=True)
class _Distribution:
    """The values of one histogram or summary under one set of labels."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0
    number: int = 0

    def add(self, value: float) -> None:
        """One more value."""
        if not self.counts:
            self.counts = [0] * (len(self.bounds) + 1)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        self.number += 1


class Metrics:
    """Counters, gauges and histograms of one server."""

    def __init__(self, *, max_input_tokens: int = 100, max_total_tokens: int = 100) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, dict[Labels, float]] = {}
        self._distributions: dict[str, dict[Labels, _Distribution]] = {}
        self._bounds = {
            "tgi_request_input_length": _hundredths(max_input_tokens),
            "tgi_request_max_new_tokens": _hundredths(max_total_tokens),
            "tgi_request_generated_tokens": _hundredths(max_total_tokens),
            "tgi_batch_next_size": tuple(float(size + 1) for size in range(1024)),
        }

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        with self._lock:
            family = self._numbers.setdefault(name, {})
            key = tuple(labels.items())
            family[key] = family.get(key, 0.0) + 1

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            self._numbers.setdefault(name, {})[()] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add a value to a histogram or a summary."""
        with self._lock:
            family = self._distributions.setdefault(name, {})
            key = tuple(labels.items())
            if key not in family:
                family[key] = _Distribution(self._bounds.get(name, _DURATIONS))
            family[key].add(value)

    def failure(self, reason: str) -> None:
        """A request that failed; the reasons are TGI's words."""
        self.count("tgi_request_failure", err=reason)

    def render(self) -> str:
        """The page: every family that was touched."""
        with self._lock:
            lines: list[str] = []
            for name, (kind, text) in _HELP.items():
                values = self._values(name, kind)
                if values:
                    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *values, ""]
            return "\n".join([*lines, ""])

    def _values(self, name: str, kind: Kind) -> list[str]:
        if kind in ("counter", "gauge"):
            found = self._numbers.get(name, {})
            return [f"{name}{_labels(key)} {_number(value)}" for key, value in found.items()]
        lines: list[str] = []
        for key, one in self._distributions.get(name, {}).items():
            lines += _summary(name, key) if kind == "summary" else _buckets(name, key, one)
            lines.append(f"{name}_sum{_labels(key)} {_number(one.total)}")
            lines.append(f"{name}_count{_labels(key)} {one.number}")
        return lines


class PassTimes:
    """Times one forward pass and what follows it; a failure is counted and goes on."""

    def __init__(self, metrics: Metrics, method: str) -> None:
        self._metrics = metrics
        self._method = method
        self._begun = self._last = time.monotonic()

    def __enter__(self) -> PassTimes:
        self._metrics.count("tgi_batch_inference_count", method=self._method)
        return self

    def mark(self, part: str) -> None:
        """The named part ends here."""
        before, self._last = self._last, time.monotonic()
        name = f"tgi_batch_{part}_duration"
        self._metrics.observe(name, self._last - before, method=self._method)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._metrics.count("tgi_batch_inference_failure", method=self._method)
            return
        taken = time.monotonic() - self._begun
        self._metrics.observe("tgi_batch_inference_duration", taken, method=self._method)
        self._metrics.count("tgi_batch_inference_success", method=self._method)


def _buckets(name: str, key: Labels, one: _Distribution) -> list[str]:
    bounds = [*map(_number, one.bounds), "+Inf"]
    return [
        f"{name}_bucket{_labels([*key, ('le', bound)])} {count}"
        for bound, count in zip(bounds, accumulate(one.counts), strict=True)
    ]


def _summary(name: str, key: Labels) -> list[str]:
    """The only summary counts skipped tokens, of which there are none."""
    return [f"{name}{_labels([*key, ('quantile', at)])} 0" for at in _QUANTILES]


def _labels(pairs: Sequence[tuple[str, str]]) -> str:
    inner = ",".join(f'{name}="{value}"' for name, value in pairs)
    return f"{{{inner}}}" if inner else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
