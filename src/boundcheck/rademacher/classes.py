r"""Classes of functions over which the supremum :math:`\phi(\sigma) = \sup_g \frac1n \sum_i \sigma_i g(z_i)` is a formula.

The empirical Rademacher complexity is the mean of :math:`\phi` over all signs. Each class knows the supremum for given signs
(both sides of rounding), how much it can change when one sign is flipped, and what is known of the mean without drawing a sign:

* balls of a Hilbert space, :math:`\phi = \frac{B}{n} \|\sum_i \sigma_i x_i\|`: the mean of the norm lies between :math:`\|X\|_F /
  \sqrt2` (Khintchine and Kahane, the best constant) and :math:`\|X\|_F` (Jensen);
* the l1 ball, :math:`\phi = \frac{B}{n} \max_j |\sum_i \sigma_i x_{ij}|`: at most :math:`\sqrt{2 V \ln 2d}`, V the largest sum of
  squares of a coordinate (Massart), at least :math:`\sqrt{V/2}` (one coordinate);
* finite classes: at most :math:`\inf_t \frac1{t n} \ln \sum_a \prod_i \cosh(t a_i)`, which is what Massart's lemma rests on; at
  least what two members give, half the mean of :math:`|\sum_i \sigma_i (a_i - b_i)|`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import UNIT, Array, above, below, gamma, real_array
from boundcheck.numerics.norms import column_norms, frobenius_norm, frobenius_norm_lower, row_norms
from boundcheck.numerics.rounding import add_down, add_up, div_down, div_up, log_up, mul_up, sqrt_down, sqrt_up

# Squares of the largest number, and sums of them, neither overflow nor underflow; what underflow swallows of smaller numbers is
# far below the rounding that is added for the largest.
_LARGEST = 2.0**400


class ClosedClass(ABC):
    """A class of functions on a sample, scaled by a radius.

    Attributes:
        n: Sample size.
        radius: Factor B of all functions.
    """

    n: int
    radius: float

    @abstractmethod
    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Lower and upper bounds of n/B times the supremum for each row of signs, shape (t, n) to (t,)."""

    @abstractmethod
    def flips(self) -> Array:
        """For each example, n/B times half of what flipping its sign can change; from above, shape (n,)."""

    @abstractmethod
    def mean_bounds(self) -> tuple[float, float]:
        """Lower and upper bounds of n/B times the complexity, without drawing signs."""


