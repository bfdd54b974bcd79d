"""The linear construction: its conditions against mpmath, its promises against runs."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.studies.nagarajan2019linear import conditions, least_dimension, run


@pytest.mark.parametrize(("m", "d", "delta"), [(100, 20_000, 0.05), (100, 200_000, 0.01), (10, 5_000, 0.2), (1000, 20_000, 0.05)])
def test_the_conditions_in_many_digits(m: int, d: int, delta: float) -> None:
    with mpmath.workdps(40):
        t, s = mpmath.log(3 * m / mpmath.mpf(delta)), mpmath.log(3 / mpmath.mpf(delta))
        a = 32 * (1 - 2 * mpmath.sqrt(t / d))
        cross = mpmath.sqrt(64 * t * (m - 1) * a / d)
        square = 32 * m * (1 + 2 * mpmath.sqrt(s / d) + 2 * s / d)
        error = mpmath.ncdf(-4 / mpmath.sqrt(square * 32 / d))
        found = conditions(m, d, delta)
        assert found.least_square <= a
        assert found.cross >= mpmath.sqrt(64 * t * (m - 1) * mpmath.mpf(found.least_square) / d)
        assert found.test_error >= error
        assert float(a) == pytest.approx(found.least_square, rel=1e-12)
        assert float(error) == pytest.approx(found.test_error, rel=1e-9)
        assert found.holds == bool(a - 4 > cross)


def test_the_error_of_the_worked_example() -> None:
    """m = 100, D = 20,000: the formula without its confidence gives 0.0385499."""
    assert float(mpmath.ncdf(-math.sqrt(20_000 / 6400))) == pytest.approx(0.0385499, abs=1e-7)
    found = conditions(100, 20_000, 0.05)
    assert found.holds
    assert 0.0385499 < found.test_error < 0.042
    assert found.lower_bound == pytest.approx(1.0 - found.test_error, abs=1e-12)
    assert found.failure == pytest.approx(0.475, abs=1e-12)


def test_what_is_promised_comes_true() -> None:
    """At the edge of the condition, with much delta: error and flipped sample as said in all but a few of many runs."""
    m, delta, trials = 20, 0.5, 60
    d = least_dimension(m, delta)
    promised = conditions(m, d, delta)
    failures = 0
    for seed in range(trials):
        found = run(m, d, seed, fresh=1)
        failures += found.flipped_errors < m or found.error > promised.test_error
    assert failures <= delta * trials


def test_a_run_of_the_worked_example() -> None:
    found = run(100, 20_000, 3, fresh=3000)
    assert found.train_errors == 0
    assert found.flipped_errors == 100
    assert found.largest_flipped_margin < -10.0  # 4 less about 32 and a fluctuation of a few
    # Five standard deviations of 3000 fresh examples.
    assert abs(found.fresh_errors / 3000 - found.error) < 5.0 * math.sqrt(0.04 * 0.96 / 3000)


def test_the_least_dimension_is_the_least() -> None:
    for m in (1, 10, 100):
        d = least_dimension(m, 0.05)
        assert conditions(m, d, 0.05).holds
        assert not conditions(m, d - 1, 0.05).holds
        assert all(conditions(m, k, 0.05).holds for k in np.geomspace(d, 100 * d, 20).astype(int).tolist())


def test_the_promise_grows_with_the_dimension_and_shrinks_with_delta() -> None:
    bounds = [conditions(100, d, 0.05).lower_bound for d in (1000, 5000, 20_000, 10**6)]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0.0
    by_delta = [conditions(100, 20_000, delta).lower_bound for delta in (1e-6, 0.01, 0.3)]
    assert by_delta == sorted(by_delta)


@pytest.mark.parametrize(("m", "d", "delta"), [(0, 10, 0.1), (10, 0, 0.1), (10, 10, 0.0), (10, 10, 1.0)])
def test_sizes_out_of_range_are_refused(m: int, d: int, delta: float) -> None:
    with pytest.raises(InputError, match="--m and --d"):
        conditions(m, d, delta)


def test_a_sample_beyond_the_memory_is_refused() -> None:
    with pytest.raises(InputError, match="--m times --d"):
        run(10**5, 10**5, 0)
