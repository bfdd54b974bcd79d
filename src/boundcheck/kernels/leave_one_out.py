r"""Leave-one-out in closed form: y_i - f_{-i}(x_i) = a_i / [(K + ridge I)^-1]_ii.

Here f_{-i} is fitted without example i, with the same ridge on the sum of squares. The share of examples that f_{-i} gets wrong
is an unbiased estimate of the risk of the predictor from n - 1 examples; it is no bound. A row that occurs twice is predicted
by its twin, exactly.

The diagonal comes from the factor, by as many operations as the factor took. Where a shift s was factored in float32, it is that
of (K + s I)^-1: between 1 / (1 + s / lambda_min) and 1 times the true one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boundcheck.kernels.factor import Factor
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.parallel import Workers
from boundcheck.progress import Progress, silent


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
