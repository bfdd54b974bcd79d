"""The l1 path norm of a network and the levels that peeling goes through."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PathNorm:
    """The l1 path norm, summed over the outputs.

    Attributes:
        log_total: Natural logarithm of the sum over classes of the path norms, rounded up (``-inf`` for the zero network).
        levels: For each level of non-linear steps on the longest path, its name and the factor c_t that peeling it costs.
        has_bias: Some path starts at a bias, so that the constant 1 counts as an input coordinate.
        windows: For each level the largest window K_t of its max-pools, 1 where it has none; empty where nobody recorded them.
    """

    log_total: float
    levels: tuple[tuple[str, float], ...]
    has_bias: bool
    windows: tuple[int, ...] = ()
