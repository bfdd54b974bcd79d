"""The norms of every layer with weights, as the theorems ask for them; all from above where not said otherwise."""

from __future__ import annotations

import math

import numpy as np

from boundcheck.errors import InputError
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import TwoLayer
from boundcheck.networks.graph import Graph, Node, bias_of, is_fixed, weight_of
from boundcheck.networks.operator_norms import convolution_settings, lipschitz_after, spectral, spectral_lower
from boundcheck.networks.ops import Array, Convolution, Dense, Reshape, Scale, parameter_count
from boundcheck.networks.sup_norms import entry_l1, max_row_l1, sup_lipschitz_after
from boundcheck.numerics.centring import centred_above
from boundcheck.numerics.convolution import convolution_norm
from boundcheck.numerics.error_terms import UNIT, above, ldexp_up
from boundcheck.numerics.norms import column_norms, frobenius_norm, row_norms, sum_above
from boundcheck.numerics.spectral import spectral_norm
from boundcheck.numerics.unrolled import convolution

_KINDS = {Dense: "dense", Convolution: "conv", Scale: "diagonal"}


def layer_norms(graph: Graph, reference: Graph | None = None) -> dict[str, LayerNorms]:
    """The norms of every layer with weights, by name.

    Args:
        graph: The canonical graph.
        reference: The graph of the reference weights, of the same architecture; zero weights where it is None.

    Returns:
        One record per weighted node.

    Raises:
        InputError: If the reference is of another architecture, or a weight is no finite number.
    """
    return {node.name: _norms(graph, node, None if reference is None else _partner(reference, node)) for node in graph.layers}


def _partner(reference: Graph, node: Node) -> Node:
    """The node of the reference that stands in the same place."""
    found = reference.by_name.get(node.name)
    advice = "give the initial weights of this very architecture"
    if found is None or type(found.op) is not type(node.op):
        raise InputError(f"a reference with a layer {node.name}", "another architecture", advice)
    if weight_of(found.op).shape != weight_of(node.op).shape:
        raise InputError(f"reference weights like those of {node.name}", f"{weight_of(found.op).shape}", advice)
    return found


def _norms(graph: Graph, node: Node, partner: Node | None) -> LayerNorms:
    """The record of one layer."""
    op, shape = node.op, graph.by_name[node.inputs[0]].shape
    if not isinstance(op, (Dense, Convolution, Scale)):
        raise TypeError(f"{node.name} has no weights")
    bias = bias_of(op)
    rows = _by_tap(op)
    positions = node.size // len(op.weight) if not isinstance(op, Scale) else node.size // op.scale.size
    delta, delta_bias = _difference(op, None if partner is None else partner.op)
    bias_norm = 0.0 if bias is None else frobenius_norm(bias)
    norm, frobenius = spectral(op, shape), _frobenius(op, shape, positions)
    copies = _copies(op, shape)
    return LayerNorms(
        kind=_kind(op, copies),
        in_size=math.prod(shape),
        out_size=node.size,
        parameters=parameter_count(op),
        entries=int(weight_of(op).size),
        taps=rows.shape[1],
        in_channels=rows.shape[2],
        out_channels=rows.shape[0],
        positions=positions,
        has_bias=bias is not None,
        spectral=norm,
        spectral_lower=min(spectral_lower(op, shape), norm),
        frobenius=frobenius,
        kernel_frobenius=frobenius_norm(weight_of(op)),
        row_norm_sum=_row_norm_sum(op, weight_of(op), None, shape, positions),
        difference_row_norm_sum=_difference_row_norm_sum(op, delta, delta_bias, shape, positions),
        difference_spectral=norm if delta is weight_of(op) else _difference_spectral(op, delta, shape),
        difference_frobenius=above(frobenius_norm(delta), 1),
        kernel_group_norm=above(copies * _group_norm(rows, None), 1),
        difference_group_norm=above(copies * _group_norm(_by_tap(op, delta), delta_bias), 2),
        bias_norm=bias_norm,
        difference_bias_norm=0.0 if delta_bias is None else above(frobenius_norm(delta_bias), 1),
        augmented_spectral=_augmented_spectral(op, bias, positions, norm, bias_norm),
        augmented_frobenius=frobenius if bias is None else _augmented(frobenius, bias_norm, positions),
        lipschitz_after=lipschitz_after(node, graph.by_name, graph.consumers),
        max_row_l1=max_row_l1(op),
        entry_l1=entry_l1(op, positions),
        sup_lipschitz_after=sup_lipschitz_after(node, graph),
    )


