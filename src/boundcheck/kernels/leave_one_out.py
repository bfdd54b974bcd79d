r"""Leave-one-out in closed form: y_i - f_{-i}(x_i) = a_i / d_i with d_i = [A^-1]_ii, A = K + ridge I.

Here f_{-i} is fitted without example i, with the same ridge on the sum of squares. The share of examples that f_{-i} gets wrong
is an unbiased estimate of the risk of the predictor from n - 1 examples; it is no bound. A row that occurs twice is predicted
by its twin, exactly.

Estimated, the diagonal comes from the factor, by as many operations as the factor took. Where a shift s was factored in float32,
it is that of (K + s I)^-1: between 1 / (1 + s / lambda_min) and 1 times the true one.

Certified, for a positive ridge, from any vector z near A^-1 e_i, whatever it came from: with r = e_i - A z,

.. math:: d_i = z_i + z'r + r'A^{-1}r, \quad 0 \le r'A^{-1}r \le |r|^2 / \mathrm{ridge},

as A^-1 e_i = z + A^-1 r. A residual of 1e-3 leaves six digits. The computed product A z is off by at most
:math:`(\gamma_{2n+64} \|K\|_F + \|K - \hat K\|_F) |z|`, and :math:`\|K\|_F \le \mathrm{tr} K`. That takes some twenty times the
operations of the factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boundcheck.kernels.certificate import Certified
from boundcheck.kernels.factor import Factor
from boundcheck.kernels.gram import Gram
from boundcheck.kernels.interpolant import MinNormInterpolant
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.parallel import Workers, workers
from boundcheck.numerics.error_terms import UNIT, gamma
from boundcheck.progress import Progress, silent

_BATCH = 512  # columns of the inverse at a time
_SPARE = 1.0 + 2.0**-20  # for roundings of the error bounds themselves


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What the predictors say that have not seen one example each.

    Attributes:
        values: f_{-i}(x_i) for every training example, shape (n, q).
        errors: How far each can be off, shape (n, q); ``None`` where that is not certain.
        uncertainty: Largest relative error of the diagonal that they are computed from.
    """

    values: Array
    errors: Array | None
    uncertainty: float


def leave_each_out(fitted: MinNormInterpolant, *, certify: bool, progress: Progress = silent) -> LeftOut | None:
    """The values of a fit without one example each, ``None`` where it has no factor.

    Args:
        fitted: The predictor.
        certify: Whether to bound their errors, which only a ridge allows.
        progress: Told what is being done.
    """
    s = fitted.solution_
    if s.factor is None:
        return None
    with workers() as crew:
        if certify and s.certified.ridge > 0.0:
            kernel = fitted.make_kernel()
            gram = Gram(kernel, kernel.prepare(fitted.X_fit_), crew, ridge=s.certified.ridge, keep=fitted.plan_.keep)
            return certified_left_out(s.certified, *inverse_diagonal_within(gram, s.factor, progress))
        diagonal = inverse_diagonal(s.factor, crew, progress)
    counts = np.bincount(fitted.inverse_, minlength=len(fitted.distinct_)).astype(np.int64)
    values = left_out(s.certified.coefficients, s.certified.targets, diagonal, counts)
    bar = s.shift / s.smallest.value if s.smallest.value > 0.0 else np.inf
    return LeftOut(values[fitted.inverse_], None, bar)


def inverse_diagonal(factor: Factor, crew: Workers, progress: Progress = silent) -> Array:
    """The diagonal of (L L')^-1, shape (n,): sums of squares of the columns of L^-1.

    Args:
        factor: L.
        crew: Who does the work.
        progress: Told the share that is done.
    """
    starts = range(0, factor.n, factor.width)

    def sums(index: int) -> Array:
        start, size = index * factor.width, factor.panels[index].shape[1]
        part = Factor(factor.n - start, factor.width, factor.dtype, factor.panels[index:])
        unit = np.zeros((part.n, size), dtype=factor.dtype)
        unit[np.arange(size), np.arange(size)] = 1.0
        columns = part.lower_solve(unit)
        return np.asarray(np.einsum("ij,ij->j", columns, columns, dtype=np.float64))

    found = []
    for done, one in enumerate(crew.map(sums, range(len(starts)))):
        progress("leaving one out", work_left(done / len(starts)))
        found.append(one)
    return np.concatenate(found)


