r"""Kernels of the inner product: polynomial, arc-cosine, and those of fully connected ReLU networks of infinite width.

With rho = x x' / (|x| |x'|) and the angle theta = arccos rho,

.. math:: \kappa_0(\rho) = 1 - \theta/\pi, \quad \kappa_1(\rho) = \frac{\sin\theta + (\pi - \theta)\cos\theta}{\pi},

which are 2 E[step(u) step(v)] and 2 E[relu(u) relu(v)] for standard normal u, v of correlation rho (Y. Cho and L. K. Saul, Kernel
methods for deep learning, NIPS 2009). Depth L means L hidden layers, no biases, weights of variance 2 / width (He):

.. math:: \Sigma_0 = x x',\quad \Sigma_{l} = |x||x'|\kappa_1(\rho_{l-1}),\quad \rho_l = \Sigma_l / (|x||x'|);\qquad
          \Theta_0 = \Sigma_0,\quad \Theta_l = \Theta_{l-1}\,\kappa_0(\rho_{l-1}) + \Sigma_l .

NNGP is Sigma_L (J. Lee et al., ICLR 2018), NTK is Theta_L (A. Jacot, F. Gabriel and C. Hongler, NeurIPS 2018; all layers
trained).
The kernel of a first layer trained alone, x x' kappa_0(rho) / 2, is that of S. Arora, S. Du, W. Hu, Z. Li and R. Wang, ICML
2019, H^infinity, for unit inputs. On the diagonal rho = 1 exactly: k(x, x) = |x|^2 for NNGP, (L + 1) |x|^2 for NTK.

Errors. kappa_1 has derivative kappa_0, at most 1. kappa_0 has derivative 1 / (pi sqrt(1 - rho^2)), unbounded at 1: an error e of
rho moves it by at most e / (pi sqrt(1 - (rho + e)^2)), and by sqrt(2 e) in any case; the largest rho of a block decides.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.kernels.kernel import Array, Block, Kernel, Points, equal_pairs
from boundcheck.numerics.error_terms import TINY, UNIT, gamma
from boundcheck.numerics.rounding import mul_up

_SPARE = 1.0 + 2.0**-20  # for roundings of the error bounds themselves
_CHAIN = 256  # coordinates
_STEP = 16.0 * UNIT  # what one evaluation of kappa_0 or kappa_1 errs by itself: numbers up to pi, a libm call, four operations


class _OfInner(Kernel):
    """A function of the inner product of the inputs over the divisor."""

    divisor: float

    def prepare(self, x: NDArray[Any], like: Points | None = None) -> Points:
        """Inputs over the divisor."""
        rows = np.array(x, dtype=np.float64, order="C")
        if self.divisor != 1.0:
            rows /= self.divisor
        squares = np.zeros(len(rows))
        for part in _parts(rows.shape[1]):
            squares += np.einsum("ij,ij->i", rows[:, part], rows[:, part])
        return Points(rows, squares)


def _parts(d: int) -> list[slice]:
    """Coordinates that are summed by themselves: the error of a sum grows with the longest chain of additions."""
    return [slice(start, min(start + _CHAIN, d)) for start in range(0, d, _CHAIN)]


def _roundings(d: int) -> int:
    """Roundings that a sum over the coordinates can take, part by part."""
    return min(d, _CHAIN) + -(-d // _CHAIN)


def _products(a: Points, rows: slice, b: Points, columns: slice) -> tuple[Array, float, float]:
    """Inner products, a bound on their absolute error, and one on their size."""
    left, right = a.x[rows], b.x[columns]
    values = np.zeros((len(left), len(right)))
    for part in _parts(left.shape[1]):
        values += left[:, part] @ right[:, part].T
    size = math.sqrt(float(a.squares[rows].max(initial=0.0) * b.squares[columns].max(initial=0.0))) * _SPARE
    # Each input was divided (one rounding a coordinate); ten more are more than the norms and roots can take.
    return values, gamma(_roundings(a.x.shape[1]) + 12) * size * _SPARE, size


@dataclass(frozen=True)
class Polynomial(_OfInner):
    r""":math:`k(x,x')=(s\,xx'+c)^p`; degree 1 and offset 0 is the linear kernel.

    Attributes:
        degree: p, at least 1.
        offset: c, at least 0.
        scale: s > 0.
        divisor: Inputs are divided by this before anything else.
    """

    degree: int = 3
    offset: float = 1.0
    scale: float = 1.0
    divisor: float = 1.0

    def describe(self) -> str:
        """Name and parameters."""
        return f"polynomial, degree {self.degree}, offset {self.offset:g}, scale {self.scale:g}"

    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """The derivative p t^(p-1) at the largest t carries the error of the inner product."""
        values, error, size = _products(a, rows, b, columns)
        values *= self.scale
        values += self.offset
        top = self.scale * (size + error) + self.offset
        moved = self.scale * error + 4.0 * UNIT * top
        values **= self.degree
        slope = self.degree * (top * (1.0 + 8.0 * UNIT) + moved) ** (self.degree - 1)
        return Block(values, 2.0**-48, slope * moved * _SPARE + TINY)

    def diagonal(self, points: Points) -> tuple[Array, float]:
        """The same function of the squared norms, whose sum of non-negative numbers has a relative error."""
        values = (self.scale * points.squares + self.offset) ** self.degree
        return values, (1.0 + gamma(_roundings(points.x.shape[1]) + 12)) ** self.degree * (1.0 + 2.0**-48) - 1.0 + 4.0 * UNIT

    def diagonal_bound(self, radius: float | None) -> float | None:
        """(s r^2 + c)^p."""
        if radius is None:
            return None
        base = mul_up(self.scale, radius, radius) + self.offset
        return mul_up(*([base * (1.0 + 2.0**-50)] * self.degree), 1.0 + 2.0**-48)


class _OfAngle(_OfInner):
    """|x| |x'| times a function of the cosine of the angle."""

    @abstractmethod
    def of_cosine(self, rho: Array, error: float, top: float) -> tuple[Array, float]:
        """The function and a bound on its absolute error.

        Args:
            rho: Cosines, in [-1, 1].
            error: Bound on the absolute error of ``rho``.
            top: No true cosine of different inputs exceeds this.
        """

    @property
    @abstractmethod
    def at_one(self) -> float:
        """The function at rho = 1."""

    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """The error of the cosine goes through the function; the norms add a relative one."""
        values, _, size = _products(a, rows, b, columns)
        left, right = np.sqrt(a.squares[rows]), np.sqrt(b.squares[columns])
        lengths = left[:, None] * right
        d = _roundings(a.x.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            values /= lengths
        values[lengths == 0.0] = 0.0  # the zero input: k = 0 whatever the angle
        np.clip(values, -1.0, 1.0, out=values)
        same = equal_pairs(a, rows, b, columns)
        values[same] = -1.0
        error = (2.0 * gamma(d + 16) + 8.0 * UNIT) * _SPARE
        top = min(float(values.max(initial=-1.0)) + 2.0 * error, 1.0)
        values[same] = 1.0
        values, moved = self.of_cosine(values, error, top)
        values[same] = self.at_one
        values *= lengths
        return Block(values, gamma(d + 16), moved * size * _SPARE + TINY)

    def diagonal(self, points: Points) -> tuple[Array, float]:
        """|x|^2 times the function at 1."""
        return points.squares * self.at_one, gamma(_roundings(points.x.shape[1]) + 12)

    def diagonal_bound(self, radius: float | None) -> float | None:
        """r^2 times the function at 1."""
        return None if radius is None else mul_up(radius, radius, self.at_one)


def kappa0(rho: Array, error: float, top: float) -> tuple[Array, float]:
    """kappa_0 and a bound on its error; see the head of the module."""
    moved = math.sqrt(2.0 * error)
    edge = max(top, -float(rho.min(initial=1.0))) + 2.0 * error  # both ends of the interval are steep
    if edge < 1.0:
        moved = min(moved, error / (math.pi * math.sqrt(1.0 - edge**2)))
    return 1.0 - np.arccos(rho) / math.pi, moved * _SPARE + _STEP


def kappa1(rho: Array, error: float) -> tuple[Array, float]:
    """kappa_1 and a bound on its error; the root of 1 - rho^2 is taken from factors that do not cancel."""
    sine = np.sqrt((1.0 - rho) * (1.0 + rho))
    return (sine + (math.pi - np.arccos(rho)) * rho) / math.pi, error * _SPARE + _STEP


@dataclass(frozen=True)
class ArcCosine(_OfAngle):
    r""":math:`|x||x'|\kappa_1(\rho)` (order 1) or the first-layer kernel :math:`xx'\kappa_0(\rho)/2` (order 0).

    Attributes:
        order: 0 or 1.
        divisor: Inputs are divided by this before anything else.
    """

    order: int = 1
    divisor: float = 1.0

    def describe(self) -> str:
        """Name and order."""
        return "arc-cosine" if self.order == 1 else "first layer (arc-cosine of order 0 times the inner product, over 2)"

    @property
    def at_one(self) -> float:
        """1, or 1/2 for the first layer."""
        return 1.0 if self.order == 1 else 0.5

    def of_cosine(self, rho: Array, error: float, top: float) -> tuple[Array, float]:
        """kappa_1, or rho kappa_0 / 2."""
        if self.order == 1:
            return kappa1(rho, error)
        values, moved = kappa0(rho, error, top)
        return 0.5 * rho * values, 0.5 * (moved + error) + 2.0 * UNIT


@dataclass(frozen=True)
class _OfDepth(_OfAngle):
    """A kernel of a fully connected ReLU network of infinite width.

    Attributes:
        depth: Hidden layers, at least 1.
        divisor: Inputs are divided by this before anything else.
    """

    depth: int = 1
    divisor: float = 1.0

    def describe(self) -> str:
        """Name and depth."""
        return f"{type(self).__name__.lower()}, depth {self.depth}"


def _next_cosine(rho: Array, error: float) -> tuple[Array, float]:
    """The cosine one layer on, and a bound on its error."""
    rho, error = kappa1(rho, error)
    return np.clip(rho, -1.0, 1.0), error


@dataclass(frozen=True)
class NNGP(_OfDepth):
    """The covariance of the outputs of a random network."""

    @property
    def at_one(self) -> float:
        """1: the variance is kept from layer to layer."""
        return 1.0

    def of_cosine(self, rho: Array, error: float, top: float) -> tuple[Array, float]:
        """kappa_1, depth times."""
        for _ in range(self.depth):
            rho, error = _next_cosine(rho, error)
        return rho, error


@dataclass(frozen=True)
class NTK(_OfDepth):
    """The neural tangent kernel of a network, all layers trained."""

    @property
    def at_one(self) -> float:
        """One for each layer of weights."""
        return self.depth + 1.0

    def of_cosine(self, rho: Array, error: float, top: float) -> tuple[Array, float]:
        """The recursion; |Theta_l| is at most l + 1, and both factors of its product err."""
        tangent, off = rho.copy(), error
        for layer in range(self.depth):
            slope, moved = kappa0(rho, error, top)
            rho, error = _next_cosine(rho, error)
            top = min(float(kappa1(np.array(min(top, 1.0)), 0.0)[0]) + error, 1.0)
            tangent = tangent * slope + rho
            off = off + (layer + 1.0) * moved + error + 4.0 * (layer + 2.0) * UNIT
        return tangent, off
