"""Interpolants of smallest l1, l2 and maximum norm side by side: each certified by its dual, ordered as theory says."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from boundcheck.kernels import MinNormRegressor

N, D = 12, 40


def problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(21)
    return rng.normal(size=(N, D)), rng.normal(size=N)


def smallest(x: np.ndarray, y: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights of smallest p-norm through the points, and the multipliers of the constraints, by cvxpy."""
    w = cp.Variable(x.shape[1])
    through = x @ w == y
    cp.Problem(cp.Minimize(cp.norm(w, p)), [through]).solve(solver="CLARABEL")
    return w.value, -through.dual_value


@pytest.fixture(scope="module")
def found() -> dict[float, tuple[np.ndarray, np.ndarray]]:
    x, y = problem()
    return {p: smallest(x, y, p) for p in (1.0, 2.0, np.inf)}


def test_ours_is_the_one_of_smallest_euclidean_norm(found: dict[float, tuple[np.ndarray, np.ndarray]]) -> None:
    """With the linear kernel f(x) = w.x and |f| = |w|; the coefficients are the multipliers of the squared norm."""
    x, y = problem()
    ours = MinNormRegressor("linear").fit(x, y)
    w = x.T @ ours.dual_coef_[:, 0]
    assert np.abs(w - found[2.0][0]).max() < 1e-6 * np.abs(w).max()  # interior points stop at 1e-8
    assert ours.norm_ == pytest.approx(np.linalg.norm(w), rel=1e-9)
    # Stationarity: w lies in the span of the rows, so it is orthogonal to every way of staying on the points.
    _, _, rows = np.linalg.svd(x)
    assert np.abs(rows[N:] @ w).max() < 1e-10
    assert np.abs(ours.dual_coef_[:, 0] / np.linalg.norm(w) - found[2.0][1]).max() < 1e-6


def test_each_is_certified_by_its_dual(found: dict[float, tuple[np.ndarray, np.ndarray]]) -> None:
    """min |w|_p subject to Xw = y equals max y'v subject to |X'v|_q <= 1, 1/p + 1/q = 1: any feasible v bounds it from below."""
    x, y = problem()
    for p, q in ((1.0, np.inf), (2.0, 2.0), (np.inf, 1.0)):
        w, v = found[p]
        assert np.abs(x @ w - y).max() < 1e-7
        feasible = v / max(1.0, float(np.linalg.norm(x.T @ v, q)))
        lowest, reached = float(y @ feasible), float(np.linalg.norm(w, p))
        assert lowest <= reached * (1 + 1e-7)
        assert reached - lowest < 1e-6 * reached


def test_norms_are_ordered_as_theory_says(found: dict[float, tuple[np.ndarray, np.ndarray]]) -> None:
    """Each is smallest in its own norm; |w|_inf <= |w|_2 <= |w|_1, so the smallest values are ordered alike; an extreme point of
    the first is zero but for N weights, and of the last at the limit but for N - 1."""
    x, y = problem()
    w = {1.0: found[1.0][0], 2.0: x.T @ MinNormRegressor("linear").fit(x, y).dual_coef_[:, 0], np.inf: found[np.inf][0]}
    for own in w:
        for other in w:
            assert np.linalg.norm(w[own], own) <= np.linalg.norm(w[other], own) * (1 + 1e-7)
    least = {p: np.linalg.norm(w[p], p) for p in w}
    assert least[np.inf] < least[2.0] < least[1.0]
    assert least[1.0] <= np.sqrt(D) * least[2.0] <= D * least[np.inf]
    assert (np.abs(w[1.0]) > 1e-6).sum() == N
    assert (np.abs(w[np.inf]) > least[np.inf] * (1 - 1e-6)).sum() == D - N + 1
