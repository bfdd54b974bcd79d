"""Logarithms of counts against whole-number arithmetic and mpmath."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boundcheck.numerics import (
    log_binomial_sum_upper,
    log_binomial_upper,
    log_multinomial_upper,
    log_types_upper,
    maurey_psi_upper,
    milnor_cells_upper,
)


def close_above(value: float, truth: mpmath.mpf, relative: float = 1e-13, absolute: float = 1e-12) -> None:
    assert truth <= value <= truth * (1 + relative) + absolute


def log_choose(n: int, k: int) -> mpmath.mpf:
    """From ln-gamma in 80 digits."""
    return mpmath.loggamma(n + 1) - mpmath.loggamma(k + 1) - mpmath.loggamma(n - k + 1)


def test_log_binomial_of_all_small_numbers() -> None:
    n, k = np.meshgrid(np.arange(80), np.arange(80))
    n, k = n[k <= n], k[k <= n]
    with mpmath.workdps(40):
        for value, a, b in zip(log_binomial_upper(n, k), n.tolist(), k.tolist(), strict=True):
            close_above(value, mpmath.log(math.comb(a, b)))


def test_log_binomial_of_large_numbers() -> None:
    rng = np.random.default_rng(0)
    with mpmath.workdps(80):
        for _ in range(1000):
            n = int(10 ** rng.uniform(0, 15.5))
            k = min(n, int(10 ** rng.uniform(0, 15.5)))
            close_above(log_binomial_upper(n, k), log_choose(n, k))


def test_lgamma_is_too_small_here() -> None:
    with mpmath.workdps(40):
        close_above(log_binomial_upper(10**14, 1), mpmath.log(10**14))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 400), st.integers(0, 410))
def test_sauer_sum_is_the_sum(M: int, w: int) -> None:
    with mpmath.workdps(40):
        close_above(log_binomial_sum_upper(M, w), mpmath.log(sum(math.comb(M, j) for j in range(min(w, M) + 1))))


@pytest.mark.parametrize(("M", "w"), [(2001, 0), (2001, 1), (3000, 200), (3000, 1499), (3000, 1500), (20000, 1000)])
def test_sauer_sum_of_middling_numbers(M: int, w: int) -> None:
    with mpmath.workdps(40):
        close_above(log_binomial_sum_upper(M, w), mpmath.log(sum(math.comb(M, j) for j in range(w + 1))))


def test_sauer_sum_of_huge_numbers() -> None:
    assert log_binomial_sum_upper(10000, 3) == pytest.approx(25.8392617, abs=1e-7)  # eight digits are given
    for M, w in [(10**14, 10**9), (10**14, 10**4), (10**12, 4 * 10**11)]:
        value = log_binomial_sum_upper(M, w)
        with mpmath.workdps(60):
            # Between the last term and the last term times the geometric series of its ratio.
            last, ratio = log_choose(M, w), mpmath.mpf(w) / (M - w + 1)
            assert last < value <= (last - mpmath.log(1 - ratio)) * (1 + mpmath.mpf("1e-13"))
    for M, w in [(10**14, 5 * 10**13), (3001, 1501), (10**14, 10**14)]:
        assert M * math.log(2) - math.log(2) <= log_binomial_sum_upper(M, w) <= M * math.log(2) * (1 + 1e-15)


def test_milnor_cells() -> None:
    # Networks 2-3-1 on 1000 points and 784-100-100-10 on 120000: sums over layers of (tests, parameters, degree).
    small = milnor_cells_upper(3 * 1000, 9, 1) + milnor_cells_upper(1000, 13, 2)
    assert small == pytest.approx(152.0764856, abs=1e-7)  # digits given
    large = sum(milnor_cells_upper(q * 120000, w, d) for q, w, d in [(100, 78500, 1), (100, 88600, 2), (9, 89610, 3)])
    assert large == pytest.approx(1642857.78, abs=0.01)
    with mpmath.workdps(30):
        close_above(milnor_cells_upper(3, 1000, 2), 3 * mpmath.log(2))
        exact = mpmath.log(2 * mpmath.mpf(6) ** 2 * sum(math.comb(500, j) for j in range(3)))
        close_above(milnor_cells_upper(500, 2, 3), exact)


def test_multinomial_and_types() -> None:
    bits = (log_multinomial_upper([700, 200, 80, 20]) + log_types_upper(1000, 4) + 64 * math.log(2)) / math.log(2)
    assert bits == pytest.approx(1307.421515, abs=1e-6)  # digits given
    rng = np.random.default_rng(1)
    with mpmath.workdps(40):
        for _ in range(100):
            counts = rng.integers(0, 10 ** int(rng.integers(1, 5)), rng.integers(1, 9))
            exact = mpmath.loggamma(int(counts.sum()) + 1) - sum(mpmath.loggamma(int(c) + 1) for c in counts)
            close_above(log_multinomial_upper(counts), exact)
            N, K = int(counts.sum()), len(counts)
            close_above(log_types_upper(N, K), mpmath.log(math.comb(N + K - 1, K - 1)))
    assert log_multinomial_upper([5]) == pytest.approx(0.0, abs=1e-300)
    assert log_types_upper(7, 1) == 0.0


def test_maurey_worked_values() -> None:
    # Digits as given by the counting formula evaluated with mpmath.
    assert maurey_psi_upper(10.5, 20) == pytest.approx(16.81274226, abs=2e-7)
    assert maurey_psi_upper(1.2, 20) == pytest.approx(3.044522438, abs=1e-9)
    assert maurey_psi_upper(0.9, 20) == 0.0 == maurey_psi_upper(1.0, 20)


def test_maurey_against_exact_counts() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([10 ** rng.uniform(-1, 12, 400), [2.0, 3.0, 1.0000001, 2.0000001]])
    N = np.concatenate([np.floor(10 ** rng.uniform(0, 9, 400)), [1.0, 5.0, 1.0, 7.0]])
    with mpmath.workdps(80):
        for value, xi, atoms in zip(maurey_psi_upper(x, N), x.tolist(), N.tolist(), strict=True):
            K = math.ceil(xi) - 1
            exact = mpmath.log1p(mpmath.exp(log_choose(int(atoms) + K - 1, K))) if xi > 1 else mpmath.mpf(0)
            close_above(value, exact)


def test_maurey_far_out() -> None:
    with mpmath.workdps(400):
        close_above(maurey_psi_upper(1e30, 100), mpmath.log1p(mpmath.binomial(99 + int(1e30), 99)))
    assert maurey_psi_upper(math.inf, 3) == math.inf
    values = maurey_psi_upper(np.array([1e17, 1e100, 1e300]), 10**6)
    assert np.all(np.diff(values) > 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: log_binomial_upper(3, 4),
        lambda: log_binomial_upper(math.nan, 4),
        lambda: log_binomial_upper(5.5, 4),
        lambda: log_binomial_upper(2**60, 4),
        lambda: log_binomial_sum_upper(-1, 4),
        lambda: log_binomial_sum_upper(10, -1),
        lambda: milnor_cells_upper(10, 2, 0),
        lambda: milnor_cells_upper(math.nan, 2, 1),
        lambda: log_multinomial_upper([3, -1]),
        lambda: log_types_upper(3, 0),
        lambda: maurey_psi_upper(math.nan, 3),
        lambda: maurey_psi_upper(-1.0, 3),
        lambda: maurey_psi_upper(3.0, 0),
    ],
)
def test_what_is_out_of_range_is_refused(call) -> None:
    with pytest.raises(ValueError, match="expected"):
        call()
