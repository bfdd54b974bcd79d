"""From the nodes of a traced program to the nodes of the canonical graph."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F  # noqa: N812

from boundcheck.networks import ops
from boundcheck.networks.convert import CHANGES_IN_PLACE, VIEWS, array, from_module, module_of_call
from boundcheck.networks.graph import Node

# Three examples, so that an axis of length 1 can't be taken for the batch.
BATCH = 3

ADDITIONS = {operator.add, operator.iadd, torch.add, "add", "add_"}
SUBTRACTIONS = {operator.sub, operator.isub, torch.sub, "sub", "sub_"}
PRODUCTS = {operator.mul, operator.imul, torch.mul, "mul", "mul_"}
QUOTIENTS = {operator.truediv, operator.itruediv, torch.div, "div", "div_"}
ARITHMETIC = ADDITIONS | SUBTRACTIONS | PRODUCTS | QUOTIENTS
IN_PLACE_OPERATORS = {operator.iadd, operator.isub, operator.imul, operator.itruediv}
RESHAPES = {torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze, "flatten", "reshape", "view", "squeeze",
            "unsqueeze", "unflatten"}  # fmt: skip
PASSING = {"contiguous", "clone", torch.clone}
SIZES = {getattr, operator.getitem, operator.mul, operator.floordiv, operator.add, operator.sub, operator.neg,
         math.prod, "size", "dim", "numel"}  # fmt: skip
CONCATENATIONS = {torch.cat, torch.concat, torch.concatenate}
DROPOUTS = {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, torch.dropout}


class Reader:
    """Reads one traced program.

    Args:
        module: The module in evaluation mode and float64.
        program: What it does, symbolically.
        shapes: Shape of every tensor of the program, batch axis included.
        input_shape: Shape of one example.
    """

    def __init__(
        self, module: nn.Module, program: fx.Graph, shapes: dict[str, tuple[int, ...]], input_shape: tuple[int, ...]
    ) -> None:
        self.module, self.program, self.shapes, self.input_shape = module, program, shapes, input_shape
        self.nodes: list[Node] = []
        self.names: dict[str, str] = {}
        self.outcomes: dict[str, str] = {}
        self.uses: dict[str, int] = {}
        self.order = {node.name: index for index, node in enumerate(program.nodes)}

    def read(self) -> tuple[tuple[Node, ...], str, dict[str, str]]:
        """The nodes, the name of the output, and what was made of each module.

        Raises:
            ValueError: If the network has several inputs or outputs.
        """
        output = None
        for node in self.program.nodes:
            if node.op == "output":
                output = node.args[0]
            elif node.op == "placeholder":
                self._read_input(node)
            elif node.op != "get_attr":
                self._read_call(node)
        if not isinstance(output, fx.Node) or output.name not in self.names:
            raise ValueError("it returns something else than one tensor computed from its input")
        return self._reachable(self.names[output.name]), self.names[output.name], self.outcomes

    def _reachable(self, output: str) -> tuple[Node, ...]:
        """The nodes that the output depends on, and the input."""
        needed = {output}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return tuple(node for node in self.nodes if node.name in needed or isinstance(node.op, ops.Input))

    def _read_input(self, node: fx.Node) -> None:
        if self.nodes:
            if node.args:  # an optional argument, left at its default
                return
            raise ValueError("it has several inputs")
        self.nodes.append(Node("input", ops.Input(), (), self.input_shape))
        self.names[node.name] = "input"

    def _read_call(self, node: fx.Node) -> None:
        """Adds the node of one call of a module, function or method."""
        shape = self.shapes.get(node.name)
        signals = [a for a in node.all_input_nodes if a.name in self.names]
        if shape is None and node.op != "call_module" and node.target in SIZES:
            return
        is_module = node.op == "call_module"
        name = self._name(str(node.target) if is_module else node.name)
        op = self._op(node, shape, signals)
        if not isinstance(op, ops.Unplaced) and (shape is None or shape[:1] != (BATCH,)):
            op = ops.Unplaced("does not keep one row per example")
        if not isinstance(op, ops.Unplaced) and self._overwrites(node):
            op = ops.Unplaced("changes in place a signal that is used again")
            if not node.users:  # nothing reads its result, so that the graph would not show it
                raise ValueError(f"{_called(node.target)} changes in place a signal that is used again")
        inputs = tuple(self.names[a.name] for a in signals)
        if isinstance(op, ops.Add):
            inputs = tuple(self.names[a.name] for a in node.args[:2] if isinstance(a, fx.Node))
        if isinstance(op, ops.Concatenation):
            inputs = tuple(self.names[a.name] for a in _listed(node))
        if isinstance(op, _MeanThenReshape):
            self.nodes.append(Node(f"{name}.pool", op.pool, inputs, op.shape))
            op, inputs = ops.Reshape(), (f"{name}.pool",)
        self.nodes.append(Node(name, op, inputs, () if shape is None else shape[1:]))
        self.names[node.name] = name
        if is_module:
            said = f"can't be placed: {op.reason}" if isinstance(op, ops.Unplaced) else type(op).__name__.lower()
            before = self.outcomes.get(str(node.target))
            self.outcomes[str(node.target)] = said if before is None else f"{before}; used again as {name}"

    def _name(self, wanted: str) -> str:
        self.uses[wanted] = self.uses.get(wanted, 0) + 1
        return wanted if self.uses[wanted] == 1 else f"{wanted}#{self.uses[wanted]}"

    def _op(self, node: fx.Node, shape: tuple[int, ...] | None, signals: list[fx.Node]) -> Any:
        """The operation of one call."""
        target = node.target
        first = node.args[0] if node.args else None
        if shape is not None and node.op == "call_function" and target in CONCATENATIONS:
            return self._concatenation(node, shape)
        if shape is None or not isinstance(first, fx.Node):
            return ops.Unplaced(f"{_called(target)}, whose result is no tensor or whose input is none")
        if node.op != "call_module" and target in ARITHMETIC:
            return self._arithmetic(node, shape)
        if len(signals) != 1 or first is not signals[0]:
            return ops.Unplaced(f"{_called(target)} of {len(signals)} signals")
        before = self.shapes[first.name][1:]
        if node.op == "call_module":
            return from_module(self.module.get_submodule(str(target)), str(target), before)
        if target in RESHAPES:
            return ops.Reshape()
        if target in PASSING:
            return ops.Identity()
        if target in DROPOUTS:
            return ops.Identity() if _argument(node, 2, "training") is False else ops.Unplaced("dropout at all times")
        if target in {torch.permute, torch.transpose, "permute", "transpose"}:
            return _permutation(node, len(before) + 1)
        if target in {torch.mean, "mean"}:
            return _mean(node, before)
        try:
            module = module_of_call(target, tuple(node.args[1:]), node.kwargs)
        except TypeError:
            module = None
        return from_module(module, "", before) if module is not None else ops.Unplaced(_called(target))

    def _arithmetic(self, node: fx.Node, shape: tuple[int, ...]) -> ops.Op:
        """A sum of two signals, or a signal with a constant added, subtracted, multiplied or divided."""
        if node.kwargs or len(node.args) != 2:
            return ops.Unplaced(f"{_called(node.target)} with options")
        left, right = (a.name in self.names if isinstance(a, fx.Node) else False for a in node.args)
        if left and right:
            same = all(self.shapes[a.name] == shape for a in node.args if isinstance(a, fx.Node))
            if node.target in ADDITIONS and same:
                return ops.Add()
            return ops.Unplaced(f"{_called(node.target)} of two signals")
        constant, fixed = self._constant(node.args[1] if left else node.args[0], len(shape) - 1)
        if constant is None or (not left and node.target in QUOTIENTS):
            return ops.Unplaced(f"{_called(node.target)} with something that is no constant of the network")
        sign = -1.0 if not left and node.target in SUBTRACTIONS else 1.0
        scale, shift = np.full_like(constant, sign), np.zeros_like(constant)
        if node.target in ADDITIONS:
            shift = constant
        elif node.target in SUBTRACTIONS:
            shift = -sign * constant
        else:
            scale = constant if node.target in PRODUCTS else 1.0 / constant
        return ops.Scale(scale, shift, node.name, fixed)

    def _concatenation(self, node: fx.Node, shape: tuple[int, ...]) -> ops.Op:
        """Two or more signals beside each other, along an axis of an example."""
        parts, axis = _listed(node), _argument(node, 1, "dim")
        placed = len(parts) > 1 and all(part.name in self.names for part in parts)
        if not placed or not isinstance(axis, int) or len(node.args) + len(node.kwargs) > 2:
            return ops.Unplaced(f"{_called(node.target)} of something else than two or more signals along a known axis")
        axis %= len(shape)
        if axis == 0:
            return ops.Unplaced(f"{_called(node.target)} of examples")
        return ops.Concatenation(axis - 1)

    def _constant(self, value: Any, rank: int) -> tuple[ops.Array | None, bool]:
        """A constant with one axis per axis of an example, and whether it is a literal in the program."""
        if isinstance(value, (int, float)):
            return np.full((1,) * rank, float(value)), True
        if not isinstance(value, fx.Node) or value.op != "get_attr":
            return None, False
        found: Any = self.module
        for part in str(value.target).split("."):
            found = getattr(found, part)
        if not isinstance(found, torch.Tensor) or found.ndim > rank + 1:
            return None, False
        numbers = array(found)
        if numbers.ndim == rank + 1:
            if numbers.shape[0] != 1:
                return None, False
            numbers = numbers[0]
        return numbers.reshape((1,) * (rank - numbers.ndim) + numbers.shape), False

    def _overwrites(self, node: fx.Node) -> bool:
        """Whether the call changes its first argument in place while an older name of it is read later."""
        if not self._in_place(node):
            return False
        changed = node.args[0]
        aliases = {changed.name} if isinstance(changed, fx.Node) else set()
        views = [n for n in self.program.nodes if n.op.startswith("call") and n is not node and self._is_view(n)]
        pairs = [{n.name, *(a.name for a in n.all_input_nodes[:1])} for n in views]
        for _ in pairs:  # names of the same memory, forwards and backwards through views
            for pair in pairs:
                aliases |= pair if pair & aliases else set()
        here = self.order[node.name]
        for other in self.program.nodes:
            reads_old = any(a.name in aliases and self.order[a.name] < here for a in other.all_input_nodes)
            if self.order[other.name] > here and reads_old:
                return True
        return False

    def _in_place(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return bool(getattr(self.module.get_submodule(str(node.target)), "inplace", False))
        in_place = node.target in CHANGES_IN_PLACE or node.target in IN_PLACE_OPERATORS
        return in_place or node.kwargs.get("inplace") is True or (node.target is F.relu and True in node.args[1:])

    def _is_view(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            module = self.module.get_submodule(str(node.target))
            return isinstance(module, VIEWS) or self._in_place(node)
        permutes = {torch.permute, torch.transpose, "permute", "transpose"}
        return node.target in RESHAPES | PASSING | DROPOUTS | permutes or self._in_place(node)


class _MeanThenReshape:
    """A mean over all positions: a global average pool, and a reshape where the axes are dropped."""

    def __init__(self, pool: ops.AdaptiveAveragePool, shape: tuple[int, ...]) -> None:
        self.pool, self.shape = pool, shape


def _called(target: Any) -> str:
    return f"the call of {target if isinstance(target, str) else getattr(target, '__name__', str(target))}"


def _listed(node: fx.Node) -> list[fx.Node]:
    """The parts of a concatenation, in order and as often as they are read; none where any is no node of the program."""
    parts = node.args[0] if node.args else None
    whole = isinstance(parts, (tuple, list)) and all(isinstance(part, fx.Node) for part in parts)
    return [part for part in parts if isinstance(part, fx.Node)] if whole and isinstance(parts, (tuple, list)) else []


def _argument(node: fx.Node, index: int, name: str) -> Any:
    return node.args[index] if len(node.args) > index else node.kwargs.get(name)


def _permutation(node: fx.Node, rank: int) -> ops.Op:
    args = tuple(node.args[1:])
    if node.kwargs:
        return ops.Unplaced(f"{_called(node.target)} with named arguments")
    order = list(range(rank))
    if node.target in {torch.transpose, "transpose"}:
        a, b = (int(str(v)) % rank for v in args)
        order[a], order[b] = order[b], order[a]
    else:
        listed = args[0] if isinstance(args[0], (tuple, list)) else args
        order = [int(str(v)) % rank for v in listed]
    if order[0] != 0:
        return ops.Unplaced("moves the batch axis")
    return ops.Reshape(tuple(axis - 1 for axis in order[1:]))


def _mean(node: fx.Node, before: tuple[int, ...]) -> Any:
    dims = _argument(node, 1, "dim")
    listed = list(dims) if isinstance(dims, (tuple, list)) else [dims]
    if any(not isinstance(d, int) for d in listed) or _argument(node, 3, "dtype") is not None:
        return ops.Unplaced("a mean with unusual arguments")
    wanted = sorted(int(d) % (len(before) + 1) for d in listed)
    if wanted != list(range(2, len(before) + 1)) or not wanted or len(before) > 4:
        return ops.Unplaced("a mean over other axes than all positions")
    count = len(before) - 1
    return _MeanThenReshape(ops.AdaptiveAveragePool((1,) * count), (before[0], *(1,) * count))
