"""Loads a bundle's model into one of the runtimes; in the child only.

Each loader gives a function from token ids and their mask to vectors, both numpy arrays.  The
other arguments that BERT knows follow from the ids: one kind of text, positions in order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.bundle import DEFINITION, ModelBundle
from esrag.embedding.conversion import (
    accepted_arguments,
    converted,
    full_arguments,
    import_openvino,
    load_traced,
)
from esrag.embedding.files import checked
from esrag.embedding.runtimes import Runtime
from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Forward = Callable[[Array, Array], Array]


def load_model(runtime: Runtime, bundle: ModelBundle, cache: Path, *, threads: int) -> Forward:
    """The model as a function; raises UnsupportedError when this runtime cannot execute it."""
    loaders = {"torch": _torch, "openvino": _openvino, "onnxruntime": _onnxruntime}
    try:
        return loaders[runtime.family](runtime, bundle, cache, threads)
    except UnsupportedError:
        raise
    except Exception as error:  # each library has errors of its own kind
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnsupportedError(
            f"{runtime.name} cannot execute {bundle.definition}: {words[:300]}",
            hint="Use another: embedding.runtime = torch executes what the bundle holds.",
        ) from error


def _torch(runtime: Runtime, bundle: ModelBundle, cache: Path, threads: int) -> Forward:
    import torch

    del cache
    torch.set_num_threads(threads)
    # Specialising the graph for each new shape costs more than it gives when shapes vary.
    torch._C._jit_set_profiling_executor(False)
    torch._C._jit_set_profiling_mode(False)
    definition = checked(bundle, DEFINITION)
    try:
        module = load_traced(definition)
    except RuntimeError as error:
        raise UnsupportedError(
            f"torch {torch.__version__} cannot load {bundle.definition}: "
            f"{str(error).strip().splitlines()[0]}",
            hint="Build the bundle with this torch: esrag model build --force",
        ) from error
    accepted = accepted_arguments(module)
    execute = _in_half(module) if runtime.precision == "bf16" else module

    def forward(ids: Array, mask: Array) -> Array:
        inputs = [torch.from_numpy(array) for array in full_arguments(ids, mask)[:accepted]]
        with torch.inference_mode():
            output = execute(*inputs)
        values = output[0] if isinstance(output, tuple | list) else output
        found: Array = values.to(torch.float32).numpy()
        return found

    return forward


def _in_half(module: Any) -> Callable[..., Any]:
    """The module in bfloat16: with packed weights, or where its graph is beyond that, without."""
    import torch

    from esrag.embedding.packed import PackedModel

    try:
        return PackedModel(module)
    except (UnsupportedError, RuntimeError, AttributeError):
        pass

    def execute(*inputs: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return module(*inputs)

    return execute


def _openvino(runtime: Runtime, bundle: ModelBundle, cache: Path, threads: int) -> Forward:
    core = import_openvino().Core()
    model = core.read_model(converted(bundle, runtime.conversion, cache))
    accepted = len(model.inputs)
    compiled = core.compile_model(
        model,
        "CPU",
        {
            # what is not rounded to eight bits is computed in bfloat16
            "INFERENCE_PRECISION_HINT": "f32" if runtime.precision == "f32" else "bf16",
            "PERFORMANCE_HINT": "LATENCY",  # one request at a time gets all the threads
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # other processes embed beside this one
        },
    )
    request = compiled.create_infer_request()

    def forward(ids: Array, mask: Array) -> Array:
        output = request.infer(full_arguments(ids, mask)[:accepted], share_inputs=True)
        found: Array = output[0].copy()  # the next call writes over it
        return found

    return forward


def _onnxruntime(runtime: Runtime, bundle: ModelBundle, cache: Path, threads: int) -> Forward:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(converted(bundle, runtime.conversion, cache)),
        options,
        providers=["CPUExecutionProvider"],
    )
    names = [one.name for one in session.get_inputs()]

    def forward(ids: Array, mask: Array) -> Array:
        arguments = full_arguments(ids, mask)[: len(names)]
        found: Array = session.run(None, dict(zip(names, arguments, strict=True)))[0]
        return found

    return forward
