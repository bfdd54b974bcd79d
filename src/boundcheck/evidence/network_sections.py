"""Sections of the evidence that a network and its samples have as they are: one function each, named after its section."""

from __future__ import annotations

from typing import Any

import numpy as np

from boundcheck.evidence.measure_hidden_units import measure_hidden_units
from boundcheck.evidence.measure_patches import measure_patches
from boundcheck.evidence.record import Inputs, Precision, Structure
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.fusing import compared_buffers, learned_buffers
from boundcheck.networks.graph import Graph
from boundcheck.networks.growth import growth_layers
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.norms import layer_norms, two_layer_norm
from boundcheck.networks.path import path_norm
from boundcheck.networks.wiring import graph_steps
from boundcheck.runs.measurement import Measurement


def precision(m: Measurement) -> Precision:
    """Bits of every number in the network that training could change."""
    numbers: dict[str, int] = {}
    bits = 0
    tensors = [*m.run.network.parameters(), *learned_buffers(m.run.network, m.run.reference).values()]
    for tensor in tensors:
        kind = str(tensor.dtype).removeprefix("torch.")
        numbers[kind] = numbers.get(kind, 0) + tensor.numel()
        bits += tensor.numel() * tensor.element_size() * 8
    parts = [f"{count} {kind}" for kind, count in numbers.items()]
    flags = compared_buffers(m.run.network, m.run.reference)
    if flags:
        parts.append(f"{flags} bits that say which buffers changed")
    return Precision(bits + flags, " + ".join(parts))


def structure(m: Measurement) -> Structure:
    """The shape of the network."""
    graph, chain = m.graph, m.graph.chain()
    return Structure(
        chain=tuple(stage.layer.name for stage in chain.stages),
        why_no_chain=chain.reason,
        unplaced=tuple(f"{name}: {reason}" for name, reason in graph.unplaced),
        has_bias=graph.has_bias,
        has_skip=graph.has_skip,
        has_max_pool=graph.has_max_pool,
        elementwise=graph.slopes,
        lowered=m.train_margins.lowered,
        steps=() if chain.reason is None or graph.unplaced else graph_steps(graph),
    )


def margins(m: Measurement) -> tuple[float, ...]:
    """Margins on the training sample, from below."""
    if not m.train_margins.lowered:
        raise Unavailable(f"margins can't be rounded down: {_unplaced(m.graph)}")
    return tuple(m.train_margins.values.tolist())


def relative_margins(m: Measurement) -> tuple[float, ...]:
    """Margins over the norms of their inputs, from below."""
    values = np.asarray(margins(m))
    norms = m.run.train.row_norms
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nextafter(values / norms, -np.inf)
    # A norm from above lowers a positive ratio only; a margin that is not positive is an error at any scale.
    usable = (values > 0.0) & (norms > 0.0) & np.isfinite(ratio)
    return tuple(np.where(usable, ratio, -np.inf).tolist())


def inputs(m: Measurement) -> Inputs:
    """Norms of the matrix of inputs, from above."""
    radius = m.problem.input_radius
    m.progress("norms of the inputs", 0.0)
    plain, augmented = m.run.train.matrix_norms
    # Coordinates were held against the domain when the data was read; the slack covers what row_norms rounds up.
    outside = 0 if radius is None else int((m.run.train.row_norms > radius * (1.0 + 1e-12)).sum())
    return Inputs(
        frobenius=plain.frobenius,
        spectral=plain.spectral,
        frobenius_augmented=augmented.frobenius,
        spectral_augmented=augmented.spectral,
        max_column_square=plain.max_column_square_sum,
        outside_radius=outside,
    )


def layers(m: Measurement) -> Any:
    """Norms of each affine layer."""
    if m.graph.unplaced:
        raise Unavailable(_unplaced(m.graph))
    if m.reference_graph is not None and m.reference_graph.unplaced:
        raise Unavailable(f"of the reference: {_unplaced(m.reference_graph)}")
    return layer_norms(m.graph, m.reference_graph)


def two_layer(m: Measurement) -> Any:
    """The norm of the two last layers."""
    return _or_unavailable(two_layer_norm(m.graph))


def hidden_units(m: Measurement) -> Any:
    """How far the units of a two-layer network went from where they started."""
    return measure_hidden_units(m.graph, m.reference_graph)


def patches(m: Measurement) -> Any:
    """A chain of convolutions, patch by patch."""
    return measure_patches(m.graph, m.run.train.x)


def path(m: Measurement) -> Any:
    """The path norm."""
    return _or_unavailable(path_norm(m.graph, nonnegative_input=m.problem.nonnegative))


def growth(m: Measurement) -> Any:
    """Levels of sign tests."""
    if isinstance(m.run.network, Memorizer):
        return m.run.network.growth_layers()
    return _or_unavailable(growth_layers(m.graph))


def geometry(m: Measurement) -> Any:
    """How the network lies around its initial weights and acts on the sample."""
    from boundcheck.evidence.measure_geometry import measure_geometry

    return measure_geometry(m.graph, m.reference_graph, m.run.train.x, m.run.train.y, seed=m.seed, effort=m.effort)


def flatness(m: Measurement) -> Any:
    """How far the weights can be moved."""
    from boundcheck.evidence.measure_flatness import measure_flatness

    return measure_flatness(m.graph, m.reference_graph, m.run.train.x, m.run.train.y, seed=m.seed, effort=m.effort)


def kernel(m: Measurement) -> Any:
    """The norm of a kernel predictor, which no network is."""
    raise Unavailable("the network is not a kernel predictor")


def _unplaced(graph: Graph) -> str:
    name, reason = graph.unplaced[0]
    return f"{name}: {reason}"


def _or_unavailable(found: Any) -> Any:
    if isinstance(found, str):
        raise Unavailable(found)
    return found
