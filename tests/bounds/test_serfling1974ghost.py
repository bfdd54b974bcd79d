"""A long ghost sample: the inequality of each step by brute force, worked values, and the supremum over all cuts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from boundcheck.bounds.serfling1974ghost import Serfling1974Ghost, deviation_up
from boundcheck.bounds.vapnik1998growth import Vapnik1998Growth

formula = Serfling1974Ghost.formula
LINE = {"tests": [1], "degrees": [1], "parameters": [2], "blocks": [[(1, 1, 2)]]}
SMALL = {"tests": [5, 1], "degrees": [1, 2], "parameters": [105, 111], "blocks": []}


def sauer(points: int, dimension: int = 3) -> float:
    return math.log(sum(math.comb(points, j) for j in range(dimension + 1)))


@pytest.mark.parametrize(("times", "value"), [(1, 0.1051813), (16, 0.08388397)])
def test_worked_values_of_dimension_three(times: int, value: float) -> None:
    # n = 5000, 100 errors, s = 1/2: seven digits.
    found = 0.02 + deviation_up(n=5000, m=5000 * times, level=0.5, log_growth=sauer(5000 * (times + 1)), delta=0.05)
    assert found == pytest.approx(value, rel=1e-6)


def test_the_choice_is_the_smallest_of_all() -> None:
    bound = formula(n=3000, errors=0, delta=0.05, **LINE)
    values = [
        deviation_up(n=3000, m=m, level=j / 32, log_growth=math.log(1 + 3000 + m + math.comb(3000 + m, 2)), delta=0.05)
        for m in (3000 * t for t in (1, 2, 4, 8, 16, 32))
        for j in range(1, 32)
    ]
    assert bound.value == pytest.approx(min(values), rel=1e-9)


def test_it_is_better_than_a_ghost_sample_of_the_same_size() -> None:
    # The network 20-5-1 at n = 60000: 0.1518 at m = 12 n and s = 1/2.
    ours = formula(n=60000, errors=0, delta=0.05, **SMALL).value
    assert 0.150 < ours <= 0.1519 < Vapnik1998Growth.formula(n=60000, errors=0, delta=0.05, **SMALL).value


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 2), (5, 20), (12, 12), (20, 5)])
def test_the_tail_without_replacement(n: int, m: int) -> None:
    """P(errors on all less errors on the sample >= t) <= exp(-2 n t^2 N / (m + 1)), against the hypergeometric law."""
    total = n + m
    for marked in range(total + 1):
        for seen in range(n + 1):
            t = marked / total - seen / n
            if t > 0:
                assert hypergeom.cdf(seen, total, marked, n) <= math.exp(-2 * n * t * t * total / (m + 1)) * (1 + 1e-9)


def test_the_supremum_over_all_lines_stays_below() -> None:
    """Cuts of both directions with noisy labels: more samples than delta allows would have to be missed to refute it."""
    rng = np.random.default_rng(7)
    n, noise = 200, 0.2
    promised = formula(n=n, errors=0, delta=0.3, **LINE).value
    worst = 0.0
    for _ in range(300):
        x = np.sort(rng.uniform(size=n))
        y = (x > 0.5) ^ (rng.uniform(size=n) < noise)
        ends = np.concatenate(([0.0], x, [1.0]))
        for flip in (False, True):
            wrong = np.concatenate(([0], np.cumsum(y ^ flip))) + np.concatenate((np.cumsum((~(y ^ flip))[::-1])[::-1], [0]))
            risk = np.maximum(*(noise + (1 - 2 * noise) * np.abs(part - 0.5) for part in (ends[:-1], ends[1:])))
            low = np.minimum(*(noise + (1 - 2 * noise) * np.abs(part - 0.5) for part in (ends[:-1], ends[1:])))
            worst = max(worst, float(((1 - low if flip else risk) - wrong / n).max()))
    assert 0.05 < worst <= promised


def test_the_smallest_confidence_that_a_float_can_hold() -> None:
    # Half of it is no positive float.
    assert formula(n=5000, errors=0, delta=5e-324, **LINE).value > formula(n=5000, errors=0, delta=1e-300, **LINE).value
