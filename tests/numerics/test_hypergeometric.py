"""The hypergeometric inversion against enumeration with whole numbers."""

from __future__ import annotations

import math

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boundcheck.numerics import hypergeometric_max_errors, log_binomial_sum_upper


def brute_force(s: int, n: int, m: int, log_delta: float) -> int:
    """The largest K whose tail, added up exactly, is above delta."""
    N, best = n + m, s
    with mpmath.workdps(40):
        for K in range(s, s + m + 1):
            ways = sum(math.comb(K, i) * math.comb(N - K, n - i) for i in range(min(s, K) + 1) if n - i <= N - K)
            if ways and mpmath.log(mpmath.mpf(ways) / math.comb(N, n)) > log_delta:
                best = K
    return best


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.data(), st.floats(-40, -0.7))
def test_equals_enumeration(n: int, m: int, data: st.DataObject, log_delta: float) -> None:
    s = data.draw(st.integers(0, n))
    assert hypergeometric_max_errors(s, n, m, log_delta) == brute_force(s, n, m, log_delta)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.data(), st.floats(-0.69, 0))
def test_never_too_small_when_delta_is_large(n: int, m: int, data: st.DataObject, log_delta: float) -> None:
    s = data.draw(st.integers(0, n))
    assert hypergeometric_max_errors(s, n, m, log_delta) >= brute_force(s, n, m, log_delta)


@pytest.mark.parametrize(
    ("m", "errors", "expected"), [(5000, 100, 0.046), (20000, 100, 0.04155), (40000, 100, 0.04115), (20000, 0, 0.00725)]
)
def test_worked_values(m: int, errors: int, expected: float) -> None:
    """VC dimension 3, n = 5000, delta = 0.05: the bound (K_max - s + 1) / m as the enumeration gives it."""
    log_delta = math.log(0.025) - log_binomial_sum_upper(5000 + m, 3)
    assert (hypergeometric_max_errors(errors, 5000, m, log_delta) - errors + 1) / m == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("log_delta", [-3.0, -1e3, -1e5, -1e6])
def test_large_numbers_lie_between_the_exact_tails(log_delta: float) -> None:
    s, n, m = 300_000, 10**6, 10**6
    K = hypergeometric_max_errors(s, n, m, log_delta)
    with mpmath.workdps(40):

        def log_choose(a: int, b: int) -> mpmath.mpf:
            return mpmath.loggamma(a + 1) - mpmath.loggamma(b + 1) - mpmath.loggamma(a - b + 1)

        def log_first(k: int) -> mpmath.mpf:
            return log_choose(k, s) + log_choose(n + m - k, n - s) - log_choose(n + m, n)

        # The tail is at least its largest term, and at most s + 1 times it.
        assert s + m == K or log_first(K + 1) <= log_delta
        assert log_first(K) + math.log(s + 1) > log_delta


def test_ends() -> None:
    assert hypergeometric_max_errors(0, 10, 5, -math.inf) == 5
    assert hypergeometric_max_errors(10, 10, 5, -0.5) == 15
    assert hypergeometric_max_errors(3, 10**6, 10**6, -1e7) == 10**6 + 3


@pytest.mark.parametrize(
    "arguments", [(-1, 5, 5, -1), (6, 5, 5, -1), (0, 0, 5, -1), (0, 5, 0, -1), (0, 5, 5, 0.1), (0, 5, 5, math.nan)]
)
def test_what_is_out_of_range_is_refused(arguments) -> None:
    with pytest.raises(ValueError, match="expected"):
        hypergeometric_max_errors(*arguments)
