"""What a fit will take, before it starts: bytes by counting, seconds by timing a small piece of the same work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil

from boundcheck.errors import InputError
from boundcheck.kernels.factor import TILE, width_for
from boundcheck.kernels.parallel import library_threads
from boundcheck.kernels.solve import DOUBLE_UP_TO

_PASSES = 2.0  # over the Gram matrix after the first: a step of refinement and the certificate
_KEEP_SHARE = 0.5  # blocks are kept where everything then takes at most this share of the free memory
_OTHERS = 64e6  # bytes of the interpreter's own growth while it works


@dataclass(frozen=True)
class Plan:
    """What a fit will take.

    Attributes:
        n: Training points.
        bytes: Peak memory on top of what is in use now.
        available: Bytes that are free.
        keep: Whether blocks of the Gram matrix stay in memory between passes.
        dtype: Of the factor.
    """

    n: int
    bytes: float
    available: float
    keep: bool
    dtype: str

    def seconds(self, d: int) -> float:
        """An estimate of the time on an idle machine, from a product and an exponential of one tile.

        Args:
            d: Coordinates of an input.
        """
        product = _timed(lambda m: np.matmul(m, m.T), np.ones((TILE, TILE), dtype=self.dtype)) / (2.0 * TILE**3)
        exponential = _timed(np.exp, np.full((TILE, TILE), -1.0)) / TILE**2
        passes = 1.0 if self.keep else 1.0 + _PASSES
        gram = 0.5 * self.n**2 * (4.0 * d * product + 3.0 * exponential)
        return (self.n**3 / 3.0 * product + passes * gram) / library_threads()


def plan_fit(n: int, d: int, outputs: int, *, itemsize: int = 8, memory: float | None = None) -> Plan:
    """Count the memory of a fit and refuse one that does not fit.

    Args:
        n: Training points.
        d: Coordinates of an input.
        outputs: Number of functions.
        itemsize: Bytes of a coordinate as the kernel keeps it.
        memory: Bytes that may be taken; what the machine has free when ``None``.

    Raises:
        InputError: It needs more than that.
    """
    available = float(psutil.virtual_memory().available) if memory is None else float(memory)
    dtype = "float64" if n <= DOUBLE_UP_TO else "float32"
    width = width_for(n)
    factor = np.dtype(dtype).itemsize * 0.5 * n * (n + width)
    tiles = library_threads() * 4 * 8.0 * TILE * width
    need = factor + itemsize * n * d + 12 * 8.0 * n * (outputs + 4) + tiles + _OTHERS
    if need > available:
        raise InputError(
            f"{need / 1e9:.2f} GB of memory for {n:,} training points",
            f"{available / 1e9:.2f} GB",
            "take fewer points with --n, or free some memory",
        )
    kept = 4.0 * n * (n + width)
    keep = need + kept <= _KEEP_SHARE * available
    return Plan(n, need + kept * keep, available, keep, dtype)


def _timed(work: Callable[[np.ndarray], object], piece: np.ndarray) -> float:
    """Seconds of the faster of two runs."""
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        work(piece)
        best = min(best, time.perf_counter() - start)
    return best
