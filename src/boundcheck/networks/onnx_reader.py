"""Networks from ONNX files: the graph becomes a traced torch module of layers that the canonical view knows.

What is not in the short list of operators below is refused by name; nothing is approximated. The batch axis comes first, and a
file that fixes its size to 1 is read as a network for any number of examples.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from boundcheck.errors import InputError
from boundcheck.networks.modules import Reshape
from boundcheck.networks.onnx_layers import LAYERS, Refused, Settings

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
}
OPERATORS = (*LAYERS, *_ARITHMETIC, "Constant", "Dropout", "Flatten", "Identity", "Reshape", "Transpose")
"""Operators that are read."""

_BATCH = 3  # examples of the probe that finds shapes; odd, so that it is no one's declared batch size


@dataclass(frozen=True, eq=False)
class _Signal:
    """A value that depends on the input: its node in the program, and what it is on a probe."""

    node: fx.Node
    probe: torch.Tensor


def is_onnx(path: str | Path) -> bool:
    """Whether a file calls itself ONNX."""
    return str(path).lower().endswith(".onnx")


def read_onnx(path: str | Path) -> nn.Module:
    """The network of an ONNX file as a torch module, in evaluation mode, for inputs (n, ...).

    Args:
        path: The file, weights inside.

    Raises:
        InputError: The package ``onnx`` is missing, the file can't be read, or it holds what this reader does not know.
    """
    model = _load(path)
    try:
        return _Program(model.graph).module()
    except Refused as reason:
        raise InputError(
            f"an ONNX network made of {', '.join(OPERATORS)}", f"{path} with {reason}", "export the network without it"
        ) from None


def _load(path: str | Path) -> Any:
    try:
        import onnx
    except ImportError:
        raise InputError(
            "the package onnx, which reads ONNX files", "an installation without it", "pip install 'boundcheck[onnx]'"
        ) from None
    if not Path(path).is_file():
        raise InputError("an ONNX file", f"nothing at {str(path)!r}", "check the path")
    try:
        model = onnx.load(str(path), load_external_data=False)
        elsewhere = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
        if not elsewhere:
            onnx.checker.check_model(model)
    except Exception as error:  # broken protocol buffers end in errors of several kinds
        lines = str(error).splitlines() or ["no message"]
        raise InputError(
            "an ONNX file", f"{path}, which can't be read ({type(error).__name__}: {lines[0][:120]})", "export it again"
        ) from None
    if elsewhere:
        raise InputError("an ONNX file with its weights inside", f"{path}, whose weights are elsewhere", "save it as one file")
    return model


class _Program:
    """Builds a traced module node by node; constants stay numpy arrays until a layer takes them."""

    def __init__(self, graph: Any) -> None:
        from onnx import numpy_helper

        self.source = graph
        self.root, self.program = nn.Module(), fx.Graph()
        self.values: dict[str, _Signal | np.ndarray[Any, Any]] = {}
        self.parameters: dict[Any, nn.Parameter] = {}
        for tensor in graph.initializer:
            self.values[tensor.name] = numpy_helper.to_array(tensor)
        inputs = [entry for entry in graph.input if entry.name not in self.values]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise Refused(f"{len(inputs)} inputs and {len(graph.output)} outputs, not one of each")
        self.readers: dict[str, int] = {}
        for node in graph.node:
            for name in node.input:
                self.readers[name] = self.readers.get(name, 0) + 1
        self._open(inputs[0])

    def _open(self, declared: Any) -> None:
        """The input; where it is declared as a column or a row, data of any shape is laid out so."""
        dims = [dim.dim_value for dim in declared.type.tensor_type.shape.dim]
        self.batch, shape = (dims or [0])[0], tuple(dims[1:])
        if not shape or min(shape) < 1:
            raise Refused(f"an input of shape {dims}, where every axis but the first has to have a size")
        node, probe = self.program.placeholder("x"), torch.zeros((_BATCH, *shape))
        self.input = _Signal(node, probe)
        if sum(size > 1 for size in shape) <= 1:
            self.input = self.call("as_declared", Reshape(shape), self.input)
        self.values[declared.name] = self.input

    def module(self) -> nn.Module:
        """The whole network."""
        for index, node in enumerate(self.source.node):
            self._read(node, index)
        output = self.values.get(self.source.output[0].name)
        if not isinstance(output, _Signal):
            raise Refused("an output that does not depend on the input")
        self.program.output(output.node)
        return fx.GraphModule(self.root, self.program).eval()

    def _read(self, node: Any, index: int) -> None:
        from onnx import helper

        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
            raise Refused(f"the operator {node.op_type}")
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        inputs = [self.values[name] for name in node.input if name]
        if len([name for name in node.output if name]) != 1:
            raise Refused(f"{node.op_type} with several outputs")
        name = self._name(node, index)
        self.values[node.output[0]] = self._value(node, name, inputs, attributes)

    def _value(self, node: Any, name: str, inputs: list[Any], attributes: dict[str, Any]) -> _Signal | np.ndarray[Any, Any]:
        kind = node.op_type
        if kind == "Constant":
            return _constant(attributes)
        if not any(isinstance(value, _Signal) for value in inputs):
            return self._folded(node, inputs)
        if kind in _ARITHMETIC:
            return self._arithmetic(node, name, inputs)
        first, *rest = inputs
        if not isinstance(first, _Signal) or any(isinstance(value, _Signal) for value in rest):
            raise Refused(f"{kind} of a constant and a signal in this order, or of two signals")
        if kind == "Identity":
            return first
        if kind == "Dropout":
            if len(rest) > 1 and bool(np.any(rest[1])):
                raise Refused("Dropout in training mode")
            return first
        if kind == "Transpose":
            return self._transposed(first, attributes)
        if kind in ("Flatten", "Reshape"):
            return self.call(name, Reshape(self._new_shape(kind, first, rest, attributes)), first)
        settings = Settings(kind, attributes, tuple(rest), tuple(n for n in node.input[1:] if n), tuple(first.probe.shape[1:]))
        return self.call(name, LAYERS[kind](settings, self._parameter), first)

    def call(self, name: str, module: nn.Module, signal: _Signal) -> _Signal:
        """A layer on a signal."""
        setattr(self.root, name, module.eval())
        with torch.no_grad():
            try:
                probe = module(signal.probe.to(_dtype(module, signal.probe)))
            except (RuntimeError, ValueError) as error:
                raise Refused(f"{name} on an input of shape {tuple(signal.probe.shape[1:])} ({error})") from None
        return _Signal(self.program.call_module(name, (signal.node,)), probe)

    def _arithmetic(self, node: Any, name: str, inputs: list[Any]) -> _Signal:
        left, right = inputs
        if node.op_type == "Add" and self._is_bias(node, inputs):
            return left if isinstance(left, _Signal) else right
        parts = []
        for value in inputs:
            if isinstance(value, _Signal):
                parts.append((value.node, value.probe))
                continue
            tensor = torch.from_numpy(np.array(value))
            self.root.register_buffer(name, tensor)
            parts.append((self.program.get_attr(name), tensor))
        function = _ARITHMETIC[node.op_type]
        try:
            probe = function(parts[0][1], parts[1][1])
        except RuntimeError:
            raise Refused(f"{node.op_type} that broadcasts a signal") from None
        if probe.shape[0] != _BATCH or not any(isinstance(v, _Signal) and v.probe.shape == probe.shape for v in inputs):
            raise Refused(f"{node.op_type} that broadcasts a signal")
        return _Signal(self.program.call_function(function, (parts[0][0], parts[1][0])), probe)

    def _is_bias(self, node: Any, inputs: list[Any]) -> bool:
        """Whether a sum adds a constant to the product just before it; the product then becomes a layer with this bias."""
        place = 0 if isinstance(inputs[0], _Signal) else 1
        signal, constant = inputs[place], inputs[1 - place]
        if isinstance(constant, _Signal) or self.readers[node.input[place]] != 1 or signal.node.op != "call_module":
            return False
        layer = self.root.get_submodule(str(signal.node.target))
        if not isinstance(layer, nn.Linear) or layer.bias is not None or constant.shape[-1:] != (layer.out_features,):
            return False
        if constant.size != layer.out_features or any(entry.name == node.input[place] for entry in self.source.output):
            return False
        layer.bias = self._parameter(node.input[1 - place], constant.reshape(-1))
        return True

    def _transposed(self, signal: _Signal, attributes: dict[str, Any]) -> _Signal:
        order = list(attributes.get("perm", range(signal.probe.ndim - 1, -1, -1)))
        if order[0] != 0:
            raise Refused("Transpose that moves the batch axis")
        return _Signal(self.program.call_function(torch.permute, (signal.node, order)), signal.probe.permute(order))

    def _new_shape(self, kind: str, signal: _Signal, rest: list[Any], attributes: dict[str, Any]) -> tuple[int, ...]:
        old = tuple(signal.probe.shape[1:])
        size = int(np.prod(old))
        if kind == "Flatten":
            if attributes.get("axis", 1) != 1:
                raise Refused("Flatten that does not keep the first axis")
            return (size,)
        wanted = [int(v) for v in np.asarray(rest[0]).reshape(-1)]
        if attributes.get("allowzero", 0) and 0 in wanted:
            raise Refused("Reshape to a size of zero")
        wanted = [old[i - 1] if v == 0 and 0 < i <= len(old) else v for i, v in enumerate(wanted)]
        if not wanted or wanted[0] not in (-1, 0, self.batch) or 0 in wanted[1:]:
            raise Refused(f"Reshape to {wanted}, which does not keep the first axis")
        shape = wanted[1:]
        if shape.count(-1) == 1 and wanted[0] != -1:
            known = int(np.prod([v for v in shape if v != -1]))
            shape = [size // known if v == -1 else v for v in shape]
        if int(np.prod(shape)) != size or min(shape, default=1) < 1:
            raise Refused(f"Reshape to {wanted} from {old}")
        return tuple(shape)

    def _folded(self, node: Any, inputs: list[Any]) -> np.ndarray[Any, Any]:
        """The value of an operator on constants, as the reference implementation of the format computes it."""
        from onnx.reference import ReferenceEvaluator

        given = dict(zip([name for name in node.input if name], inputs, strict=True))
        (value,) = ReferenceEvaluator(node).run(None, given)
        return np.asarray(value)

    def _parameter(self, name: str, value: np.ndarray[Any, Any]) -> nn.Parameter:
        """One parameter for each constant of the file, however many layers read it."""
        if value.dtype not in (np.float32, np.float64):
            raise Refused(f"weights of type {value.dtype}")
        tensor = torch.from_numpy(np.array(value, order="C"))
        known = self.parameters.setdefault((name, tuple(value.shape)), nn.Parameter(tensor.clone()))
        return known if torch.equal(known.detach(), tensor) else nn.Parameter(tensor)

    def _name(self, node: Any, index: int) -> str:
        """A name for a layer: that of its weights in the file where it has one."""
        weights = [name for name in node.input[1:] if name.endswith("weight")]
        stem = weights[0].removesuffix("weight").rstrip(".") if weights else node.op_type.lower()
        name = re.sub(r"\W", "_", stem) or node.op_type.lower()
        return name if weights and not hasattr(self.root, name) and name.isidentifier() else f"{node.op_type.lower()}_{index}"


def _constant(attributes: dict[str, Any]) -> np.ndarray[Any, Any]:
    from onnx import numpy_helper

    if "value" in attributes:
        return numpy_helper.to_array(attributes["value"])
    for name, kind in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if name in attributes:
            return np.asarray(attributes[name], dtype=kind)
    raise Refused(f"a Constant with {', '.join(attributes)}")


def _dtype(module: nn.Module, signal: torch.Tensor) -> torch.dtype:
    return next((p.dtype for p in module.parameters()), signal.dtype)
