"""Problems with known risk: the risk is the truth, and the samples follow the law that it is the risk of."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import stats

from boundcheck.data import PROBLEMS, FiniteProblem, GaussianPair, LinearRule, make_problem
from boundcheck.data.synthetic import coin, cube, thresholds
from boundcheck.errors import InputError


def test_thresholds_by_hand() -> None:
    problem = thresholds(size=8, at=3, noise=Fraction(1, 8))
    # The planted rule errs on the flips only; moved by one point of eight, it errs there with the other 7/8.
    assert problem.exact_risk(lambda x: (x[:, 0] >= 3 / 8).astype(int)) == Fraction(1, 8)
    assert problem.exact_risk(lambda x: (x[:, 0] >= 4 / 8).astype(int)) == Fraction(1, 8) + Fraction(1, 8) * Fraction(6, 8)


def test_cube_and_coin_by_hand() -> None:
    problem = cube(dim=5, classes=4, noise=Fraction(1, 5))
    assert problem.exact_risk(lambda x: x.sum(axis=1).astype(int) % 4) == Fraction(1, 5) * Fraction(3, 4)
    for k in (2, 3, 7):
        assert coin(3, k).exact_risk(lambda x: np.arange(len(x)) % 2) == 1 - Fraction(1, k)


def test_no_prediction_is_an_error() -> None:
    problem = make_problem("cube")
    for nothing in (-1, 4, np.nan):
        assert problem.risk(lambda x, v=nothing: np.full(len(x), v)) == 1.0


def test_finite_samples_follow_the_weights() -> None:
    weights = np.array([[3, 0, 1], [0, 5, 2], [1, 1, 7]])
    problem = FiniteProblem(np.array([[0.0], [1.0], [2.0]]), weights)
    n = 100_000
    x, y = problem.sample(n, np.random.default_rng(1))
    counts = np.zeros((3, 3))
    np.add.at(counts, (x[:, 0].astype(int), y), 1)
    assert (counts[weights == 0] == 0).all()
    expected = weights * n / weights.sum()
    # Fixed seed; a correct program fails at a first choice of seed with probability 1e-6.
    assert stats.chisquare(counts[weights > 0], expected[weights > 0]).pvalue > 1e-6


@pytest.mark.parametrize("flip", [0.0, 0.1])
@pytest.mark.parametrize(("along", "across"), [(1.0, 1.0), (0.0, 1.0), (0.5, 2.0), (1.0, 0.0), (0.0, 0.0)])
def test_gaussian_risk_by_quadrature_and_by_drawing(along: float, across: float, flip: float) -> None:
    problem = GaussianPair(dim=3, margin=1.0, along=along, across=across, flip=flip)
    rule = LinearRule(np.array([1.0, -0.5, 0.25]), 0.3)
    spread = math.sqrt(along**2 + across**2 * (0.25 + 0.0625))
    wrong = 0.0
    for sign in (-1, 1):
        centre = sign * 1.0 + 0.3
        # P(sign * score < 0), from mpmath's normal distribution function; a point mass where nothing spreads.
        wrong += 0.5 * (float(mpmath.ncdf(-sign * centre / spread)) if spread else float(sign * centre < 0))
    expected = (1 - flip) * wrong + flip * (1 - wrong)
    assert problem.risk(rule) == pytest.approx(expected, rel=1e-13, abs=1e-300)  # a dozen roundings of 1.1e-16
    x, y = problem.sample(200_000, np.random.default_rng(7))
    assert abs(np.mean(rule(x) != y) - expected) < 5 * 0.5 / math.sqrt(200_000)  # five standard errors at most


def test_margin_points_keep_their_distance_and_the_planted_rule_is_perfect() -> None:
    problem = make_problem("margin")
    x, y = problem.sample(500, np.random.default_rng(0))
    np.testing.assert_array_equal(x[:, 0], 2 * y - 1)
    planted = LinearRule(np.eye(16)[0])
    assert problem.risk(planted) == 0.0
    assert (planted(x) == y).all()


def test_far_tails_and_ties() -> None:
    problem = GaussianPair(dim=2, margin=30.0, along=1.0, across=1.0)
    tail = float(mpmath.ncdf(-30))
    assert problem.risk(LinearRule(np.array([1.0, 0.0]))) == pytest.approx(tail, rel=1e-13)  # a dozen roundings
    assert problem.risk(LinearRule(np.zeros(2))) == 1.0  # a tie everywhere is an error everywhere
    assert problem.risk(LinearRule(np.zeros(2), 1.0)) == 0.5


def test_named_problems() -> None:
    for name in PROBLEMS:
        problem = make_problem(name)
        x, y = problem.sample(300, np.random.default_rng(0))
        again = problem.sample(300, np.random.default_rng(0))
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])
        assert set(y.tolist()) == set(range(problem.classes))
        if problem.domain is not None:
            assert problem.domain[0] <= x.min() <= x.max() <= problem.domain[1]
    assert make_problem("gaussians").risk(LinearRule(np.eye(16)[0])) == pytest.approx(float(mpmath.ncdf(-1.5)), rel=1e-13)
    with pytest.raises(InputError, match="'thresholds'"):
        make_problem("threshold")


def test_misuse() -> None:
    problem = make_problem("gaussians")
    with pytest.raises(TypeError, match="closed form"):
        problem.risk(lambda x: np.zeros(len(x)))
    for rule in (LinearRule(np.zeros(3)), LinearRule(np.full(16, np.nan)), LinearRule(np.zeros(16), math.inf)):
        with pytest.raises(ValueError, match="expected a"):
            problem.risk(rule)
    atoms = np.zeros((2, 1))
    for weights in (
        np.array([[1, 1]]),
        np.array([[1.0, 1], [1, 1]]),
        np.array([[-1, 2], [1, 1]]),
        np.zeros((2, 2), int),
        np.ones((2, 1), int),
        np.full((2, 2), 2**62),
    ):
        with pytest.raises(ValueError, match="expected"):
            FiniteProblem(atoms, weights)
    for arguments in ((0, 1, 1, 1), (1, -1, 1, 1), (1, 1, math.inf, 1), (1, 1, 1, 1, 1.5)):
        with pytest.raises(ValueError, match="expected"):
            GaussianPair(*arguments)
