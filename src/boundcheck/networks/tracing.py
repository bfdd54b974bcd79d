"""Reads the canonical graph off any torch module, by symbolic tracing.

The module is copied, put into evaluation mode and into float64; every leaf module and every function call becomes
one node. What can't be placed becomes a node with its reason, and a module that can't be traced at all becomes a graph
of one such node: tracing never fails, it says what it could not do.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import fx, nn

from boundcheck.networks import ops
from boundcheck.networks.folding import fold_batch_norms
from boundcheck.networks.graph import Graph, ModuleEntry, Node
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.modules import Normalize, Reshape
from boundcheck.networks.reader import BATCH, Reader


class _Tracer(fx.Tracer):
    """Looks into every module except torch's own and the few that are judged as a whole."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (Normalize, Reshape, Memorizer)) or super().is_leaf_module(m, module_qualified_name)


class _Recorder(fx.Interpreter):
    """Runs the traced program once and keeps the shape of every tensor (the program never sees real data)."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, torch.Tensor):
            self.shapes[n.name] = tuple(result.shape)
        return result


def trace(module: nn.Module, input_shape: tuple[int, ...]) -> Graph:
    """The canonical graph of a module in evaluation mode, batch normalizations folded.

    Args:
        module: Any network; it is not changed.
        input_shape: Shape of one example.

    Returns:
        The graph. Where the module can't be traced (control flow that depends on the data, several inputs or
        outputs), one node that says so.
    """
    shape = tuple(int(n) for n in input_shape)
    if _Tracer().is_leaf_module(module, ""):
        module = nn.Sequential(module)  # a single layer is a network with one node
    with warnings.catch_warnings():
        # What torch warns of when a module runs, it will say again when the user runs it.
        warnings.simplefilter("ignore")
        return _traced(module, shape)


def _traced(module: nn.Module, shape: tuple[int, ...]) -> Graph:
    """The canonical graph, or the graph of one node with the reason why there is none."""
    try:
        double = copy.deepcopy(module).cpu().double().eval()
        if double._forward_hooks or double._forward_pre_hooks:
            return _unplaced_whole(module, shape, "the network has forward hooks, which may change what it computes")
        traced = _Tracer().trace(double)
        recorder = _Recorder(fx.GraphModule(double, traced))
        with torch.no_grad():
            recorder.run(torch.zeros((BATCH, *shape), dtype=torch.float64))
        nodes, output, outcomes = Reader(double, traced, recorder.shapes, shape).read()
    except Exception as error:  # whatever a user's module raises becomes a sentence
        return _unplaced_whole(module, shape, f"can't be traced: {_first_line(error)}")
    graph = Graph(nodes, output, shape, ())
    graph, folded = fold_batch_norms(graph)
    graph = Graph(graph.nodes, graph.output, shape, _entries(module, outcomes | folded))
    return _checked(double, graph)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def _unplaced_whole(module: nn.Module, shape: tuple[int, ...], reason: str) -> Graph:
    """A graph of one node that says why nothing is known about the network's inside."""
    nodes = (
        Node("input", ops.Input(), (), shape),
        Node("network", ops.Unplaced(f"{type(module).__name__} {reason}"), ("input",), ()),
    )
    return Graph(nodes, "network", shape, _entries(module, {"": reason}))


def _entries(module: nn.Module, outcomes: dict[str, str]) -> tuple[ModuleEntry, ...]:
    """One entry per module: what was made of it, or how it took part without an operation of its own."""
    entries = []
    for path, child in module.named_modules():
        has_inner = any(True for _ in child.children())
        inherited = next((path[:i] for i in range(len(path)) if path[i : i + 1] == "." and path[:i] in outcomes), None)
        if path in outcomes:
            outcome = outcomes[path]
        elif inherited is not None:
            outcome = f"part of {inherited}"
        elif "" in outcomes:
            outcome = "not reached: the network as a whole can't be traced"
        elif has_inner or not path or _uses_below(path, outcomes):
            outcome = "looked into"
        else:
            outcome = "not used by the network's forward pass"
        entries.append(ModuleEntry(path, type(child).__name__, outcome))
    return tuple(entries)


def _uses_below(path: str, outcomes: dict[str, str]) -> bool:
    return any(name.startswith(path + ".") for name in outcomes)


def _checked(module: nn.Module, graph: Graph) -> Graph:
    """The graph, if on random inputs it computes what the module computes; else a graph that says that it doesn't.

    A guard against what tracing can't see, such as a parametrization with side effects. The tolerance, 1e-6 of what
    the network computes with absolute values in place of all weights, is far above the rounding of float64 and far
    below any misreading.
    """
    from boundcheck.networks.interpreter import absolute_forward, forward

    if graph.unplaced:
        return graph
    x = torch.randn((BATCH, *graph.input_shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        wanted = module(x).reshape(BATCH, -1)
        got = forward(graph, x).reshape(BATCH, -1)
        size = absolute_forward(graph, x.abs()).reshape(BATCH, -1)
    if bool(((wanted - got).abs() > 1e-6 * size).any()):
        return _unplaced_whole(module, graph.input_shape, "computes something else than its traced operations do")
    return graph
