"""Executes a traced model in bfloat16 with weights laid out for the processor; in the child only.

torch keeps the weights of a trace in rows and so leaves most of a processor's matrix units idle.
Here the graph of the trace is walked node by node, and its linear layers are executed with weights
packed once for oneDNN; layers that take the same input become one.  Types follow the rules of
torch's own autocast: products in bfloat16, sums and normalisations in float32.

A trace whose graph holds anything but tensors' operators is refused: another runtime takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from esrag.errors import UnsupportedError

_HALF = torch.bfloat16
_PRODUCTS = frozenset({"matmul", "bmm", "baddbmm", "scaled_dot_product_attention"})
_EXACT = frozenset({"layer_norm", "softmax", "native_layer_norm", "linalg_vector_norm", "norm"})
_BUILT: dict[str, Callable[..., Any]] = {
    "prim::ListConstruct": lambda *items: list(items),
    "prim::TupleConstruct": lambda *items: items,
    "prim::NumToTensor": torch.tensor,
    "aten::Int": int,
    "aten::ScalarImplicit": lambda tensor: tensor.item(),
}

Step = tuple[Callable[..., Any], list[int], list[int]]  # what, from which values, to which


class PackedModel:
    """A frozen trace as a list of steps over numbered values."""

    def __init__(self, module: Any) -> None:
        graph = module.inlined_graph
        nodes = list(graph.nodes())
        self._places: dict[str, int] = {}
        inputs = list(graph.inputs())[1:]  # the module itself is the first
        self._inputs = [self._place(value) for value in inputs]
        constants: dict[int, Any] = {}
        for node in nodes:
            if node.kind() == "prim::Constant":
                constants[self._place(node.output())] = node.output().toIValue()
        linear = _linear_nodes(
            nodes, {name: constants.get(at) for name, at in self._places.items()}
        )
        done: set[str] = set()
        self._steps: list[Step] = []
        for node in nodes:
            if node.kind() == "prim::Constant" or _name(node) in done:
                continue
            group = linear.get(_name(node))
            if group is None:
                self._steps.append(self._step(node))
                continue
            done.update(_name(one) for one in group)
            rounded = _followed_by_gelu(group, constants, self._places)
            self._steps.append(self._linear(group, constants, rounded))
            if rounded is not None:
                done.add(_name(rounded))
        self._output = self._place(next(iter(graph.outputs())))
        self._values = [constants.get(at) for at in range(len(self._places))]

    def __call__(self, *inputs: Any) -> Any:
        """What the trace gives for these inputs, nearly."""
        values = list(self._values)
        for place, value in zip(self._inputs, inputs, strict=True):
            values[place] = value
        for call, sources, targets in self._steps:
            found = call(*[values[place] for place in sources])
            if len(targets) == 1:
                values[targets[0]] = found
            else:
                for place, value in zip(targets, found, strict=True):
                    values[place] = value
        return values[self._output]

    def _place(self, value: Any) -> int:
        return self._places.setdefault(value.debugName(), len(self._places))

    def _step(self, node: Any) -> Step:
        sources = [self._place(value) for value in node.inputs()]
        targets = [self._place(value) for value in node.outputs()]
        return _operator(node), sources, targets

    def _linear(self, group: Sequence[Any], constants: dict[int, Any], gelu: Any) -> Step:
        """One packed layer for linear nodes with the same input, and ``gelu`` if it follows."""
        parts = [[self._place(value) for value in node.inputs()] for node in group]
        weights = [constants[weight] for _, weight, _ in parts]
        biases = [constants[bias] for _, _, bias in parts]
        sizes = [weight.shape[0] for weight in weights]
        with torch.inference_mode():
            packed = torch.ops.mkldnn._reorder_linear_weight(
                torch.cat(weights).to(_HALF).contiguous(), None
            )
            bias = torch.cat(biases).to(_HALF) if biases[0] is not None else None
        multiply = torch.ops.mkldnn._linear_pointwise
        after: tuple[Any, ...] = ("none", [], "") if gelu is None else ("gelu", [], "none")

        def call(given: Any) -> Any:
            found = multiply(given.to(_HALF), packed, bias, *after)
            return found if len(sizes) == 1 else found.split(sizes, dim=-1)

        ends = group if gelu is None else [gelu]
        return call, [parts[0][0]], [self._place(node.output()) for node in ends]


def _name(node: Any) -> str:
    outputs = list(node.outputs())
    return str(outputs[0].debugName()) if outputs else ""


def _linear_nodes(nodes: Sequence[Any], constants: dict[str, Any]) -> dict[str, list[Any]]:
    """Linear nodes with constant weights by their output's name, each with those that go along."""
    groups: dict[tuple[str, int, bool], list[Any]] = {}
    for node in nodes:
        if node.kind() != "aten::linear":
            continue
        given, weight, bias = (value.debugName() for value in node.inputs())
        content = constants.get(weight)
        if isinstance(content, torch.Tensor):
            key = (given, content.shape[1], constants.get(bias) is None)
            groups.setdefault(key, []).append(node)
    return {_name(node): group for group in groups.values() for node in group}


def _followed_by_gelu(
    group: Sequence[Any], constants: dict[int, Any], places: dict[str, int]
) -> Any:
    """The node that alone takes what the only one of the group gives, if it is an exact GELU."""
    users = list(group[0].output().uses())
    if len(group) != 1 or len(users) != 1 or users[0].user.kind() != "aten::gelu":
        return None
    node = users[0].user
    kind = places.get(list(node.inputs())[1].debugName(), -1)
    return node if constants.get(kind) == "none" else None


def _operator(node: Any) -> Callable[..., Any]:
    """The function of a node, which takes its inputs in their order."""
    kind = node.kind()
    if kind in _BUILT:
        return _BUILT[kind]
    space, _, name = kind.partition("::")
    if space != "aten" or list(node.blocks()):
        raise UnsupportedError(f"the trace holds {kind}, which is no tensor's operator")
    schema = torch._C.parse_schema(node.schema())
    overload = getattr(getattr(torch.ops.aten, name), schema.overload_name or "default")
    by_name = [one.name for one in schema.arguments if one.kwarg_only]
    count = len(schema.arguments) - len(by_name)
    convert = _HALF if name in _PRODUCTS else torch.float32 if name in _EXACT else None

    def call(*values: Any) -> Any:
        if convert is not None:
            values = tuple(_converted(value, convert) for value in values)
        return overload(*values[:count], **dict(zip(by_name, values[count:], strict=True)))

    return call


def _converted(value: Any, dtype: torch.dtype) -> Any:
    floating = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.to(dtype) if floating else value
