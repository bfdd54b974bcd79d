"""Problems whose risk is known, so that a bound can be held to the truth.

Two kinds: a finite domain, where the risk of any predictor is a finite sum of rational numbers, and a pair of
Gaussians with a planted direction, where the risk of any linear rule is a value of the normal distribution function.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError, nearest

Predictor = Callable[[NDArray[np.float64]], NDArray[Any]]
Sample = tuple[NDArray[np.float64], NDArray[np.int64]]


class KnownRiskProblem(ABC):
    """A distribution of labelled points that can be sampled, and the risk of predictors under it.

    A predictor maps inputs of shape (n, d) to n labels; any label outside [0, classes), -1 by custom, means that
    there is no prediction (a tie, a NaN), which counts as an error.
    """

    @property
    @abstractmethod
    def classes(self) -> int:
        """The number of classes k."""

    @property
    @abstractmethod
    def domain(self) -> tuple[float, float] | None:
        """Bounds on every coordinate that hold with certainty, or None."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Sample:
        """Independent labelled points: n inputs (n, d) and labels (n,)."""

    @abstractmethod
    def risk(self, predict: Predictor) -> float:
        """The probability that the predictor errs on a fresh labelled point."""


@final
@dataclass(frozen=True, eq=False)
class FiniteProblem(KnownRiskProblem):
    """A distribution on finitely many inputs, with integer weights.

    Attributes:
        atoms: The inputs, shape (m, d).
        weights: Integers at least 0, shape (m, k); atom i has label j with probability weights[i, j] / sum.
    """

    atoms: NDArray[np.float64]
    weights: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.atoms.ndim != 2 or self.weights.ndim != 2 or len(self.atoms) != len(self.weights):
            raise ValueError(f"expected (m, d) atoms and (m, k) weights; got {self.atoms.shape}, {self.weights.shape}")
        if self.weights.dtype.kind != "i" or int(self.weights.min()) < 0 or self.weights.shape[1] < 2:
            raise ValueError("expected integer weights of at least 0 for at least two classes")
        if not 0 < sum(self.weights.ravel().tolist()) < 2**63:
            raise ValueError("expected weights whose sum is positive and fits into 64 bits")

    @property
    def classes(self) -> int:
        """The number of classes k."""
        return int(self.weights.shape[1])

    @property
    def domain(self) -> tuple[float, float]:
        """The extremes over the atoms, which belong to the problem and not to a sample."""
        return float(self.atoms.min()), float(self.atoms.max())

    def sample(self, n: int, rng: np.random.Generator) -> Sample:
        """Draw n independent labelled points, without any rounding of the probabilities."""
        steps = np.cumsum(self.weights.ravel())
        cells = np.searchsorted(steps, rng.integers(0, int(steps[-1]), size=n), side="right")
        return self.atoms[cells // self.classes], (cells % self.classes).astype(np.int64)

    def exact_risk(self, predict: Predictor) -> Fraction:
        """The risk as a rational number; the predictor is called once, on all atoms."""
        predicted = np.asarray(predict(self.atoms.copy()))
        if predicted.shape != (len(self.atoms),):
            raise ValueError(f"expected one label for each of {len(self.atoms)} atoms; got shape {predicted.shape}")
        right = predicted[:, None] == np.arange(self.classes)
        return 1 - Fraction(int(self.weights[right].sum()), int(self.weights.sum()))

    def risk(self, predict: Predictor) -> float:
        """The float nearest to the exact risk."""
        return float(self.exact_risk(predict))


@final
@dataclass(frozen=True, eq=False)
class LinearRule:
    """Class 1 where weight . x + bias > 0, class 0 where it is < 0, no prediction where it is 0 or NaN.

    Attributes:
        weight: Shape (d,).
        bias: A number.
    """

    weight: NDArray[np.float64]
    bias: float = 0.0

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Labels of inputs (n, d): 0, 1, or -1 for no prediction."""
        score = x @ self.weight + self.bias
        return np.where(score > 0, 1, np.where(score < 0, 0, -1)).astype(np.int64)


@final
@dataclass(frozen=True)
class GaussianPair(KnownRiskProblem):
    """Two balanced classes on either side of a hyperplane, with Gaussian noise and flipped labels.

    The clean class c is fair; the first coordinate is (2c - 1) margin + along Z and the others are across Z', with
    independent standard normals; then the label is flipped with probability flip. With along = 0 every point lies at
    distance exactly margin from the hyperplane.

    Attributes:
        dim: The dimension d, at least 1.
        margin: The distance of the class means from the hyperplane, at least 0.
        along: The standard deviation in the planted direction, at least 0.
        across: The standard deviation in each other direction, at least 0.
        flip: The probability of a flipped label, in [0, 1].
    """

    dim: int
    margin: float
    along: float
    across: float
    flip: float = 0.0

    def __post_init__(self) -> None:
        if self.dim < 1 or not 0 <= self.flip <= 1:
            raise ValueError(f"expected dim >= 1 and flip in [0, 1]; got {self.dim} and {self.flip}")
        if not all(0 <= v < math.inf for v in (self.margin, self.along, self.across)):
            raise ValueError("expected finite margin, along and across of at least 0")

    @property
    def classes(self) -> int:
        """Two."""
        return 2

    @property
    def domain(self) -> None:
        """None: normal variables are unbounded."""
        return None

    def sample(self, n: int, rng: np.random.Generator) -> Sample:
        """Draw n independent labelled points."""
        clean = rng.integers(0, 2, size=n)
        x = self.across * rng.standard_normal((n, self.dim))
        x[:, 0] = (2 * clean - 1) * self.margin + self.along * rng.standard_normal(n)
        flipped = rng.random(n) < self.flip
        return x, np.where(flipped, 1 - clean, clean).astype(np.int64)

    def risk(self, predict: Predictor) -> float:
        """The risk of a linear rule in closed form, to about 1e-14 relative to the clean error.

        Raises:
            TypeError: The predictor isn't a `LinearRule`, so its risk has no closed form here.
        """
        if not isinstance(predict, LinearRule):
            raise TypeError(f"expected a LinearRule, whose risk has a closed form; got {type(predict).__name__}")
        w = np.asarray(predict.weight, dtype=np.float64)
        if w.shape != (self.dim,):
            raise ValueError(f"expected a weight of shape ({self.dim},); got {w.shape}")
        if not (np.isfinite(w).all() and math.isfinite(predict.bias)):
            raise ValueError("expected a finite weight and bias")
        spread = math.hypot(self.along * float(w[0]), self.across * math.hypot(*w[1:].tolist()))
        risk = 0.0
        for sign in (-1, 1):
            centre = sign * self.margin * float(w[0]) + predict.bias
            above, below = _normal_sides(centre, spread)
            right, wrong = (above, below) if sign > 0 else (below, above)
            # A point without a prediction is wrong under either label, so it isn't the complement of wrong.
            none = 1.0 if right == wrong == 0.0 else 0.0
            risk += 0.5 * ((1 - self.flip) * wrong + self.flip * right + none)
        return risk


def _normal_sides(centre: float, spread: float) -> tuple[float, float]:
    """P(S > 0) and P(S < 0) of a normal variable S; a spread of 0 is a point mass."""
    if spread > 0:
        t = centre / (spread * math.sqrt(2.0))
        return 0.5 * math.erfc(-t), 0.5 * math.erfc(t)
    return float(centre > 0), float(centre < 0)


def thresholds(size: int = 64, at: int = 24, noise: Fraction = Fraction(1, 8)) -> FiniteProblem:
    """A uniform grid of [0, 1]; class 1 from a planted threshold on, each label flipped with probability noise.

    Args:
        size: The number of grid points i / size.
        at: The first grid point of class 1.
        noise: The probability of a flip.
    """
    grid = np.arange(size)
    rare, often = noise.numerator, noise.denominator - noise.numerator
    upper = grid >= at
    weights = np.stack([np.where(upper, rare, often), np.where(upper, often, rare)], axis=1)
    return FiniteProblem(grid[:, None] / size, weights.astype(np.int64))


def cube(dim: int = 8, classes: int = 4, noise: Fraction = Fraction(1, 5)) -> FiniteProblem:
    """The vertices of {0, 1}^dim, uniformly; the class is the number of ones modulo classes, with uniform noise.

    Args:
        dim: The dimension; there are 2^dim atoms.
        classes: The number of classes k.
        noise: The probability that the label is replaced by a uniform one on the k classes.
    """
    atoms = (np.arange(2**dim)[:, None] >> np.arange(dim)) & 1
    weights = np.full((2**dim, classes), noise.numerator, dtype=np.int64)
    weights[np.arange(2**dim), atoms.sum(axis=1) % classes] += classes * (noise.denominator - noise.numerator)
    return FiniteProblem(atoms.astype(np.float64), weights)


def coin(dim: int = 8, classes: int = 2) -> FiniteProblem:
    """The vertices of {0, 1}^dim with labels that are independent of them: no predictor is better than 1 - 1/k."""
    return cube(dim, classes, Fraction(1))


@dataclass(frozen=True)
class _Entry:
    """A named problem: what it is, how it is made, and the sizes of the samples drawn from it as a data set."""

    says: str
    make: Callable[[], KnownRiskProblem]
    n_train: int = 1000
    n_test: int = 1000


_ENTRIES: dict[str, _Entry] = {
    "gaussians": _Entry(
        "two overlapping Gaussians in 16 dimensions; the best linear rule errs with probability Phi(-1.5)",
        lambda: GaussianPair(dim=16, margin=1.5, along=1.0, across=1.0),
    ),
    "margin": _Entry(
        "two classes in 16 dimensions at distance exactly 1 from a planted hyperplane",
        lambda: GaussianPair(dim=16, margin=1.0, along=0.0, across=1.0),
    ),
    "thresholds": _Entry("a threshold on a grid of [0, 1], one label in eight flipped", thresholds),
    "cube": _Entry("the vertices of {0, 1}^8, the number of ones modulo 4, one label in five random", cube),
    "coin": _Entry("the vertices of {0, 1}^8 with fair coins for labels", coin),
}

PROBLEMS: dict[str, str] = {name: entry.says for name, entry in _ENTRIES.items()}
"""What each named problem is, by name."""


def make_problem(name: str) -> KnownRiskProblem:
    """The problem of a name in `PROBLEMS`.

    Raises:
        InputError: There is no such problem.
    """
    return _entry(name).make()


def draw_samples(name: str, seed: int) -> tuple[KnownRiskProblem, Sample, Sample]:
    """A problem with two independent samples of it, for training and for testing.

    Args:
        name: A name in `PROBLEMS`.
        seed: At least 0; the samples of different seeds are independent.

    Raises:
        InputError: There is no such problem, or the seed is negative.
    """
    entry = _entry(name)
    if seed < 0:
        raise InputError("a seed of at least 0", str(seed), "choose another seed")
    problem = entry.make()
    train, test = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    return problem, problem.sample(entry.n_train, train), problem.sample(entry.n_test, test)


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES:
        raise InputError("a synthetic problem", f"'{name}'", nearest(name, tuple(_ENTRIES)))
    return _ENTRIES[name]
