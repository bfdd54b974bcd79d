"""The operations that the canonical graph knows, each a frozen record with its weights in float64.

A network is a graph of these few operations; everything that boundcheck says about a network is said operation by
operation. What is not in this list becomes :class:`Unplaced`, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Input:
    """The input of the network."""


@dataclass(frozen=True, eq=False)
class Dense:
    """``x @ weight.T + bias`` over the last axis.

    Attributes:
        weight: Shape (out, in).
        bias: Shape (out,), or None.
        key: Names the parameters; two uses of one module have the same key.
    """

    weight: Array
    bias: Array | None
    key: str


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution in one, two or three dimensions over a map (channels, *sizes).

    Attributes:
        weight: Kernel of shape (out, in / groups, *taps).
        bias: Shape (out,), or None.
        key: Names the parameters; two uses of one module have the same key.
        stride: One per axis.
        padding: (left, right) per axis.
        dilation: One per axis.
        groups: Number of groups.
        mode: ``zeros``, ``circular``, ``reflect`` or ``replicate``.
    """

    weight: Array
    bias: Array | None
    key: str
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    mode: str


@dataclass(frozen=True, eq=False)
class Scale:
    """``x * scale + shift``, elementwise: normalization constants, or a batch normalization that can't be folded.

    Attributes:
        scale: Broadcasts against the shape of the input (without batch), with the same number of axes.
        shift: The same; zeros where there is no shift.
        key: Names the parameters.
        fixed: Whether the constants were fixed before the data was seen (they are no parameters then).
        batch_norm: Whether it came from a batch normalization, which may be folded into the layer before it.
    """

    scale: Array
    shift: Array
    key: str
    fixed: bool
    batch_norm: bool = False


@dataclass(frozen=True)
class AveragePool:
    """Average pooling with a window.

    Attributes:
        kernel: Window size per axis.
        stride: Step per axis.
        padding: Zeros added on both sides, per axis.
        ceil_mode: Whether incomplete windows at the end are kept.
        count_include_pad: Whether padding counts in the divisor.
        divisor: What the sum is divided by, instead of the window's size.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    ceil_mode: bool
    count_include_pad: bool
    divisor: int | None


@dataclass(frozen=True)
class AdaptiveAveragePool:
    """Average pooling to a given output size.

    Attributes:
        output: Output size per axis; output i averages inputs floor(i n/m) up to ceil((i+1) n/m), exclusive.
    """

    output: tuple[int, ...]


@dataclass(frozen=True)
class MaxPool:
    """Maximum over a window; padding is never the maximum.

    Attributes:
        kernel: Window size per axis.
        stride: Step per axis.
        padding: Positions added on both sides, per axis.
        dilation: Distance of neighbours in a window, per axis.
        ceil_mode: Whether incomplete windows at the end are kept.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool


@dataclass(frozen=True)
class Relu:
    """``max(x, 0)``."""


@dataclass(frozen=True)
class LeakyRelu:
    """``x`` where positive, ``slope * x`` elsewhere.

    Attributes:
        slope: Slope on the negative side.
    """

    slope: float


@dataclass(frozen=True)
class Identity:
    """Passes its input: dropout in evaluation mode, ``nn.Identity``."""


@dataclass(frozen=True)
class Add:
    """The sum of two signals of the same shape: a skip connection."""


@dataclass(frozen=True)
class Concatenation:
    """Signals beside each other along one axis: each in places of its own, zeros elsewhere, and then their sum.

    Attributes:
        axis: The axis of one example (batch left out) in which they may differ in size.
    """

    axis: int


@dataclass(frozen=True)
class Reshape:
    """The same numbers in another shape (that of the node), after an optional permutation of the axes.

    Attributes:
        permutation: Order of the axes of one input (batch left out), or None.
    """

    permutation: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Unplaced:
    """An operation that boundcheck has no theorem for.

    Attributes:
        reason: What it is and why nothing is said about it.
    """

    reason: str


Op = (
    Input
    | Dense
    | Convolution
    | Scale
    | AveragePool
    | AdaptiveAveragePool
    | MaxPool
    | Relu
    | LeakyRelu
    | Identity
    | Add
    | Concatenation
    | Reshape
    | Unplaced
)
WEIGHTED = (Dense, Convolution, Scale)
PASSING = (Identity, Reshape)
JOINING = (Add, Concatenation)


def parameter_count(op: Op) -> int:
    """The number of real parameters of one operation, after folding.

    Args:
        op: Any operation.

    Returns:
        Weights and biases; 0 for what has none or whose constants were fixed before the data was seen.
    """
    if isinstance(op, (Dense, Convolution)):
        return int(op.weight.size) + (0 if op.bias is None else int(op.bias.size))
    if isinstance(op, Scale) and not op.fixed:
        return int(op.scale.size) + int(op.shift.size)
    return 0
