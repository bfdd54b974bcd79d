"""Conjugate gradients in float64 with a factor as preconditioner: the digits that float32 lacks come back in a few steps.

The factor is applied once more at the end, without a pass to see what it did: where a step took the residual from r to s,
another takes it to about s^2 / r, and who certifies the solution will see whether it did.

All right-hand sides run side by side and share one pass over the Gram matrix a step. With a factor that is exact one step
solves the system; with one that is off by E the error falls by about the square root of the condition of (K + E)^-1 K. The
update of directions is Polak and Ribiere's, which tolerates a preconditioner that is slightly different each time it is applied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from boundcheck.kernels.kernel import Array

_TRUST = 10.0  # the next residual is foretold to within this factor


class StateStore(Protocol):
    """Where the state of the iteration is kept between steps."""

    def load_state(self) -> dict[str, Array] | None:
        """The last state, or ``None``."""

    def save_state(self, state: dict[str, Array]) -> None:
        """Keep a state in place of the last one."""


@dataclass(frozen=True, eq=False)
class Refined:
    """Where the iteration ended.

    Attributes:
        solution: Shape (n, q).
        residual: What |K a - Y| / |Y| should be, in Frobenius norm.
        steps: Passes over the Gram matrix.
    """

    solution: Array
    residual: float
    steps: int


def refine(
    times: Callable[[Array], Array],
    inverse: Callable[[Array], Array],
    right: Array,
    *,
    target: float,
    limit: int,
    store: StateStore | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Refined:
    """Solve K a = Y.

    Args:
        times: Multiplies by K.
        inverse: Multiplies by the inverse of a matrix near K, about.
        right: Y, shape (n, q).
        target: Stop when the relative residual is below this.
        limit: Stop after this many passes.
        store: Keeps the state, so that an interrupted run goes on where it was.
        on_step: Told the passes done and the relative residual.
    """
    size = float(np.linalg.norm(right)) or 1.0  # no targets but zero: the answer is zero
    state = None if store is None else store.load_state()
    if state is None:
        z = inverse(right)
        state = {"a": np.zeros_like(right), "r": right.copy(), "p": z, "rz": _columns(right, z), "steps": np.zeros(1)}
    a, r, p, rz, steps = state["a"], state["r"], state["p"], state["rz"], int(state["steps"][0])
    residual = float(np.linalg.norm(r)) / size
    while residual > target and steps < limit:
        product = times(p)
        step = _quotient(rz, _columns(p, product))
        a = a + step * p
        before, r = r, r - step * product
        last, residual = residual, float(np.linalg.norm(r)) / size
        steps += 1
        z = inverse(r)
        new = _columns(r, z)
        p = z + _quotient(new - _columns(before, z), rz) * p
        rz = new
        if store is not None:
            store.save_state({"a": a, "r": r, "p": p, "rz": rz, "steps": np.array([float(steps)])})
        if on_step is not None:
            on_step(steps, residual)
        expected = residual * residual / last
        if not np.isfinite(residual) or residual > target >= _TRUST * expected:
            return Refined(a + z, expected, steps)
    return Refined(a, residual, steps)


def _columns(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->j", a, b))


def _quotient(a: Array, b: Array) -> Array:
    """A / b where b is positive; a column that is solved, or whose direction has no curvature, stays."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0.0)