def _kind(op: Dense | Convolution | Scale, copies: float) -> str:
    """What sort of map it is; padding that copies positions is told apart, for a tap then reads some of them twice."""
    return "mirrored conv" if copies > 1.0 else _KINDS[type(op)]


def _by_tap(op: Dense | Convolution | Scale, weight: Array | None = None) -> Array:
    """Weights as (out channels, taps, in channels seen by an output)."""
    values = weight_of(op) if weight is None else weight
    if isinstance(op, Scale):
        return values.reshape(-1, 1, 1)
    if isinstance(op, Dense):
        return values[:, None, :]
    return np.ascontiguousarray(np.moveaxis(values.reshape(*values.shape[:2], -1), 1, 2))


def _difference(op: Dense | Convolution | Scale, reference: object) -> tuple[Array, Array | None]:
    """A - M and b - b_M as floats, each entry within one rounding; zeros for what was fixed before the data."""
    weight, bias = weight_of(op), bias_of(op)
    if is_fixed(op):
        return np.zeros_like(weight), None if bias is None else np.zeros(bias.size)
    if not isinstance(reference, (Dense, Convolution, Scale)):
        return weight, None if bias is None else bias.ravel()
    other = bias_of(reference)
    if bias is None and other is None:
        return weight - weight_of(reference), None
    ours, theirs = (np.zeros(1) if b is None else b.ravel() for b in (bias, other))
    return weight - weight_of(reference), ours - theirs


def _frobenius(op: Dense | Convolution | Scale, shape: tuple[int, ...], positions: int) -> float:
    """The Frobenius norm of the unrolled layer."""
    if isinstance(op, Convolution):
        return convolution(op.weight, shape[1:], **convolution_settings(op)).frobenius_norm()
    once = frobenius_norm(weight_of(op))
    return once if positions == 1 else above(once * math.sqrt(positions), 2)


def _row_norm_sum(
    op: Dense | Convolution | Scale, weight: Array, bias: Array | None, shape: tuple[int, ...], positions: int
) -> float:
    """The sum of the norms of the rows of the unrolled layer with the given weights, constants as one more column."""
    if isinstance(op, Convolution):
        layer = convolution(weight, shape[1:], **convolution_settings(op))
        totals = []
        for count, squares in layer.row_squares():
            norms = np.array([ldexp_up(value, layer.exponent) for value in above(np.sqrt(squares), 1)])
            joined = norms if bias is None else above(np.hypot(norms, np.abs(bias)), 3)
            totals.append(above(count * sum_above(joined.tolist()), 1))
        return sum_above(totals)
    flat = weight.reshape(-1, 1) if isinstance(op, Scale) else weight
    joined = flat if bias is None else np.column_stack([flat, np.broadcast_to(bias, len(flat))])
    once = sum_above(row_norms(joined).tolist())
    return once if positions == 1 else above(positions * once, 1)


def _difference_spectral(op: Dense | Convolution | Scale, delta: Array, shape: tuple[int, ...]) -> float:
    """The operator norm of the exact difference, which lies within one rounding of the one given, entry by entry.

    An operator norm is at most the Frobenius norm, so that of the rounding is a unit times the one of the absolute values.
    """
    if not delta.any():
        return 0.0
    if isinstance(op, Scale):
        return float(above(np.abs(delta).max(), 2))
    if isinstance(op, Dense):
        norm, size = spectral_norm(delta), frobenius_norm(delta)
    else:
        settings = convolution_settings(op)
        norm = convolution_norm(delta, shape[1:], **settings)
        size = convolution(np.abs(delta), shape[1:], **settings).frobenius_norm()
    return sum_above([norm, 2.0 * UNIT * size])


def _difference_row_norm_sum(
    op: Dense | Convolution | Scale, delta: Array, delta_bias: Array | None, shape: tuple[int, ...], positions: int
) -> float:
    """The sum of row norms of the exact difference, which lies within one rounding of the one given.

    Where padding copies positions, taps add up and may cancel, so that the rounding is that of their absolute values.
    """
    total = above(_row_norm_sum(op, delta, delta_bias, shape, positions), 1)
    if not isinstance(op, Convolution) or op.mode == "zeros":
        return total
    size = _row_norm_sum(op, np.abs(delta), delta_bias, shape, positions)
    return sum_above([total, 2.0 * UNIT * size])


