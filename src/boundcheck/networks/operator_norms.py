"""How much one operation can stretch a difference: certified l2 Lipschitz constants of layers, activations and pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks.convert import array, axes, from_module, kind_of
from boundcheck.networks.graph import Node
from boundcheck.networks.ops import (
    JOINING,
    PASSING,
    AdaptiveAveragePool,
    AveragePool,
    Convolution,
    Dense,
    Input,
    LeakyRelu,
    MaxPool,
    Op,
    Relu,
    Scale,
)
from boundcheck.numerics.convolution import convolution_norm, convolution_norm_lower, transposed_convolution_norm
from boundcheck.numerics.pooling import adaptive_average_pool_norm, average_pool_norm, max_pool_norm
from boundcheck.numerics.spectral import spectral_norm, spectral_norm_lower

TRANSPOSED: Mapping[type[nn.Module], int] = {nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3}


def operator_norm(layer: nn.Module, input_shape: Sequence[int]) -> float:
    """An upper bound of the l2 operator norm of a layer, rounding included.

    Of an affine layer the linear part counts (a bias does not change distances); of an activation or a max-pool it
    is the Lipschitz constant. Layers are taken as they are in evaluation mode.

    Args:
        layer: A Linear, Conv1d/2d/3d or ConvTranspose layer, a batch normalization, an average or max-pool, a (leaky)
            ReLU, or a layer that only passes or reshapes its input.
        input_shape: Shape of one input, channels first: (channels, *sizes) for convolutions and pools; the sizes alone
            will do as well.

    Returns:
        A number that is never below the norm.

    Raises:
        InputError: If the layer is of another kind or the shape does not fit it.
    """
    shape = tuple(int(n) for n in input_shape)
    kind = kind_of(layer)
    if kind in TRANSPOSED:
        return _transposed(layer, shape[-TRANSPOSED[kind] :])
    rank = _spatial_rank(layer)
    if rank and len(shape) == rank:
        shape = (int(getattr(layer, "in_channels", 1)), *shape)
    op = from_module(layer, "", shape)
    norm = lipschitz(op, shape)
    if norm is None:
        got = getattr(op, "reason", type(layer).__name__)
        raise InputError("a layer whose operator norm is known", str(got), "give Linear, convolution or pooling layers")
    if isinstance(op, Convolution) and shape[0] != op.weight.shape[1] * op.groups:
        raise InputError(f"{op.weight.shape[1] * op.groups} input channels", f"shape {shape}", "check the input shape")
    return norm


def _spatial_rank(layer: nn.Module) -> int:
    """The number of spatial axes in the name of a torch layer, 0 where it has none."""
    name = kind_of(layer).__name__
    return int(name[-2]) if name[-1] == "d" and name[-2:-1].isdigit() and not name.startswith("BatchNorm") else 0


def _transposed(layer: Any, sizes: tuple[int, ...]) -> float:
    count = len(sizes)
    if layer.padding_mode != "zeros":
        raise InputError("padding with zeros", str(layer.padding_mode), "use another layer")
    return transposed_convolution_norm(
        array(layer.weight),
        sizes,
        stride=axes(layer.stride, count),
        padding=axes(layer.padding, count),
        output_padding=axes(layer.output_padding, count),
        dilation=axes(layer.dilation, count),
        groups=int(layer.groups),
    )


def lipschitz(op: Op, shape: tuple[int, ...]) -> float | None:
    """The l2 Lipschitz constant of an operation with one input, rounded up.

    Args:
        op: The operation.
        shape: Shape of its input for one example.

    Returns:
        The constant; None for sums and for what is not placed.
    """
    if isinstance(op, (Dense, Convolution, Scale)):
        return spectral(op, shape)
    if isinstance(op, (Relu, Input, *PASSING)):
        return 1.0
    if isinstance(op, LeakyRelu):
        return max(1.0, abs(op.slope))
    if isinstance(op, MaxPool):
        return max_pool_norm(op.kernel, shape[1:], op.stride, op.padding, op.dilation, op.ceil_mode)
    if isinstance(op, AveragePool):
        return average_pool_norm(op.kernel, shape[1:], op.stride, op.padding, op.ceil_mode, op.count_include_pad, op.divisor)
    if isinstance(op, AdaptiveAveragePool):
        return adaptive_average_pool_norm(op.output, shape[1:])
    return None


def convolution_settings(op: Convolution) -> dict[str, Any]:
    """The settings of a convolution as the norms of arrays want them."""
    return {
        "stride": op.stride,
        "padding": op.padding,
        "dilation": op.dilation,
        "groups": op.groups,
        "padding_mode": op.mode,
    }


def spectral(op: Dense | Convolution | Scale, shape: tuple[int, ...]) -> float:
    """The operator norm of a weighted operation on inputs of a shape, from above."""
    if isinstance(op, Dense):
        return spectral_norm(op.weight)
    if isinstance(op, Scale):
        return float(np.abs(op.scale).max())
    return convolution_norm(op.weight, shape[1:], **convolution_settings(op))


def spectral_lower(op: Dense | Convolution | Scale, shape: tuple[int, ...]) -> float:
    """The operator norm of a weighted operation on inputs of a shape, from below."""
    if isinstance(op, Dense):
        return spectral_norm_lower(op.weight)
    if isinstance(op, Scale):
        return float(np.abs(op.scale).max())
    return convolution_norm_lower(op.weight, shape[1:], **convolution_settings(op))


def lipschitz_after(node: Node, by_name: Mapping[str, Node], consumers: Mapping[str, tuple[str, ...]]) -> float:
    """The Lipschitz constant of the steps between a node and the next weighted node, sum or output.

    Args:
        node: Where to start; it does not count itself.
        by_name: The nodes of the graph.
        consumers: The readers of each node.

    Returns:
        The product along the way, rounded up; the largest where the signal is read in several places.
    """
    largest = 0.0
    for name in consumers[node.name]:
        reader = by_name[name]
        constant = None if isinstance(reader.op, (Dense, Convolution, Scale, *JOINING)) else lipschitz(reader.op, node.shape)
        if constant is None:
            largest = max(largest, 1.0)
            continue
        rest = lipschitz_after(reader, by_name, consumers)
        exact = 1.0 in (constant, rest)
        largest = max(largest, constant * rest if exact else float(np.nextafter(constant * rest, np.inf)))
    return largest if consumers[node.name] else 1.0
