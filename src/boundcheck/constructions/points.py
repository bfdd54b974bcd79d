"""Points and labels to memorize, drawn at random: the labels say nothing about the points."""

from __future__ import annotations

from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from boundcheck.errors import InputError, nearest

_BYTES_A_POINT = 500
"""Of projections on the candidates, their order, the network, and what its evaluation holds."""
INPUTS = ("gaussian", "bytes")


def draw_points(n: int, d: int, classes: int, inputs: str, seed: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Independent points with independent uniform labels.

    Args:
        n: Number of points.
        d: Their dimension.
        classes: Number of classes, at least 2.
        inputs: ``gaussian`` (standard normal, float32) or ``bytes`` (uniform uint8).
        seed: Seed of points and labels.

    Returns:
        (x, y) of shapes (n, d) and (n,).

    Raises:
        InputError: A size is too small, or ``inputs`` is no kind of input.
    """
    for option, value, least in (("--n", n, 1), ("--d", d, 1), ("--classes", classes, 2)):
        if value < least:
            raise InputError(f"{option} of at least {least}", str(value), "choose a larger one")
    if inputs not in INPUTS:
        raise InputError("a kind of inputs", repr(inputs), nearest(inputs, INPUTS))
    needed, free = n * (d * (1 if inputs == "bytes" else 4) + _BYTES_A_POINT), psutil.virtual_memory().available
    if needed > free:
        got = f"{n:,} points that take {needed / 2**30:,.1f} GiB with their network"
        raise InputError(f"points that fit into {free / 2**30:,.1f} GiB of free memory", got, "lower --n or --d")
    rng = np.random.default_rng([seed, 4])
    labels = rng.integers(0, classes, n)
    if inputs == "bytes":
        return rng.integers(0, 256, (n, d), dtype=np.uint8), labels
    return rng.standard_normal((n, d), dtype=np.float32), labels