def checked(values: npt.ArrayLike, what: str, radius: float) -> Array:
    """The numbers of a class in float64, moderate in size, and its radius positive.

    Raises:
        InputError: They are not.
    """
    array = real_array(values, what, 2).astype(np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise InputError(f"{what} of finite numbers, at least one", f"shape {array.shape}", "check the data")
    largest = float(np.abs(array).max())
    if largest > _LARGEST or 0.0 < largest < 1.0 / _LARGEST:
        raise InputError(f"{what} of moderate numbers", f"a largest absolute value of {largest:g}", "choose another unit")
    if not 0.0 < radius < math.inf:
        raise InputError("a positive radius", f"{radius}", "give the norm that bounds the class")
    return array


class LinearBall(ClosedClass):
    """The functions w . x with Euclidean norm |w| <= radius.

    Args:
        x: Inputs (n, d).
        radius: Bound on |w|.
    """

    def __init__(self, x: npt.ArrayLike, radius: float = 1.0) -> None:
        self._x = checked(x, "a data matrix", radius)
        self.n, self.radius = len(self._x), radius
        # The sum of n numbers is off by at most gamma_n times the sum of their absolute values.
        self._error = above(gamma(self.n) * frobenius_norm(above(np.abs(self._x).sum(axis=0), self.n)), 2)

    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Norms of the signed sums."""
        sums = signs @ self._x
        norms, d = np.sqrt(np.einsum("ij,ij->i", sums, sums)), sums.shape[1]
        low = np.maximum(below(below(norms, d + 3) - self._error, 1), 0.0)  # a norm is not negative
        return low, np.asarray(above(above(norms, d + 3) + self._error, 1))

    def flips(self) -> Array:
        """Norms of the inputs."""
        return row_norms(self._x)

    def mean_bounds(self) -> tuple[float, float]:
        """Between the Frobenius norm over the root of 2 and the Frobenius norm."""
        return div_down(frobenius_norm_lower(self._x), sqrt_up(2.0)), frobenius_norm(self._x)


class L1Ball(ClosedClass):
    """The functions w . x with |w|_1 <= radius.

    Args:
        x: Inputs (n, d).
        radius: Bound on |w|_1.
    """

    def __init__(self, x: npt.ArrayLike, radius: float = 1.0) -> None:
        self._x = checked(x, "a data matrix", radius)
        self.n, self.radius = len(self._x), radius
        self._error = above(gamma(self.n) * float(above(np.abs(self._x).sum(axis=0), self.n).max()), 2)

    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Largest coordinates of the signed sums."""
        largest = np.abs(signs @ self._x).max(axis=1)
        return np.maximum(below(largest - self._error, 1), 0.0), np.asarray(above(largest + self._error, 1))

    def flips(self) -> Array:
        """Largest coordinates of the inputs."""
        return np.asarray(np.abs(self._x).max(axis=1))

    def mean_bounds(self) -> tuple[float, float]:
        """One coordinate from below, Massart's lemma from above."""
        largest = int(np.argmax(column_norms(self._x)))
        low, high = frobenius_norm_lower(self._x[:, largest]), float(column_norms(self._x).max())
        return div_down(low, sqrt_up(2.0)), mul_up(high, sqrt_up(mul_up(2.0, log_up(2.0 * self._x.shape[1]))))


class KernelBall(ClosedClass):
    """The functions of norm at most radius in the Hilbert space of a kernel.

    Args:
        gram: Kernel matrix of the sample (n, n), symmetric.
        radius: Bound on the norm.
        entry_error: How far an entry can lie from that of the kernel, whose matrix is positive semidefinite.

    Raises:
        InputError: The matrix is not symmetric or has a negative diagonal.
    """

    def __init__(self, gram: npt.ArrayLike, radius: float = 1.0, entry_error: float = 0.0) -> None:
        self._k = checked(gram, "a kernel matrix", radius)
        if self._k.shape[0] != self._k.shape[1] or not np.array_equal(self._k, self._k.T) or (np.diag(self._k) < 0.0).any():
            raise InputError("a symmetric kernel matrix", f"shape {self._k.shape}", "give k(x_i, x_j) for the sample")
        self.n, self.radius = len(self._k), radius
        total = float(above(np.abs(self._k).sum(), self.n * self.n))
        self._error = add_up(above(gamma(2 * self.n + 2) * total, 2), mul_up(float(self.n * self.n), entry_error))
        self._trace_error = mul_up(float(self.n), entry_error)

    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Roots of the quadratic forms.

        Raises:
            InputError: A form is negative beyond rounding: the matrix is no kernel.
        """
        forms = np.einsum("ij,ij->i", signs @ self._k, signs)
        if (forms < -self._error).any():
            raise InputError("a positive semidefinite kernel matrix", "a negative quadratic form", "check the kernel")
        low = np.maximum(below(np.maximum(forms - self._error, 0.0), 1), 0.0)  # the true form is not negative
        return below(np.sqrt(low), 2), np.asarray(above(np.sqrt(above(forms + self._error, 1)), 2))

    def flips(self) -> Array:
        """Roots of the diagonal."""
        return np.asarray(above(np.sqrt(np.diag(self._k)), 2))

    def mean_bounds(self) -> tuple[float, float]:
        """Between the root of half the trace and the root of the trace."""
        trace = math.fsum(np.diag(self._k).tolist())
        low, high = max(add_down(below(trace, 1), -self._trace_error), 0.0), add_up(above(trace, 1), self._trace_error)
        return sqrt_down(low / 2.0), sqrt_up(high)


class FiniteClass(ClosedClass):
    """Finitely many functions, given by their values.

    Args:
        values: One function a row (N, n).
        radius: Factor of all of them.
    """

    def __init__(self, values: npt.ArrayLike, radius: float = 1.0) -> None:
        self._a = checked(values, "a matrix of values", radius)
        self.n, self.radius = self._a.shape[1], radius
        self._error = above(gamma(self.n) * float(above(np.abs(self._a).sum(axis=1), self.n).max()), 2)

    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Largest correlations, which may be negative."""
        largest = (signs @ self._a.T).max(axis=1)
        # Two steps: one for the sum with the error, one to spare.
        low = np.nextafter(np.nextafter(largest - self._error, -np.inf), -np.inf)
        return low, np.nextafter(np.nextafter(largest + self._error, np.inf), np.inf)

    def flips(self) -> Array:
        """Largest values."""
        return np.asarray(np.abs(self._a).max(axis=0))

    def mean_bounds(self) -> tuple[float, float]:
        """Two members from below, exponential moments from above."""
        apart = self._a - self._a[0]
        # A difference is off by one rounding of itself, which the spare of below() covers.
        distance = below(frobenius_norm_lower(apart[int(np.argmax(np.einsum("ij,ij->i", apart, apart)))]), 1)
        low = div_down(distance, mul_up(2.0, sqrt_up(2.0)))
        if len(self._a) == 1:
            return 0.0, 0.0
        return low, self._moments()

    def _moments(self) -> float:
        """The least of a few exponential moments, Massart's form among them."""
        size = float(row_norms(self._a).max())
        if size == 0.0:
            return 0.0
        log_count = log_up(float(len(self._a)))
        best = mul_up(size, sqrt_up(mul_up(2.0, log_count)))
        for factor in np.exp2(np.arange(-8, 17) / 4.0):
            t = math.sqrt(2.0 * log_count) / size * float(factor)
            scaled = np.abs(t * self._a)
            cosh = (scaled + np.log1p(np.exp(-2.0 * scaled)) - math.log(2.0)).sum(axis=1)
            top = float(cosh.max())
            total = top + math.log(float(np.exp(cosh - top).sum()))
            # Each of n terms is off by a few units of 1 + |t a|, the sums by as many roundings as they have terms.
            slack = 16.0 * UNIT * (self.n + len(self._a)) * (self.n + float(scaled.sum(axis=1).max()) + log_count)
            best = min(best, div_up(add_up(total, slack), t))
        return best
