"""The count of loss patterns: worked values, exact integers, brute force on tiny networks, monotonicity."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from boundcheck.numerics.growth import log_growth_upper, vc_dimension_upper

SMALL = {"tests": [3, 1], "degrees": [1, 2], "parameters": [9, 13]}  # 2-3-1 with biases
OWN = [[(3, 1, 3)], []]


def binomial_sum(m: int, w: int) -> int:
    return sum(math.comb(m, j) for j in range(min(m, w) + 1))


def exact(n: int, tests: list[int], degrees: list[int], parameters: list[int]) -> float:
    """The theorem's sum with exact integers: a log of an integer is right to a few units in the last place."""
    total = 0.0
    for q, d, w in zip(tests, degrees, parameters, strict=True):
        total += min(q * n * math.log(2), math.log(2 * (2 * d) ** w * binomial_sum(q * n, w)))
    return total


def test_worked_values() -> None:
    # mpmath, 50 digits, binomial sums in exact integers.
    assert 152.0764856466710 <= log_growth_upper(1000, **SMALL) <= 152.0764856466710 * (1 + 1e-9)
    assert 142.6930671416475 <= log_growth_upper(1000, **SMALL, blocks=OWN) <= 142.6930671416475 * (1 + 1e-9)
    assert (vc_dimension_upper(**SMALL), vc_dimension_upper(**SMALL, blocks=OWN)) == (160, 143)


@pytest.mark.parametrize("n", [1, 2, 5, 17, 400])
@pytest.mark.parametrize(
    "levels", [([1], [1], [3]), ([3, 1], [1, 2], [9, 13]), ([4, 4, 2], [1, 2, 3], [12, 32, 42]), ([0, 2], [1, 2], [5, 9])]
)
def test_against_exact_integers(n: int, levels: tuple[list[int], list[int], list[int]]) -> None:
    tests, degrees, parameters = levels
    value = log_growth_upper(n, tests=tests, degrees=degrees, parameters=parameters)
    truth = exact(n, tests, degrees, parameters)
    assert truth * (1 - 1e-14) <= value <= truth * (1 + 1e-9)  # 1e-14: the oracle's own rounding


def test_affine_tests_cost_the_cells_of_an_arrangement() -> None:
    for n, p in itertools.product((1, 2, 3, 10, 500), (1, 2, 3, 7)):
        value = log_growth_upper(n, tests=[1], degrees=[1], parameters=[p], blocks=[[(1, 1, p)]])
        truth = math.log(binomial_sum(n, p))
        assert truth * (1 - 1e-14) <= value <= truth * (1 + 1e-9)


def patterns_of_thresholds(points: list[Fraction]) -> set[tuple[bool, ...]]:
    """All sign patterns 1[a x + b > 0] on a line: constants, and cuts between neighbours in both directions."""
    cuts = sorted(points)
    thresholds = [cuts[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(cuts)), cuts[-1] + 1]
    above = {tuple(x > t for x in points) for t in thresholds}
    return above | {tuple(not s for s in pattern) for pattern in above}


def test_no_class_shows_more_patterns_than_are_counted() -> None:
    rng = np.random.default_rng(5)
    for n in range(1, 9):
        points = [Fraction(int(v), 1000) for v in rng.choice(1000, size=n, replace=False)]
        found = len(patterns_of_thresholds(points))
        assert found == 2 * n
        assert math.log(found) <= log_growth_upper(n, tests=[1], degrees=[1], parameters=[2], blocks=[[(1, 1, 2)]])


def test_no_relu_network_shows_more_patterns_than_are_counted() -> None:
    """1-2-1 networks drawn at random on few points: the patterns found are at most those counted."""
    rng = np.random.default_rng(6)
    draws = 100_000
    w, b, v, c = rng.normal(size=(draws, 2)), rng.normal(size=(draws, 2)), rng.normal(size=(draws, 2)), rng.normal(size=draws)
    for n in (1, 2, 3, 6, 8):
        x = rng.normal(size=n)
        hidden = np.maximum(w[:, :, None] * x + b[:, :, None], 0.0)
        outputs = np.einsum("rh,rhn->rn", v, hidden) + c[:, None]
        found = len(np.unique(outputs > 0.0, axis=0))
        counted = log_growth_upper(n, tests=[2, 1], degrees=[1, 2], parameters=[4, 7], blocks=[[(2, 1, 2)], []])
        assert math.log(found) <= counted
        assert n > 2 or found == 2**n  # the count is not beaten for want of trying


def test_blocks_never_cost_more_and_tests_beyond_them_are_counted() -> None:
    for n in (3, 50, 4000):
        plain, refined = log_growth_upper(n, **SMALL), log_growth_upper(n, **SMALL, blocks=OWN)
        partial = log_growth_upper(n, **SMALL, blocks=[[(2, 1, 3)], []])
        assert refined <= plain
        assert refined <= partial <= plain


def test_blocks_are_for_affine_tests_only() -> None:
    levels = {"tests": [3], "degrees": [2], "parameters": [9]}
    assert log_growth_upper(100, **levels, blocks=[[(3, 1, 3)]]) == log_growth_upper(100, **levels)


def test_it_is_concave_in_the_number_of_points() -> None:
    values = [0.0] + [log_growth_upper(n, **SMALL, blocks=OWN) for n in range(1, 400)]
    steps = np.diff(values)
    assert (np.diff(steps) <= 1e-8).all()  # values near 140, rounded up by at most 1e-9 of that in theory, 1e-12 as found


@pytest.mark.parametrize(
    "change",
    [{"tests": [3]}, {"tests": []}, {"degrees": [0, 2]}, {"tests": [-1, 1]}, {"parameters": [9, -1]}, {"blocks": [[]]}],
)
def test_what_makes_no_sense_is_refused(change: dict[str, list[int]]) -> None:
    with pytest.raises(ValueError, match="expected"):
        log_growth_upper(10, **{**SMALL, **change})


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="n >= 1"):
        log_growth_upper(0, **SMALL)
