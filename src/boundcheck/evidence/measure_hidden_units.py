"""Measure how far the units of a two-layer network went from where they started."""

from __future__ import annotations

import math

import numpy as np

from boundcheck.evidence.hidden_units import HiddenUnits, distance_up
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.graph import Graph, Node, is_fixed
from boundcheck.networks.ops import PASSING, Array, Dense, LeakyRelu, Relu, Reshape
from boundcheck.numerics.centring import centred_above
from boundcheck.numerics.error_terms import above
from boundcheck.numerics.norms import column_norms, frobenius_norm, row_norms, sum_above
from boundcheck.numerics.spectral import spectral_norm


def measure_hidden_units(graph: Graph, reference: Graph | None) -> HiddenUnits:
    """The record of a network of two dense layers with an activation between them.

    Args:
        graph: Its canonical graph.
        reference: The graph of the reference weights; zero weights where it is None.

    Raises:
        Unavailable: The network is of another kind, or the reference is.
    """
    hidden, last = _two_dense(graph)
    start = None if reference is None else _two_dense(reference)[0]
    joined = _joined(hidden)
    initial = np.zeros_like(joined) if start is None else _joined(start)
    if initial.shape != joined.shape:
        raise Unavailable(f"the reference of the hidden layer has the shape {initial.shape}, not {joined.shape}")
    leaving = column_norms(centred_above(last.weight))
    constant = 0.0 if last.bias is None else frobenius_norm(centred_above(last.bias))
    distances = np.asarray(above(row_norms(joined - initial), 1))  # each entry of the difference is off by one rounding
    one = 1.0 if graph.has_bias else 0.0
    return HiddenUnits(
        units=len(joined),
        last=frobenius_norm(np.append(leaving, constant)),
        distance=frobenius_norm(distances),
        initial=frobenius_norm(np.append(row_norms(initial), one)),
        initial_spectral=above(math.hypot(spectral_norm(initial), one), 2),
        initial_sum=sum_above([*np.asarray(above(leaving * row_norms(initial), 1)).tolist(), constant]),
        distance_sum=sum_above(
            above(v * distance_up(d), 1) if v > 0.0 else 0.0 for v, d in zip(leaving.tolist(), distances.tolist(), strict=True)
        ),
    )


def _two_dense(graph: Graph) -> tuple[Dense, Dense]:
    """The two layers with parameters; whatever stands before them was fixed before the data and is linear."""
    chain = graph.chain()
    if chain.reason is not None:
        raise Unavailable(chain.reason)
    stages = list(chain.stages)
    while stages and is_fixed(stages[0].layer.op):
        if any(not isinstance(step.op, PASSING) for step in stages[0].steps):
            raise Unavailable(f"an activation or a pool follows {stages[0].layer.name}, which has no parameters")
        stages.pop(0)
    if len(stages) != 2:
        raise Unavailable(f"the network has {len(stages)} layers with parameters, not two")
    steps = stages[0].steps
    for step in steps:
        if not isinstance(step.op, (Relu, LeakyRelu, *PASSING)) or (isinstance(step.op, Reshape) and step.op.permutation):
            raise Unavailable(f"{step.name} between the two layers is no activation")
    if sum(isinstance(step.op, (Relu, LeakyRelu)) for step in steps) > 1:
        raise Unavailable("several activations stand between the two layers")
    return _dense(stages[0].layer), _dense(stages[1].layer)


def _dense(node: Node) -> Dense:
    if not isinstance(node.op, Dense) or len(node.shape) != 1:
        raise Unavailable(f"{node.name} is not a dense layer on the whole signal")
    return node.op


def _joined(layer: Dense) -> Array:
    """The weights with the bias as one more column."""
    bias = np.zeros(len(layer.weight)) if layer.bias is None else layer.bias
    return np.column_stack([layer.weight, bias])
