"""Which runtimes can execute a bundle's model, and what each needs.  A table; imports none of them.

    the trace in the bundle ── torch, torch-bf16
              └─ converted once, kept in the data folder ── openvino, openvino-bf16, openvino-int8
                                                       └─── onnxruntime, onnxruntime-int8

All take token ids and give vectors; they differ in speed and in the last digits.  ``measuring``
finds out how much of either.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

INSTALL_LINE = "pip install 'esrag[embedding]'"
INSTALL_FAST_LINE = "pip install 'esrag[embedding,fast]'"
EXACT = "torch"  # what the others are compared with


@dataclass(frozen=True, slots=True)
class Runtime:
    """One way to execute the model.

    ``conversion`` names the converted file, "" where the trace is executed as it is.  A forward
    pass gets at most ``most_tokens``, padding included: with more, what lies between two layers
    leaves the processor's caches.
    """

    name: str
    family: str
    precision: str
    packages: tuple[str, ...]
    conversion: str = ""
    converters: tuple[str, ...] = ()
    most_tokens: int = 8_192

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages that are not installed here."""
        wanted = dict.fromkeys((*self.packages, *self.converters))
        return tuple(name for name in wanted if importlib.util.find_spec(name) is None)


_COMMON = ("numpy", "tokenizers")

RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime("torch", "torch", "f32", (*_COMMON, "torch")),
        Runtime("torch-bf16", "torch", "bf16", (*_COMMON, "torch"), most_tokens=4_096),
        Runtime(
            "openvino",
            "openvino",
            "f32",
            (*_COMMON, "openvino"),
            conversion="openvino",
            converters=("torch",),
            most_tokens=4_096,
        ),
        Runtime(
            "openvino-bf16",
            "openvino",
            "bf16",
            (*_COMMON, "openvino"),
            conversion="openvino",
            converters=("torch",),
            most_tokens=4_096,
        ),
        Runtime(
            "openvino-int8",
            "openvino",
            "int8",
            (*_COMMON, "openvino"),
            conversion="openvino-int8",
            converters=("torch",),
            most_tokens=4_096,
        ),
        Runtime(
            "onnxruntime",
            "onnxruntime",
            "f32",
            (*_COMMON, "onnxruntime"),
            conversion="onnx",
            converters=("torch", "onnx"),
            most_tokens=1_024,
        ),
        Runtime(
            "onnxruntime-int8",
            "onnxruntime",
            "int8",
            (*_COMMON, "onnxruntime"),
            conversion="onnx-int8",
            converters=("torch", "onnx"),
            most_tokens=1_024,
        ),
    )
}
