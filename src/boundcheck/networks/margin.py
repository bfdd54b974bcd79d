r"""Margins from below: evaluated in float64 and lowered by all that rounding can have added.

For a network of L rounding operations on its longest path, each summing at most m products, with unit roundoff u and
:math:`g = (m+4)u / (1 - (m+4)u)`, the computed output differs from the true one by at most
:math:`((1+g)^L - 1) f_{|\theta|}(|x|)`, where :math:`f_{|\theta|}` is the network whose weights and constants are
replaced by their absolute values. By induction over the nodes: let a be the value of a node in the network of
absolute values and E its rounding error in the network itself. A linear node has
:math:`E \le |W| E' + g (|W| |\hat h| + |b|)` with :math:`|\hat h| \le (1+g)^{l-1} a'`, which is
:math:`\le ((1+g)^l - 1) a`; ReLU and the maximum are exact and 1-Lipschitz (a LeakyReLU rounds once, and its Lipschitz
constant multiplies a). Since the network of absolute values has no cancellation, its own computed value is at least
:math:`(1-g)^L` times the true one, so that dividing by it covers its rounding. What underflow loses is covered by a tiny
constant added at every node. A margin is the difference of two outputs and moves by at most twice the error.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks.graph import Graph
from boundcheck.networks.interpreter import Weights, evaluate, largest_fan_in, numbers_per_example, rounding_depth
from boundcheck.networks.ops import Array

Progress = Callable[[int, int], None]
_UNIT = 2.0**-53
_BYTES, _ROWS = 2**27, 1024  # at a time; more rows make no product faster, and take fresh memory each time


@dataclass(frozen=True, eq=False)
class Margins:
    """Margins of a network on a sample, and which of its predictions are errors.

    Attributes:
        values: Shape (n,), float64; minus infinity where any output is not a finite number.
        predictions: Shape (n,), the class with the largest output (the first of several).
        wrong: Shape (n,): errors of the program that was run, float64 for a graph: without a positive margin as computed,
            ties and NaN among them. No rounding error is allowed for here: the program itself is a predictor.
        invalid: Shape (n,): errors whatever the label is, for the largest output is tied or an output is not finite.
        lowered: Whether the values are below the true margins of the network in exact arithmetic. Otherwise they are the
            margins of the program as it runs.
    """

    values: Array
    predictions: npt.NDArray[np.int64]
    wrong: npt.NDArray[np.bool_]
    invalid: npt.NDArray[np.bool_]
    lowered: bool

    @property
    def errors(self) -> int:
        """The number of errors of the program."""
        return int(self.wrong.sum())


def margins(graph: Graph, x: npt.ArrayLike, y: npt.ArrayLike, progress: Progress | None = None) -> Array:
    """The margins alone; see :func:`evaluate_margins`."""
    return evaluate_margins(graph, x, y, progress).values


def evaluate_margins(
    graph: Graph, x: npt.ArrayLike, y: npt.ArrayLike, progress: Progress | None = None, *, lower: bool = True
) -> Margins:
    """Margins of the folded float64 network, each at most the true one.

    Args:
        graph: A graph without unplaced nodes.
        x: Inputs of shape (n, *input_shape), as the network reads them.
        y: Labels of shape (n,), integers below the number of outputs (below 2 for a single output).
        progress: Called with (done, n) after every chunk.
        lower: Whether rounding is allowed for, which is half of the work; without, the margins are those of the program.

    Returns:
        Output of the label minus the largest other output, lowered; for a single output its value with the sign of
        the label (positive for label 1).

    Raises:
        InputError: If shapes or labels don't fit the network, or a node is unplaced.
    """
    if graph.unplaced:
        name, reason = graph.unplaced[0]
        raise InputError("a network all of whose operations are known", f"{name}: {reason}", "use program_margins")
    inputs, labels = _sample(x, y, graph.input_shape, graph.outputs)
    if len(graph.output_shape) > 1:
        raise InputError("one row of outputs per example", f"outputs of shape {graph.output_shape}", "flatten them")
    plain, absolute = Weights(graph, absolute=False), Weights(graph, absolute=True)
    factor = error_factor(rounding_depth(graph), largest_fan_in(graph))
    chunk = max(1, min(_ROWS, _BYTES // (8 * numbers_per_example(graph))))

    def run(rows: npt.NDArray[np.generic]) -> tuple[Array, Array]:
        batch = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float64))
        value = evaluate(graph, batch, plain).reshape(len(rows), -1)
        if not lower:
            return value.numpy(), np.zeros(len(rows))
        size = evaluate(graph, batch.abs(), absolute).reshape(len(rows), -1)
        return value.numpy(), size.amax(dim=1).numpy() * factor

    return _collect(run, inputs, labels, chunk, progress, lowered=lower)


def program_margins(
    module: nn.Module, x: npt.ArrayLike, y: npt.ArrayLike, progress: Progress | None = None, chunk: int = 256
) -> Margins:
    """Margins of a module as it runs, in its own precision: exact for the program, not for the real function.

    Args:
        module: Any network with one output row per example; it is not changed.
        x: Inputs of shape (n, ...), as the network reads them.
        y: Labels of shape (n,).
        progress: Called with (done, n) after every chunk.
        chunk: Examples per batch.

    Returns:
        Margins that are not lowered, since nothing is known about the rounding inside.

    Raises:
        InputError: If the output is no row per example or a label doesn't fit it.
    """
    program = copy.deepcopy(module).eval()
    tensor = next((t for t in program.parameters() if t.is_floating_point()), torch.zeros(()))
    raw = np.asarray(x)
    with torch.no_grad():
        first = program(torch.from_numpy(np.ascontiguousarray(raw[:1])).to(tensor.device, tensor.dtype))
    if not isinstance(first, torch.Tensor) or first.ndim > 2 or first.shape[0] != 1:
        raise InputError("one row of outputs per example", f"{type(first).__name__}", "return a tensor (n, classes)")
    inputs, labels = _sample(raw, y, raw.shape[1:], int(first.numel()))

    def run(rows: npt.NDArray[np.generic]) -> tuple[Array, Array]:
        batch = torch.from_numpy(np.ascontiguousarray(rows)).to(tensor.device, tensor.dtype)
        value = program(batch).reshape(len(rows), -1).double().cpu().numpy()
        return value, np.zeros(len(rows))

    return _collect(run, inputs, labels, chunk, progress, lowered=False)


def error_factor(depth: int, products: int) -> float:
    """What the computed value of the network of absolute values is multiplied by to bound the rounding error.

    Args:
        depth: Rounding operations on the longest path.
        products: Products that one operation sums, at most.

    Returns:
        ``((1+g)^depth - 1) / (1-g)^depth`` rounded up; infinity where it is no small number.
    """
    # Four roundings more than products: the sum with the constant that covers underflow, and what torch may do besides.
    terms = (products + 4) * _UNIT
    if terms * (depth + 1) > 1e-3:
        return math.inf
    g = terms / (1.0 - terms) * (1.0 + 1e-14)
    return math.expm1(depth * math.log1p(g)) / math.exp(depth * math.log1p(-g)) * (1.0 + 1e-12)


def _sample(
    x: npt.ArrayLike, y: npt.ArrayLike, shape: tuple[int, ...], outputs: int
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.int64]]:
    """Checks that a sample fits a network."""
    inputs, labels = np.asarray(x), np.asarray(y)
    if inputs.shape[1:] != tuple(shape) or inputs.ndim == 0:
        raise InputError(f"inputs of shape (n, {', '.join(map(str, shape))})", f"{inputs.shape}", "reshape them")
    if labels.shape != inputs.shape[:1] or labels.dtype.kind not in "iub":
        raise InputError(f"{len(inputs)} integer labels", f"{labels.dtype} of shape {labels.shape}", "check the labels")
    classes = max(outputs, 2)
    if labels.size and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        got = f"labels from {labels.min()} to {labels.max()}"
        raise InputError(f"labels from 0 to {classes - 1}", got, "use a network with one output per class")
    return inputs, labels.astype(np.int64)


def _collect(
    run: Callable[[npt.NDArray[np.generic]], tuple[Array, Array]],
    inputs: npt.NDArray[np.generic],
    labels: npt.NDArray[np.int64],
    chunk: int,
    progress: Progress | None,
    lowered: bool,
) -> Margins:
    """Runs all chunks and puts the margins together."""
    values = np.empty(len(inputs))
    predictions = np.empty(len(inputs), dtype=np.int64)
    wrong, invalid = np.empty(len(inputs), dtype=np.bool_), np.empty(len(inputs), dtype=np.bool_)
    for start in range(0, len(inputs), chunk):
        rows = slice(start, start + chunk)
        with torch.no_grad():
            outputs, errors = run(inputs[rows])
        values[rows] = _margin(outputs, errors, labels[rows], lowered)
        predictions[rows] = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0)
        exact = np.zeros_like(errors)
        wrong[rows] = ~(_margin(outputs, exact, labels[rows], False) > 0)
        invalid[rows] = ~(_margin(outputs, exact, predictions[rows], False) > 0)
        if progress is not None:
            progress(min(start + chunk, len(inputs)), len(inputs))
    return Margins(values, predictions, wrong, invalid, lowered)


def _margin(outputs: Array, errors: Array, labels: npt.NDArray[np.int64], lowered: bool) -> Array:
    """The margins of one chunk, lowered by the errors of its outputs."""
    with np.errstate(invalid="ignore", over="ignore"):
        if outputs.shape[1] == 1:
            value = outputs[:, 0] * np.where(labels == 1, 1.0, -1.0)
            loss = errors
        else:
            rows = np.arange(len(labels))
            others = outputs.copy()
            others[rows, labels] = -np.inf
            value = outputs[rows, labels] - others.max(axis=1)
            loss = 2.0 * errors
        if lowered:  # both subtractions may have rounded up
            value = np.nextafter(np.nextafter(value, -np.inf) - loss, -np.inf)
    good = np.isfinite(outputs).all(axis=1) & np.isfinite(value) & np.isfinite(errors)
    result: Array = np.where(good, value, -np.inf)
    return result
