"""Measure the geometry of a network: what measures read and no theorem does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812

from boundcheck.evidence.geometry import Geometry
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.graph import Graph, Node, weight_of
from boundcheck.networks.interpreter import Weights, evaluate, linear, numbers_per_example
from boundcheck.networks.operator_norms import spectral
from boundcheck.networks.ops import Convolution, Dense, Scale
from boundcheck.networks.reweighted import Reweighted, cost, trained_layers

_PRODUCTS = {"quick": 2.0**29, "full": 2.0**36}
"""Products that one pass over the rows may take: a few tenths of a second when quick."""
_ROWS = (16, 1024)
_BYTES = 2**26


def measure_geometry(
    graph: Graph, reference: Graph | None, x: NDArray[Any], y: NDArray[np.int64], *, seed: int, effort: str
) -> Geometry:
    """The record of a network on some rows of its training sample.

    Args:
        graph: Its canonical graph.
        reference: The graph of the initial weights, if they are known.
        x: Training inputs (n, ...).
        y: Training labels (n,).
        seed: Seed of the choice of rows.
        effort: ``quick`` or ``full``: how many rows are looked at.

    Raises:
        Unavailable: A part of the network can't be placed, or the network is too large for the effort.
    """
    for each in (graph, reference):
        if each is not None and each.unplaced:
            name, reason = each.unplaced[0]
            raise Unavailable(f"{name}: {reason}")
    layers = trained_layers(graph)
    if not layers:
        raise Unavailable("the network has no trained weights")
    count = max(int(_PRODUCTS[effort] / cost(graph)), _ROWS[0])
    if count * cost(graph) > 4.0 * _PRODUCTS[effort]:
        raise Unavailable(f"derivatives of a network of this size take longer than effort {effort} allows")
    rows = sample_rows(len(x), min(count, _ROWS[1] if effort == "quick" else len(x)), seed)
    fisher_rao, gains = _on_rows(graph, x[rows], y[rows])
    return Geometry(
        rows=len(rows),
        difference_spectral=None if reference is None else {n.name: _distance(graph, n, reference) for n in layers},
        log_squared_path=_log_squared_path(graph),
        last_row_norm=_last_row_norm(layers[-1]),
        fisher_rao=fisher_rao,
        least_gain=gains,
    )


def sample_rows(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Rows drawn without replacement, in order; all where there are no more."""
    if count >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=count, replace=False))


def _distance(graph: Graph, node: Node, reference: Graph) -> float:
    """Operator norm of a layer's difference to the initial weights, on its true input."""
    op, shape = node.op, graph.by_name[node.inputs[0]].shape
    delta = weight_of(op) - weight_of(reference.by_name[node.name].op)
    if isinstance(op, Scale):
        return spectral(dataclasses.replace(op, scale=delta), shape)
    if isinstance(op, (Dense, Convolution)):
        return spectral(dataclasses.replace(op, weight=delta), shape)
    raise TypeError(f"{node.name} has no weights")


def _last_row_norm(node: Node) -> float:
    weight = weight_of(node.op)
    return float(np.linalg.norm(weight.reshape(len(weight), -1), axis=1).max())


def _log_squared_path(graph: Graph) -> float:
    """Logarithm of the summed outputs of the network with squared weights on the all-ones input."""
    squared = Weights(graph, absolute=False)
    squared.tensors = {name: (w.square(), None if b is None else b.square()) for name, (w, b) in squared.tensors.items()}
    with torch.no_grad():
        total = float(evaluate(graph, torch.ones((1, *graph.input_shape), dtype=torch.float64), squared).sum())
    if not 0.0 < total < math.inf:
        raise Unavailable(f"the squared path norm is {total:g} in floating point")
    return math.log(total)


def _on_rows(graph: Graph, x: NDArray[Any], y: NDArray[np.int64]) -> tuple[float, dict[str, float]]:
    """Mean square of the derivative of the loss along the weights, and the least gain of every layer."""
    network = Reweighted(graph, torch.float64)
    tensors = network.tensors()
    gains: dict[str, float] = {node.name: math.inf for node in trained_layers(graph)}
    chunk = max(1, _BYTES // (16 * numbers_per_example(graph)))
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(x), chunk):
            batch = torch.from_numpy(np.ascontiguousarray(x[start : start + chunk], dtype=np.float64))
            labels = torch.from_numpy(np.ascontiguousarray(y[start : start + chunk]))
            total += float(_slopes(network, tensors, batch, labels).square().sum())
            plain = network.rule(tensors)

            def watched(node: Node, inputs: Sequence[torch.Tensor], plain: Weights = plain) -> torch.Tensor:
                if node.name in gains:
                    gains[node.name] = min(gains[node.name], _least_gain(node, plain, inputs[0]))
                return plain(node, inputs)

            network.forward(tensors, batch, watched)
    # A layer that only ever met the zero signal has no gain to speak of.
    return total / len(x), {name: gain for name, gain in gains.items() if gain < math.inf}


def _slopes(network: Reweighted, tensors: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """For each example the derivative at t = 0 of its cross-entropy at the weights (1 + t) w.

    The derivative of the sum of c_i loss_i along the weights is linear in c; its gradient in c is what is asked for.
    """
    with torch.enable_grad():
        weights = [t.detach().requires_grad_(True) for t in tensors]
        outputs = network.forward(weights, x)
        if outputs.shape[1] == 1:
            losses = F.binary_cross_entropy_with_logits(outputs[:, 0], y.to(outputs.dtype), reduction="none")
        else:
            losses = F.cross_entropy(outputs, y, reduction="none")
        each = torch.ones_like(losses, requires_grad=True)
        gradients = torch.autograd.grad(losses, weights, grad_outputs=each, create_graph=True)
        along = torch.stack([(g * w.detach()).sum() for g, w in zip(gradients, weights, strict=True)]).sum()
        return torch.autograd.grad(along, each)[0]


def _least_gain(node: Node, weights: Weights, x: torch.Tensor) -> float:
    """Least |W x| / |x| over the rows whose signal is not zero."""
    image = linear(node.op, weights.tensors[node.name][0], None, x).flatten(1).norm(dim=1)
    size = x.flatten(1).norm(dim=1)
    there = size > 0.0
    return float((image[there] / size[there]).min()) if bool(there.any()) else math.inf
