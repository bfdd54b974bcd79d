"""xi(n) against its definition as a sum of binomial probabilities."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import pytest

from boundcheck.numerics import log_xi_upper


def test_small_n_exactly() -> None:
    for n in range(1, 60):
        exact = sum(Fraction(math.comb(n, k)) * Fraction(k, n) ** k * Fraction(n - k, n) ** (n - k) for k in range(n + 1))
        with mpmath.workdps(40):
            truth = mpmath.log(mpmath.mpf(exact.numerator) / exact.denominator)
            assert truth <= log_xi_upper(n) <= truth + 1e-13


@pytest.mark.parametrize("n", [400, 5000])
def test_definition_in_high_precision(n: int) -> None:
    with mpmath.workdps(40):
        truth = mpmath.log(
            mpmath.fsum(
                mpmath.binomial(n, k) * mpmath.mpf(k) ** k * mpmath.mpf(n - k) ** (n - k) / mpmath.mpf(n) ** n
                for k in range(n + 1)
            )
        )
        assert truth <= log_xi_upper(n) <= truth + 1e-11


def test_worked_values() -> None:
    assert math.exp(log_xi_upper(10**4)) == pytest.approx(125.9991219, abs=1e-7)  # digits given
    assert math.exp(log_xi_upper(60000)) == pytest.approx(307.6651, abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 8, 1000, 10**6, 10**9, 10**10, 10**10 + 1, 10**13, 10**18])
def test_between_root_n_and_twice_it(n: int) -> None:
    assert 0.5 * math.log(n) <= log_xi_upper(n) <= math.log(2.0) + 0.5 * math.log(n) + 1e-13  # equality at n = 1


def test_the_closed_form_joins_the_sum() -> None:
    gap = log_xi_upper(10**10 + 1) - log_xi_upper(10**10)
    assert 0.0 < gap < 2e-5  # the closed form gives away at most 4/3 of sqrt(pi n / 2), 1.1e-5 here


@pytest.mark.parametrize("n", [0, -3, 2.5, math.nan, math.inf])
def test_what_is_out_of_range_is_refused(n: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        log_xi_upper(n)
