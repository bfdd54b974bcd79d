"""A chain of convolutions seen patch by patch, as the theorems ask for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patches:
    """Norms of kernels and of what the windows of the first layer read; rounded up.

    A dense layer on the whole signal is a window that reads every position. With biases, patches are augmented by 1 and kernels
    by their bias, and by the row that carries the constant.

    Attributes:
        positions: Windows P_1 of the first layer; in a layer with groups each group of channels has its own.
        frobenius: The largest Frobenius norm of the n rows that one window reads.
        spectral: The largest operator norm of the same; not larger than ``frobenius``.
        taps: Positions that one window reads, for each layer from the second to the last hidden one.
        kernels: Frobenius norms of the kernels of the layers below the last hidden one.
        top: Sum over the units of the last hidden layer of |v| |K|: v leaves the unit, class-centred, K is its kernel.
        pools: What average pools do to the largest position, for each layer that has one behind it; 1 for most.
    """

    positions: int
    frobenius: float
    spectral: float
    taps: tuple[int, ...]
    kernels: tuple[float, ...]
    top: float
    pools: tuple[float, ...]
