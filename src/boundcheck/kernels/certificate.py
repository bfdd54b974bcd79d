r"""What is certain about a solution of K a = Y, rounding included.

The residual is computed from scratch in float64 with a bound on the error of every entry. From it follow

* the norm of f = sum_j a_j k(x_j, .): |f|^2 = a'Ka lies in an interval, as K a is known to within a bound;
* the norm of the interpolant f* of smallest norm, from below without any knowledge of K: for every a, |f*|^2 >= 2 a'Y - a'Ka,
  since the right side is concave in a with maximum Y'K^-1 Y, attained at the solution (this is the dual problem, and the
  difference to |f|^2, which is 2 a'(Ka - Y), the duality gap of the Karush-Kuhn-Tucker conditions);
* from above, and how far f is from f*: |f - f*|^2 = r'K^-1 r <= |r|^2 / lambda_min for the residual r, hence |f(x) - f*(x)| <=
  sqrt(k(x,x)) |r| / sqrt(lambda_min) at every x, and |a - a*| <= |r| / lambda_min. These need a lower bound of lambda_min.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from boundcheck.kernels.kernel import Array
from boundcheck.numerics.error_terms import UNIT, gamma
from boundcheck.numerics.norms import frobenius_norm, frobenius_norm_lower
from boundcheck.numerics.rounding import add_up, div_up, mul_up, sqrt_down, sqrt_up, sub_up, sum_down, sum_up


@dataclass(frozen=True, eq=False)
class Certified:
    """A solution with what is certain about it.

    Attributes:
        coefficients: a, shape (n, q).
        targets: Y, shape (n, q).
        ridge: What is added to the diagonal of K; 0 for an interpolant.
        values: Computed K a: the functions on the sample, shape (n, q).
        errors: How far each of ``values`` can be from the truth, shape (n, q).
    """

    coefficients: Array
    targets: Array
    ridge: float
    values: Array
    errors: Array

    @property
    def defect(self) -> Array:
        """The computed Y - (K + ridge I) a, shape (n, q)."""
        return self.targets - self.values - self.ridge * self.coefficients

    @property
    def defect_up(self) -> float:
        """The Frobenius norm of the exact defect, rounded up."""
        sizes = np.abs(self.targets) + np.abs(self.values) + 2.0 * self.ridge * np.abs(self.coefficients)
        return frobenius_norm(np.abs(self.defect) + self.errors * (1.0 + 2.0**-20) + 4.0 * UNIT * sizes)

    @property
    def residual(self) -> float:
        """|(K + ridge I) a - Y| / |Y| in Frobenius norm, rounded up; 0 for targets that are all zero."""
        size = frobenius_norm_lower(self.targets)
        return div_up(self.defect_up, size) if size > 0.0 else 0.0

    @property
    def computed_residual(self) -> float:
        """The same without the bound on rounding errors."""
        size = float(np.linalg.norm(self.targets))
        return float(np.linalg.norm(self.defect)) / size if size > 0.0 else 0.0

    def squared_norm(self) -> tuple[float, float]:
        """An interval for a'Ka, the squared norm of the functions, summed over outputs."""
        return _interval(self.coefficients, self.values, self.errors)

    def norm(self) -> tuple[float, float]:
        """An interval for the norm of the functions."""
        low, high = self.squared_norm()
        return sqrt_down(max(low, 0.0)), sqrt_up(max(high, 0.0))

    def centred_norm_up(self) -> float:
        """The norm when the mean over outputs is subtracted from each, which changes no margin of three and more classes.

        Its square is that of the functions less that of their sum over q.
        """
        q = self.coefficients.shape[1]
        rounding = gamma(q + 4)
        total, values = self.coefficients.sum(axis=1), self.values.sum(axis=1)
        moved = rounding * np.abs(self.coefficients).sum(axis=1)
        spread = (self.errors.sum(axis=1) + rounding * np.abs(self.values).sum(axis=1)) * (1.0 + 2.0**-20)
        low = _interval(total, values, spread)[0]
        slack = mul_up(sum_up(moved * (np.abs(values) + spread)), 1.0 + 2.0**-20)
        mean = (low - slack) / q * (1.0 - 2.0**-40) if low > slack else 0.0
        return sqrt_up(max(sub_up(self.squared_norm()[1], mean), 0.0))

    def dual(self) -> tuple[float, float]:
        """The dual value 2 a'Y - a'Ka from below, and the duality gap |f|^2 less that value, from above."""
        low, _ = _interval(self.coefficients, 2.0 * self.targets - self.values, self.errors + UNIT * np.abs(self.values))
        return low, max(sub_up(self.squared_norm()[1], low), 0.0)

    def optimal_norm(self, smallest: float | None) -> tuple[float, float | None]:
        """An interval for the norm of the interpolant of smallest norm; the upper end needs a bound on eigenvalues.

        Args:
            smallest: A lower bound of the smallest eigenvalue of K, positive, or ``None``.
        """
        low = sqrt_down(max(self.dual()[0], 0.0))
        high = None if smallest is None else add_up(self.norm()[1], self.distance(smallest))
        return low, high

    def distance(self, smallest: float) -> float:
        """How far the functions can be from the interpolant of smallest norm, in the norm of the Hilbert space.

        Args:
            smallest: A lower bound of the smallest eigenvalue of K, positive.
        """
        return div_up(self.defect_up, sqrt_down(smallest))

    def coefficient_error(self, smallest: float) -> float:
        """|a - a*| in Frobenius norm is at most this.

        Args:
            smallest: A lower bound of the smallest eigenvalue of K + ridge I, positive.
        """
        return div_up(self.defect_up, smallest)


def _interval(a: Array, values: Array, errors: Array) -> tuple[float, float]:
    """An interval for the sum of a times numbers that are ``values`` to within ``errors``."""
    products = (a * values).ravel()
    slack = mul_up(sum_up(np.abs(a * errors).ravel()), 1.0 + 2.0**-20)
    slack = add_up(slack, mul_up(2.0 * UNIT, sum_up(np.abs(products))))
    return -add_up(-sum_down(products), slack), add_up(sum_up(products), slack)


def relative_width(low: float, high: float) -> float:
    """Half the width of an interval over its middle."""
    middle = 0.5 * (low + high)
    return 0.5 * (high - low) / middle if middle > 0.0 else math.inf
