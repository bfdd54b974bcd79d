r"""What can be said of the eigenvalues of a Gram matrix: estimates with error bars, a certified lower end, effective ranks.

For a unit vector v with rho = v'Kv, an eigenvalue of K lies within |Kv - rho v| of rho, and lambda_min <= rho <= lambda_max.
The vectors come from Krylov spaces of the factor and of its inverse. A *lower* bound of lambda_min is another matter: it is
certified by a Cholesky factor of K - s I in float64 with its residual
(:func:`boundcheck.numerics.spectral.eigenvalue_excess`), which takes the whole matrix in memory and seven times the operations of
the factor.

Effective ranks: P. L. Bartlett, P. M. Long, G. Lugosi and A. Tsigler, Benign overfitting in linear regression, PNAS 117 (2020),
r_k = sum_{i>k} lambda_i / lambda_{k+1} and R_k = (sum_{i>k} lambda_i)^2 / sum_{i>k} lambda_i^2. Their theorem has unspecified
constants and needs the population's covariance: a diagnostic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from boundcheck.kernels.factor import Factor
from boundcheck.kernels.gram import Gram
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.parallel import Workers
from boundcheck.numerics.error_terms import UNIT
from boundcheck.numerics.rounding import add_up
from boundcheck.numerics.spectral import eigenvalue_excess

_INVERSE_STEPS = 8  # small eigenvalues lie close together; the largest stands apart from the next
_FORWARD_STEPS = 5
_EXHAUSTED = 2.0**-20  # what float32 leaves of a direction that lies in the space already


@dataclass(frozen=True)
class Eigenvalue:
    """An estimate of an eigenvalue at an end of the spectrum.

    Attributes:
        value: The Rayleigh quotient of K.
        within: An eigenvalue lies within this of it, rounding included.
    """

    value: float
    within: float


@dataclass(frozen=True, eq=False)
class Probes:
    """Vectors that nearly belong to the smallest and largest eigenvalue, shape (n, 2), unit columns."""

    vectors: Array


def probe(factor: Factor, seed: int, crew: Workers) -> Probes:
    """Find the probes with products and solutions of the factor alone, both ends side by side.

    Args:
        factor: Of a matrix near K.
        seed: Of the vectors that it starts from.
        crew: Who does the work.
    """
    start = np.random.default_rng(seed).standard_normal((factor.n, 1))

    def low() -> Array:
        # What float32 leaves of large eigenvalues would weigh by them: they are damped before and after.
        return _unit(factor.solve(_top(factor.solve, _unit(factor.solve(start)), _INVERSE_STEPS)))

    def high() -> Array:
        return _top(lambda v: factor.times(v).astype(np.float64), start, _FORWARD_STEPS)

    return Probes(np.concatenate(list(crew.map(lambda end: end(), (low, high))), axis=1))


def _unit(v: Array) -> Array:
    return np.asarray(v / np.linalg.norm(v))


def _top(apply: Callable[[Array], Array], start: Array, steps: int) -> Array:
    """A unit vector near the largest eigenvalue of a symmetric operator, shape (n, 1): the best of a Krylov space."""
    basis = _unit(start)
    images = np.empty((len(start), 0))
    for _ in range(min(steps, len(start))):
        image = apply(basis[:, -1:])
        images = np.concatenate([images, image], axis=1)
        for _ in range(2):  # once more, as the first time leaves what rounding took
            image = image - basis @ (basis.T @ image)
        size = float(np.linalg.norm(image))
        if not size > _EXHAUSTED * float(np.linalg.norm(images[:, -1])):
            break
        basis = np.concatenate([basis, image / size], axis=1)
    basis = basis[:, : images.shape[1]]
    small = basis.T @ images
    return _unit(basis @ np.linalg.eigh(0.5 * (small + small.T))[1][:, -1:])


def eigenvalue(v: Array, product: Array, error: Array) -> Eigenvalue:
    """The estimate that a vector gives.

    Args:
        v: About a unit vector, shape (n,).
        product: Computed K v, shape (n,).
        error: Bound on the error of each entry of ``product``.
    """
    square = float(v @ v)
    value = float(v @ product) / square
    rest = np.linalg.norm(product - value * v) + np.linalg.norm(error) + 8.0 * len(v) * UNIT * (np.linalg.norm(product) + value)
    return Eigenvalue(value, float(rest) / math.sqrt(square) * (1.0 + 2.0**-20))


def smallest_eigenvalue_lower(gram: Gram, guess: float) -> float | None:
    """A certified positive lower bound of the smallest eigenvalue of K, or ``None`` where none is found.

    The whole matrix is in memory four times, in float64.

    Args:
        gram: The matrix.
        guess: An estimate of the eigenvalue.
    """
    whole, away = gram.whole(), gram.away()
    for share in (0.9, 0.5, 0.1, 0.01):
        excess = eigenvalue_excess(-whole, -share * guess)
        if excess is not None:
            bound = -add_up(-share * guess, excess, away)
            return bound if bound > 0.0 else None
    return None


def effective_ranks(eigenvalues: Array, k: int) -> tuple[float, float]:
    """r_k and R_k of a spectrum.

    Args:
        eigenvalues: In any order, at least 0, more than k of them positive.
        k: At least 0.

    Raises:
        ValueError: There is no eigenvalue k + 1, or it is not positive.
    """
    tail = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1][k:]
    if k < 0 or tail.size == 0 or not tail[0] > 0.0:
        raise ValueError(f"expected more than k = {k} positive eigenvalues; got {np.size(eigenvalues)} in all")
    total = float(tail.sum())
    return total / float(tail[0]), total**2 / float(np.square(tail).sum())


def lowest_benign_index(eigenvalues: Array, n: int, share: float = 1.0) -> int | None:
    """The smallest k with r_k >= share * n, where the theorem of benign overfitting splits the spectrum; ``None`` if none.

    Args:
        eigenvalues: At least 0.
        n: Sample size.
        share: The theorem's constant, which it leaves unspecified.
    """
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    tails = np.cumsum(values[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.flatnonzero((tails >= share * n * values) & (values > 0.0))
    return int(reached[0]) if reached.size else None
