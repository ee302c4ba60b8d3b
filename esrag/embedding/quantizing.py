"""Rounds the linear layers of a converted model to eight bits, for OpenVINO; in the child only.

    openvino.xml ──► what flows into each linear layer, over some texts ──► least and greatest
                └──► the same model with both sides of each product rounded to eight bits

The ranges are those of texts of many kinds, cut at nothing; the runtime executes the rounded
products on integer units and the rest in bfloat16.  How much that costs is measured afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_LEVELS = 256
_WEIGHT_LEVELS = 255  # symmetric about 0


def quantized(openvino: Any, model: Any, batches: Iterable[list[Array]]) -> Any:
    """The model with eight-bit linear layers; ``batches`` are arguments that it is run with."""
    import numpy
    from openvino import opset13

    ranges = _ranges(openvino, model.clone(), batches)
    for (least, greatest), nodes in zip(ranges, _products(model), strict=True):
        given = opset13.fake_quantize(
            nodes[0].input_value(0),
            *(numpy.float32(bound) for bound in (least, greatest, least, greatest)),
            _LEVELS,
        )
        for node in nodes:
            weight = _constant(node.input_value(1))
            axis = 1 if node.get_attributes()["transpose_b"] else 0
            most = numpy.abs(weight).max(axis=axis, keepdims=True)
            rounded = opset13.fake_quantize(
                opset13.constant(weight), -most, most, -most, most, _WEIGHT_LEVELS
            )
            node.input(0).replace_source_output(given.output(0))
            node.input(1).replace_source_output(rounded.output(0))
    model.validate_nodes_and_infer_types()
    return model


def _ranges(openvino: Any, model: Any, batches: Iterable[list[Array]]) -> list[tuple[float, float]]:
    """Least and greatest number that flows into each group of products, where there is text."""
    groups = _products(model)
    for nodes in groups:
        model.add_outputs(nodes[0].input_value(0))
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    found = [(0.0, 0.0)] * len(groups)
    for arguments in batches:
        output = request.infer(arguments)
        mask = arguments[1].astype(bool)
        for number, (least, greatest) in enumerate(found):
            values = output[number + 1][mask]
            found[number] = min(least, float(values.min())), max(greatest, float(values.max()))
    return found


def _products(model: Any) -> list[list[Any]]:
    """Products with a constant matrix, those with the same left side together."""
    groups: dict[tuple[str, int], list[Any]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul" or _constant(node.input_value(1)) is None:
            continue
        left = node.input_value(0)
        if len(left.get_partial_shape()) == 3:  # texts, tokens, numbers
            key = (left.get_node().get_friendly_name(), left.get_index())
            groups.setdefault(key, []).append(node)
    return list(groups.values())


def _constant(output: Any) -> Any:
    """The matrix that an output always is; None when it is none."""
    import numpy

    node = output.get_node()
    kind = node.get_type_name()
    if kind == "Constant":
        data = node.get_data()
        return data.astype(numpy.float32) if data.ndim == 2 else None
    if kind == "Convert":
        return _constant(node.input_value(0))
    return None