def work_left(share: float) -> float:
    """Share of the operations done when a share of the columns is: the first columns are the longest."""
    return 1.0 - (1.0 - share) ** 3


def inverse_diagonal_within(gram: Gram, factor: Factor, progress: Progress = silent) -> tuple[Array, Array]:
    """Certified intervals for the diagonal of (K + ridge I)^-1, two arrays of shape (n,).

    Args:
        gram: The matrix, its ridge positive.
        factor: Of a matrix near it.
        progress: Told the share that is done.
    """
    n, ridge, trace = gram.n, gram.ridge, gram.trace_up()
    away = gram.away()
    off = (gamma(2 * n + 64) * (trace + away + ridge) + away) * _SPARE
    low, high = np.empty(n), np.empty(n)
    for start in range(0, n, _BATCH):
        progress("leaving one out", start / n)
        here = np.arange(start, min(start + _BATCH, n))
        unit = np.zeros((n, len(here)))
        unit[here, here - start] = 1.0
        z = factor.solve(unit)
        product = gram.times(z)
        r = unit - product
        size = np.linalg.norm(z, axis=0) * _SPARE
        # What the difference and the ridge's product and sum add to the rounding of the kernel's product.
        rounding = 4.0 * UNIT * (np.linalg.norm(product, axis=0) + 2.0 * ridge * size + 1.0)
        moved = off * size + rounding
        whole = np.linalg.norm(r, axis=0) * _SPARE + moved
        middle = z[here, here - start] + np.einsum("ij,ij->j", z, r)
        slack = (size * moved + gamma(n + 8) * (size * whole + size)) * _SPARE
        low[here], high[here] = middle - slack, middle + slack + whole**2 / ridge * _SPARE
    # 1 / (largest eigenvalue) and 1 / (smallest) hold whatever was computed.
    least, most = (1.0 - 2.0**-50) / ((trace + ridge) * (1.0 + 2.0**-50)), (1.0 + 2.0**-50) / ridge
    return np.fmax(low, least), np.fmin(high, most)


def certified_left_out(certified: Certified, low: Array, high: Array) -> LeftOut:
    """Values f_{-i}(x_i) with their errors; the ridge that was added is n times the penalty, rounded once.

    Args:
        certified: The solution, with a positive ridge.
        low: The diagonal of the inverse from below, positive, shape (n,).
        high: From above.
    """
    a, ridge = certified.coefficients, certified.ridge
    # Another ridge, by a rounding, moves the coefficients and the diagonal by as much, relatively.
    moved = certified.coefficient_error(ridge) * _SPARE
    spread = 0.5 * (high - low) / low + 4.0 * UNIT
    ratio = a / (0.5 * (low + high))[:, None]
    exact = (moved + 4.0 * UNIT * np.linalg.norm(a)) / low[:, None]
    errors = (exact + np.abs(ratio) * (spread + 8.0 * UNIT)[:, None] + 8.0 * UNIT * np.abs(certified.targets)) * _SPARE
    return LeftOut(certified.targets - ratio, errors, float(spread.max()))


def left_out(coefficients: Array, targets: Array, diagonal: Array, counts: NDArray[np.int64]) -> Array:
    """Values f_{-i}(x_i), shape (n, q).

    Args:
        coefficients: a, shape (n, q).
        targets: Y, shape (n, q).
        diagonal: Of the inverse of the matrix, shape (n,).
        counts: How often each row occurs in the sample, shape (n,).
    """
    alone = counts[:, None] == 1
    return np.where(alone, targets - coefficients / diagonal[:, None], targets)
