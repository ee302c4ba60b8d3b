"""Makes the files that other runtimes than torch execute, of the traced model; in the child only.

    model.pt ─ torch ─► openvino.xml ─ ranges over some texts ─► openvino-int8.xml
                   └──► onnx.onnx ─ onnxruntime ─► onnx-int8.onnx

They lie in a folder of their own for each bundle, each with a record of what it was made of and
the sha256 of its files; what does not fit its record is made again.  Nothing of it is needed to
use the bundle: it may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from esrag.bundle import DEFINITION, ModelBundle, file_sha256
from esrag.embedding.batching import groups_by_length
from esrag.embedding.files import checked
from esrag.embedding.probe_texts import CALIBRATION, probe_texts
from esrag.embedding.quantizing import quantized
from esrag.embedding.tokenizer import bundle_tokenizer, padded

FORMAT = 1
_ARGUMENTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
_OPSET = 17
_CALIBRATION_TOKENS = 2_048


def converted(bundle: ModelBundle, name: str, folder: Path) -> Path:
    """The converted file ``name`` of the bundle, made where there is none that fits.

    Raises whatever the converting library raises when the model is beyond it.
    """
    makers: Mapping[str, tuple[str, Callable[[ModelBundle, Path, Path], None]]] = {
        "openvino": ("openvino.xml", _make_openvino),
        "openvino-int8": ("openvino-int8.xml", _make_openvino_int8),
        "onnx": ("onnx.onnx", _make_onnx),
        "onnx-int8": ("onnx-int8.onnx", _make_int8),
    }
    main, make = makers[name]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _fits(folder, name, bundle):
            workshop = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
            try:
                make(bundle, folder, workshop)
                _put_in_place(workshop, folder, name, bundle)
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
    return folder / main


def _facts(name: str, bundle: ModelBundle) -> dict[str, Any]:
    """What a conversion depends on."""
    makers = (
        ("torch", "openvino") if name.startswith("openvino") else ("torch", "onnx", "onnxruntime")
    )
    return {
        "format": FORMAT,
        "definition": bundle.sha256[DEFINITION],
        "versions": {maker: version(maker) for maker in makers},
    }


def _fits(folder: Path, name: str, bundle: ModelBundle) -> bool:
    try:
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        if record["made_of"] != _facts(name, bundle):
            return False
        files: Mapping[str, str] = record["sha256"]
        return all(file_sha256(folder / file) == digest for file, digest in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _put_in_place(workshop: Path, folder: Path, name: str, bundle: ModelBundle) -> None:
    """Move the files, then write the record: without it they are made again."""
    record = folder / f"{name}.json"
    record.unlink(missing_ok=True)
    digests = {file.name: file_sha256(file) for file in sorted(workshop.iterdir())}
    for file in digests:
        (workshop / file).replace(folder / file)
    temporary = folder / f".{name}.json.part"
    temporary.write_text(
        json.dumps({"made_of": _facts(name, bundle), "sha256": digests}, indent=1),
        encoding="utf-8",
    )
    temporary.replace(record)


def load_traced(definition: bytes) -> Any:
    """The module of a TorchScript file."""
    import torch

    return torch.jit.load(io.BytesIO(definition), map_location="cpu").eval()  # type: ignore[no-untyped-call]


def import_openvino() -> Any:
    """OpenVINO without the package by which its tools tell their makers how they are used."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def accepted_arguments(module: Any) -> int:
    """How many of BERT's four arguments the module takes."""
    return len(module.forward.schema.arguments) - 1


def _examples(accepted: int) -> tuple[Any, ...]:
    import torch

    ids = torch.ones((2, 16), dtype=torch.long)
    return (ids, torch.ones_like(ids), torch.zeros_like(ids), torch.arange(16))[:accepted]


def _traced(bundle: ModelBundle) -> Any:
    import torch

    torch._C._jit_set_profiling_executor(False)
    torch._C._jit_set_profiling_mode(False)
    return load_traced(checked(bundle, DEFINITION))


def _make_openvino(bundle: ModelBundle, folder: Path, workshop: Path) -> None:
    openvino = import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    del folder
    module = _traced(bundle)
    accepted = accepted_arguments(module)
    frontend = FrontEndManager().load_by_framework("pytorch")
    # The decoder must outlive the conversion: the frontend keeps no reference of its own.
    decoder = TorchScriptPythonDecoder(module, example_input=_examples(accepted))
    model = frontend.convert(frontend.load(decoder))
    for number, parameter in enumerate(model.inputs):
        node = parameter.get_node()
        node.set_friendly_name(_ARGUMENTS[number])
        node.set_element_type(openvino.Type.i64)
        node.set_partial_shape(openvino.PartialShape([-1] if number == 3 else [-1, -1]))
    model.validate_nodes_and_infer_types()
    openvino.save_model(model, workshop / "openvino.xml", compress_to_fp16=False)


def _make_openvino_int8(bundle: ModelBundle, folder: Path, workshop: Path) -> None:
    openvino = import_openvino()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as inner:
        _make_openvino(bundle, folder, Path(inner))
        model = openvino.Core().read_model(Path(inner) / "openvino.xml")
        tokenizer, pad_id = bundle_tokenizer(bundle)
        texts = probe_texts(bundle, seed=CALIBRATION)
        sequences = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        lengths = [len(sequence) for sequence in sequences]
        batches = [
            full_arguments(*padded([sequences[number] for number in group], pad_id))
            for group in groups_by_length(lengths, most_tokens=_CALIBRATION_TOKENS)
        ]
        count = len(model.inputs)
        rounded = quantized(openvino, model, [arguments[:count] for arguments in batches])
        openvino.save_model(rounded, workshop / "openvino-int8.xml", compress_to_fp16=False)


def full_arguments(ids: Any, mask: Any) -> list[Any]:
    """BERT's four arguments of token ids and their mask: one kind of text, positions in order."""
    import numpy

    positions = numpy.arange(ids.shape[1], dtype=numpy.int64)
    return [ids, mask, numpy.zeros_like(ids), positions]


def _make_onnx(bundle: ModelBundle, folder: Path, workshop: Path) -> None:
    import onnxruntime
    import torch

    del folder
    module = _traced(bundle)
    accepted = accepted_arguments(module)
    names = _ARGUMENTS[:accepted]
    axes = {name: {0: "batch", 1: "length"} for name in names[:3]}
    if accepted == 4:
        axes["position_ids"] = {0: "length"}
    raw = workshop / "raw.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what a script module cannot say of itself
        torch.onnx.export(
            module,
            _examples(accepted),
            str(raw),
            input_names=list(names),
            output_names=["vectors"],
            dynamic_axes={**axes, "vectors": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    # The exporter leaves weights behind transpositions; folded, they can be quantized.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(workshop / "onnx.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
    raw.unlink()


def _make_int8(bundle: ModelBundle, folder: Path, workshop: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as inner:
        _make_onnx(bundle, folder, Path(inner))
        quantize_dynamic(
            os.path.join(inner, "onnx.onnx"),  # noqa: PTH118 - it takes text
            str(workshop / "onnx-int8.onnx"),
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"MatMulConstBOnly": True},
        )
