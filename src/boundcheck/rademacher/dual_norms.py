r"""Linear functions whose weights are bounded in the l-infinity norm or in the sum of the norms of groups.

The supremum of :math:`\sum_i \sigma_i w \cdot x_i` over a ball is the dual norm of the signed sum :math:`u = \sum_i \sigma_i
x_i`:

* :math:`\|w\|_\infty \le B` gives :math:`B \|u\|_1`, whose mean lies between :math:`\sum_j \|x_{\cdot j}\| / \sqrt2` (Khintchine,
  coordinate by coordinate) and :math:`\sum_j \|x_{\cdot j}\|` (Jensen);
* :math:`\sum_g \|w_g\| \le B` gives :math:`B \max_g \|u_g\|`, whose mean is at least that of one group, :math:`\max_g \|X_g\|_F /
  \sqrt2`, and at most :math:`\|X\|_F` and :math:`\max_g \|X_g\|_F (1 + \sqrt{2 \ln G})`: each :math:`\|u_g\|` has mean at most
  :math:`\|X_g\|_F` and, by its bounded differences :math:`2 \|x_{i,g}\|`, the exponential moments of a Gaussian of that variance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import Array, above, below, gamma
from boundcheck.numerics.norms import column_norms, frobenius_norm, frobenius_norm_lower, row_norms
from boundcheck.numerics.rounding import add_up, div_down, log_up, mul_up, sqrt_up, sum_down, sum_up
from boundcheck.rademacher.classes import ClosedClass, checked


class LInfBall(ClosedClass):
    """The functions w . x with all |w_j| <= radius.

    Args:
        x: Inputs (n, d).
        radius: Bound on the largest |w_j|.
    """

    def __init__(self, x: npt.ArrayLike, radius: float = 1.0) -> None:
        self._x = checked(x, "a data matrix", radius)
        self.n, self.radius = len(self._x), radius
        # Each coordinate of a signed sum is off by gamma_n times the sum of absolute values, and there are d of them to add.
        self._error = above(gamma(self.n) * float(above(np.abs(self._x).sum(), self._x.size)), 2)

    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Sums of the absolute coordinates of the signed sums."""
        sums, d = np.abs(signs @ self._x).sum(axis=1), self._x.shape[1]
        low = np.maximum(below(below(sums, d) - self._error, 1), 0.0)  # a norm is not negative
        return low, np.asarray(above(above(sums, d) + self._error, 1))

    def flips(self) -> Array:
        """Sums of the absolute coordinates of the inputs."""
        return np.asarray(above(np.abs(self._x).sum(axis=1), self._x.shape[1]))

    def mean_bounds(self) -> tuple[float, float]:
        """Khintchine from below and Jensen from above, coordinate by coordinate."""
        low = sum_down([frobenius_norm_lower(column) for column in self._x.T])
        return div_down(low, sqrt_up(2.0)), sum_up(column_norms(self._x).tolist())


class GroupBall(ClosedClass):
    """The functions w . x whose weights in groups of coordinates have norms that sum to at most the radius.

    Args:
        x: Inputs (n, d).
        groups: For each group the indices of its coordinates; each coordinate in exactly one group.
        radius: Bound on the sum of the Euclidean norms of the groups.

    Raises:
        InputError: The groups do not divide the coordinates.
    """

    def __init__(self, x: npt.ArrayLike, groups: Sequence[Sequence[int]], radius: float = 1.0) -> None:
        self._x = checked(x, "a data matrix", radius)
        self.n, self.radius = len(self._x), radius
        self._groups = [np.asarray(group, dtype=np.int64) for group in groups]
        members = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *self._groups]))
        if not np.array_equal(members, np.arange(self._x.shape[1])) or any(len(group) == 0 for group in self._groups):
            got = f"{len(self._groups)} groups of {len(members)} indices for {self._x.shape[1]} coordinates"
            raise InputError("groups that divide the coordinates", got, "put each coordinate into exactly one group")
        sums = above(np.abs(self._x).sum(axis=0), self.n)
        self._error = above(gamma(self.n) * max(frobenius_norm(sums[group]) for group in self._groups), 2)

    def suprema(self, signs: Array) -> tuple[Array, Array]:
        """Largest norms of a group of the signed sums."""
        sums = signs @ self._x
        norms = np.stack([np.sqrt(np.einsum("ij,ij->i", part, part)) for part in (sums[:, g] for g in self._groups)])
        largest, d = norms.max(axis=0), self._x.shape[1]
        low = np.maximum(below(below(largest, d + 3) - self._error, 1), 0.0)  # a norm is not negative
        return low, np.asarray(above(above(largest, d + 3) + self._error, 1))

    def flips(self) -> Array:
        """Largest norms of a group of the inputs."""
        return np.asarray(np.stack([row_norms(self._x[:, group]) for group in self._groups]).max(axis=0))

    def mean_bounds(self) -> tuple[float, float]:
        """One group from below; exponential moments, or all groups together, from above."""
        low = max(frobenius_norm_lower(self._x[:, group]) for group in self._groups)
        largest = max(frobenius_norm(self._x[:, group]) for group in self._groups)
        spread = add_up(1.0, sqrt_up(mul_up(2.0, log_up(float(len(self._groups))))))
        return div_down(low, sqrt_up(2.0)), min(frobenius_norm(self._x), mul_up(largest, spread))
