"""Empirical Rademacher complexity of closed classes: worked values, brute force, coverage of the intervals."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.rademacher import ClosedClass, FiniteClass, KernelBall, L1Ball, LinearBall, complexity

EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
GAUSS = np.exp(-((EIGHT[:, None] - EIGHT[None]) ** 2).sum(axis=2) / 2.0)
FINITE = np.random.default_rng(4).uniform(-1.0, 1.0, size=(6, 8))


def mean_supremum(supremum) -> float:  # type: ignore[no-untyped-def]
    """Over all signs, in the plainest possible way."""
    return math.fsum(supremum(s) for s in itertools.product((-1, 1), repeat=8)) / 256 / 8


@pytest.mark.parametrize(
    ("of", "value"),
    [
        # Worked by an enumeration in another program, ten digits.
        (LinearBall(EIGHT), 0.3525739940),
        (L1Ball(EIGHT), 0.3149414),
        (KernelBall(GAUSS), 0.3397172125),
    ],
)
def test_worked_values_on_eight_points(of: ClosedClass, value: float) -> None:
    found = complexity(of)
    assert found.exact
    assert found.delta == 0.0
    assert found.lower <= found.upper <= found.lower * (1.0 + 1e-12)
    assert found.upper == pytest.approx(value, abs=5e-8)


def test_the_l1_ball_is_exact_in_fractions() -> None:
    columns = [[Fraction(v) for v in column] for column in EIGHT.T.tolist()]
    suprema = [
        max(abs(sum((s * v for s, v in zip(signs, column, strict=True)), Fraction(0))) for column in columns)
        for signs in itertools.product((-1, 1), repeat=8)
    ]
    truth = sum(suprema, Fraction(0)) / 256 / 8
    found = complexity(L1Ball(EIGHT))
    assert Fraction(found.lower) <= truth <= Fraction(found.upper)


def test_a_finite_class_against_brute_force() -> None:
    found = complexity(FiniteClass(FINITE))
    brute = mean_supremum(lambda s: max(math.fsum(a * b for a, b in zip(s, row, strict=True)) for row in FINITE.tolist()))
    assert found.lower <= brute * (1.0 + 1e-12)
    assert found.upper >= brute * (1.0 - 1e-12)
    assert found.upper - found.lower < 1e-12


def test_a_single_function_has_no_complexity() -> None:
    found = complexity(FiniteClass(FINITE[:1]))
    assert found.lower <= 0.0 <= found.upper < 1e-15


@pytest.mark.parametrize("of", [LinearBall(EIGHT, 2.5), L1Ball(EIGHT, 2.5), KernelBall(GAUSS, 2.5), FiniteClass(FINITE, 2.5)])
def test_what_is_known_without_signs_encloses_the_truth(of: ClosedClass) -> None:
    exact = complexity(of)
    low, high = of.mean_bounds()
    assert 0.0 <= low * 2.5 / 8 <= exact.upper
    assert exact.lower <= high * 2.5 / 8


def test_khintchine_and_kahane_on_eight_points() -> None:
    low, high = LinearBall(EIGHT).mean_bounds()
    assert low / 8 == pytest.approx(0.2759925271, abs=1e-10)
    assert high / 8 == pytest.approx(0.3903123749, abs=1e-10)
    assert L1Ball(EIGHT).mean_bounds()[1] / 8 == pytest.approx(math.sqrt(2.0 * 5.375 * math.log(4.0)) / 8, rel=1e-12)
    assert KernelBall(GAUSS).mean_bounds()[1] / 8 == pytest.approx(0.3535533906, abs=1e-10)


def test_exponential_moments_are_below_massart() -> None:
    high = FiniteClass(FINITE).mean_bounds()[1]
    massart = np.linalg.norm(FINITE, axis=1).max() * math.sqrt(2.0 * math.log(6.0))
    assert complexity(FiniteClass(FINITE)).lower * 8 <= high < massart


def test_the_radius_scales_everything() -> None:
    one, four = complexity(LinearBall(EIGHT)), complexity(LinearBall(EIGHT, 4.0))
    assert (four.lower, four.upper) == pytest.approx((4.0 * one.lower, 4.0 * one.upper), rel=1e-15)


def test_a_kernel_of_inner_products_is_the_linear_ball() -> None:
    linear, kernel = complexity(LinearBall(EIGHT)), complexity(KernelBall(EIGHT @ EIGHT.T))
    assert kernel.lower <= linear.upper
    assert linear.lower <= kernel.upper
    assert kernel.upper == pytest.approx(linear.upper, rel=1e-7)  # the root of a form that vanishes loses half of the digits


def test_the_confidence_radius_of_the_draws() -> None:
    """sqrt(2 V ln(2/delta) / T) / n for the linear ball; with ln(1/delta), V = 9.75, T = 200, delta = 0.05: 0.0675560."""
    found = complexity(LinearBall(EIGHT), draws=200, delta=0.1, exact_up_to=0)
    bare = complexity(LinearBall(EIGHT), draws=200, delta=1.0 - 1e-12, exact_up_to=0)
    assert not found.exact
    assert found.draws == 200
    radius, least = (math.sqrt(2.0 * 9.75 * math.log(2.0 / delta) / 200) / 8 for delta in (0.1, 1.0))
    assert radius == pytest.approx(0.0675560, abs=1e-7)
    assert bare.lower - found.lower == pytest.approx(radius - least, rel=1e-9)
    assert found.upper <= found.lower + 2.0 * radius


@pytest.mark.parametrize("of", [LinearBall(EIGHT), L1Ball(EIGHT), KernelBall(GAUSS), FiniteClass(FINITE)])
def test_the_intervals_of_the_draws_cover(of: ClosedClass) -> None:
    """Few draws and much delta, so that a missing factor would show; what is known without signs is left out by hand."""
    truth = complexity(of).upper * 8
    rng_misses, trials = 0, 300
    for seed in range(trials):
        found = complexity(of, draws=4, delta=0.5, seed=seed, exact_up_to=0)
        rng_misses += not found.lower * 8 <= truth * (1.0 + 1e-12) <= found.upper * 8 * (1.0 + 2e-12)
    assert rng_misses <= 0.5 * trials


def test_the_ends_hold_for_large_samples() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 5))
    found = complexity(LinearBall(x), draws=300)
    # For Gaussian data the mean norm of the signed sum is sqrt(2000) times the mean norm of 5 Gaussians, 2.1277, nearly.
    assert found.lower * 2000 <= math.sqrt(2000) * 2.1277 * 1.05
    assert found.upper * 2000 >= math.sqrt(2000) * 2.1277 * 0.95
    assert found.lower < found.upper


@pytest.mark.parametrize(
    "broken",
    [
        lambda: LinearBall(np.zeros((0, 2))),
        lambda: LinearBall(np.array([[np.inf]])),
        lambda: LinearBall(EIGHT, 0.0),
        lambda: LinearBall(EIGHT * 1e-170),  # the squares underflow, and an upper bound would be 0 but for rounding
        lambda: LinearBall(EIGHT * 1e170),
        lambda: KernelBall(np.array([[1.0, 0.5], [0.4, 1.0]])),
        lambda: complexity(KernelBall(np.array([[1.0, 3.0], [3.0, 1.0]]))),
        lambda: complexity(LinearBall(EIGHT), draws=0),
        lambda: complexity(LinearBall(EIGHT), delta=1.0),
    ],
)
def test_what_is_no_class_is_refused(broken) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError):
        broken()