def _group_norm(rows: Array, bias: Array | None) -> float:
    """Sum over output channels and taps of the norm over input channels; constants joined to the first tap."""
    channels, taps, seen = rows.shape
    norms = row_norms(rows.reshape(channels * taps, seen)).reshape(channels, taps)
    if bias is not None:
        joined = np.column_stack([rows[:, 0, :], np.broadcast_to(bias, channels)])
        norms = np.column_stack([row_norms(joined), norms[:, 1:]])
    return sum_above(norms.ravel().tolist())


def _copies(op: Dense | Convolution | Scale, shape: tuple[int, ...]) -> float:
    """How much one tap can stretch one input channel: 1 where it reads each position at most once.

    Padding that copies positions makes a tap read some of them several times, say m times at most; what the tap
    reads then has at most the root of m times the norm of the channel.
    """
    if not isinstance(op, Convolution) or op.mode == "zeros":
        return 1.0
    most = 1
    for axis in convolution(op.weight, shape[1:], **convolution_settings(op)).axes:
        source = axis.source(op.mode)
        most *= max(int(np.unique(column, return_counts=True)[1].max()) for column in source.T)
    root = math.isqrt(most)
    return float(root) if root * root == most else above(math.sqrt(most), 1)


def _augmented(norm: float, bias_norm: float, positions: int) -> float:
    """``sqrt(norm^2 + positions bias_norm^2 + 1)``, a bound of the norm of [[W, b], [0, 1]] of the same kind."""
    if math.inf in (norm, bias_norm):
        return math.inf
    return above(math.hypot(norm, math.sqrt(positions) * bias_norm, 1.0), 4)


def _augmented_spectral(
    op: Dense | Convolution | Scale, bias: Array | None, positions: int, norm: float, bias_norm: float
) -> float:
    """The operator norm of [[W, b], [0, 1]]."""
    if bias is None:
        return norm
    if not isinstance(op, Dense) or positions != 1:
        return _augmented(norm, bias_norm, positions)
    last = np.zeros((1, op.weight.shape[1] + 1))
    last[0, -1] = 1.0
    return spectral_norm(np.vstack([np.column_stack([op.weight, bias]), last]))


def leading_lipschitz(graph: Graph) -> float:
    """The Lipschitz constant of what stands between the input and the first layers with weights."""
    return lipschitz_after(graph.nodes[0], graph.by_name, graph.consumers)


def two_layer_norm(graph: Graph) -> TwoLayer | str:
    """The sum over the last hidden units of |v_j| |w_j|, or the reason why the network has none.

    Here v_j is what leaves unit j, a column of the last layer with the mean over the classes subtracted (no margin
    changes), and w_j what enters it. For a single layer it is the Frobenius norm of that layer.

    Args:
        graph: The canonical graph, with finite weights.

    Returns:
        The sum without the constants, and with them joined to w_j plus the norm of the last constants.
    """
    chain = graph.chain()
    if chain.reason is not None:
        return chain.reason
    stages = chain.stages[-2:]
    for stage in stages:
        if not isinstance(stage.layer.op, Dense) or len(stage.layer.shape) != 1:
            return f"{stage.layer.name} is not a dense layer on the whole signal"
        if any(isinstance(step.op, Reshape) and step.op.permutation for step in stage.steps):
            return f"units are permuted after {stage.layer.name}"
    if not stages:
        return "the network has no weights"
    last = stages[-1].layer.op
    if not isinstance(last, Dense):
        return f"{stages[-1].layer.name} is not a dense layer on the whole signal"
    weight = centred_above(last.weight)
    constant = 0.0 if last.bias is None else frobenius_norm(centred_above(last.bias))
    if len(stages) == 1:
        plain = frobenius_norm(weight)
        return TwoLayer(plain, above(math.hypot(plain, constant), 3) if constant else plain)
    below = stages[0].layer.op
    if not isinstance(below, Dense):
        return f"{stages[0].layer.name} is not a dense layer on the whole signal"
    leaving = column_norms(weight)
    entering = row_norms(below.weight)
    joined = entering if below.bias is None else row_norms(np.column_stack([below.weight, below.bias]))
    plain, augmented = (sum_above(np.asarray(above(leaving * into, 1)).tolist()) for into in (entering, joined))
    return TwoLayer(plain, sum_above([augmented, constant]))
