"""Binomial tail inversion against the incomplete beta function and exact sums."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from boundcheck.numerics import binomial_tail_inverse, binomial_tail_inverse_log, clopper_pearson, kl_inverse

TIGHT = 1e-9  # the promised relative excess


def tail(k: int, n: int, p: arb) -> arb:
    """P(Bin(n, p) <= k) as a regularized incomplete beta function; the program adds up terms instead."""
    return (1 - p).beta_lower(n - k, k + 1, True)


def check_upper(k: int, n: int, delta: float, p: float) -> None:
    if k == n:
        assert p == 1.0
        return
    with ctx.workprec(200):  # comparisons of balls are true only where they hold for the whole ball
        if p < 1.0:
            assert tail(k, n, arb(p)) <= delta, (k, n, delta, p)
        inside = arb(p) * (1 - arb(TIGHT))
        assert tail(k, n, inside) >= delta, (k, n, delta, p)


def sample(count: int, seed: int, log_n: float) -> list[tuple[int, int, float]]:
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        n = int(10 ** rng.uniform(0, log_n))
        k = int(rng.choice([rng.integers(0, n + 1), min(n, int(10 ** rng.uniform(0, log_n)) - 1), 0, n - 1]))
        logs = [rng.uniform(-3, 0), rng.uniform(-20, 0), rng.uniform(-320, 0)]
        delta = float(rng.choice([10.0 ** rng.choice(logs), 1.0 - 10.0 ** rng.uniform(-16, -0.4)]))
        cases.append((k, n, max(delta, 5e-324)))
    return cases


@pytest.mark.parametrize("log_n", [1, 2, 3.2])
def test_safe_and_tight(log_n: float) -> None:
    for k, n, delta in sample(300, int(10 * log_n), log_n):
        check_upper(k, n, delta, binomial_tail_inverse(k, n, delta))


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "count", "log_n"), [(11, 50_000, 2.2), (12, 50_000, 2.2), (13, 4_000, 3.0)])
def test_many_inversions(seed: int, count: int, log_n: float) -> None:
    """More than 1e5 random and extreme inputs; the incomplete beta function is slow for large n."""
    for k, n, delta in sample(count, seed, log_n):
        check_upper(k, n, delta, binomial_tail_inverse(k, n, delta))


@pytest.mark.parametrize(
    ("k", "n", "delta"),
    [(10, 10**4, 1e-300), (1, 10, 1e-290), (10**6, 10**8, 0.05), (5 * 10**8, 10**9, 0.05), (3, 10**12, 1e-5), (0, 2**53, 0.5)],
)
def test_where_scipy_is_below_the_truth_or_nan(k: int, n: int, delta: float) -> None:
    check_upper(k, n, delta, binomial_tail_inverse(k, n, delta))


def test_worked_values() -> None:
    # 23 errors of 1000 at delta 0.05: the beta quantile; and with a code of 100 bits, as an exact sum gives them.
    assert binomial_tail_inverse(23, 1000, 0.05) == pytest.approx(0.0324288704, abs=1e-10)
    assert binomial_tail_inverse(0, 1000, 0.05) == pytest.approx(0.0029912495, abs=1e-10)
    log_delta = math.log(0.05) - 100 * math.log(2)
    assert binomial_tail_inverse_log(23, 1000, log_delta) == pytest.approx(0.1263012325, abs=1e-10)


@pytest.mark.parametrize(("n", "log_delta"), [(10**7, -1e7), (1000, -1e4), (60000, -0.25), (10**6, -1e-12), (50, -1e-300)])
def test_no_errors_has_a_closed_form(n: int, log_delta: float) -> None:
    with mpmath.workdps(60):
        truth = -mpmath.expm1(mpmath.mpf(log_delta) / n)
        p = binomial_tail_inverse_log(0, n, log_delta)
        assert truth <= p <= truth * (1 + TIGHT)


@pytest.mark.parametrize(("k", "n", "log_delta"), [(300, 60000, -916.2), (2000, 60000, -1e4), (40, 500, -900.0), (7, 9, -30.0)])
def test_log_delta_against_an_exact_sum(k: int, n: int, log_delta: float) -> None:
    p = binomial_tail_inverse_log(k, n, log_delta)
    with mpmath.workdps(60):

        def log_tail(x: mpmath.mpf) -> mpmath.mpf:
            term = total = mpmath.mpf(1)
            for j in range(k):
                term *= x * (n - j) / ((1 - x) * (j + 1))
                total += term
            return n * mpmath.log1p(-x) + mpmath.log(total)

        assert log_tail(mpmath.mpf(p)) <= log_delta <= log_tail(p * (1 - mpmath.mpf(TIGHT)))


def test_log_and_plain_agree() -> None:
    for k, n, delta in sample(300, 5, 4.0):
        log_delta = math.log(delta)
        plain, logged = binomial_tail_inverse(k, n, delta), binomial_tail_inverse_log(k, n, log_delta)
        if delta < 0.9:  # near 1, rounding ln(delta) changes 1 - delta
            assert logged == pytest.approx(plain, rel=1e-10)  # rounding of ln(delta)


def test_never_above_chernoff() -> None:
    for k, n, delta in sample(500, 6, 5.0):
        # The empirical mean k/n is rounded: 2e-16 beside the 1e-9 allowed.
        assert binomial_tail_inverse(k, n, delta) <= kl_inverse(k / n, -math.log(delta) / n) * (1 + TIGHT)


def test_clopper_pearson_contains_and_is_tight() -> None:
    for k, n, delta in sample(200, 8, 2.7):
        low, high = clopper_pearson(k, n, delta)
        assert 0.0 <= low <= k / n <= high <= 1.0
        assert (low == 0.0) == (k == 0) or low < 1e-300
        with ctx.workprec(400):
            half = arb(delta) / 2
            if low > 1e-300:
                above = [(arb(low) * x).beta_lower(k, n - k + 1, True) for x in (1, 1 + arb(TIGHT))]
                assert above[0] <= half <= above[1]
            if k < n:
                assert tail(k, n, arb(high) * (1 - arb(TIGHT))) >= half
                assert high == 1.0 or tail(k, n, arb(high)) <= half


def test_ends_and_shapes() -> None:
    assert binomial_tail_inverse(10, 10, 1e-9) == 1.0
    assert binomial_tail_inverse(3, 10, 1.0) == 0.0
    assert binomial_tail_inverse_log(3, 10, -math.inf) == 1.0
    assert isinstance(binomial_tail_inverse(np.int64(3), 10, 0.1), float)
    table = binomial_tail_inverse(np.arange(4)[:, None], 10, [0.05, 0.1])
    assert table.shape == (4, 2)
    assert table[2, 1] == binomial_tail_inverse(2, 10, 0.1)


@pytest.mark.parametrize(
    ("k", "n", "delta"),
    [
        (-1, 10, 0.1),
        (11, 10, 0.1),
        (0, 0, 0.1),
        (1.5, 10, 0.1),
        (1, 10, 0.0),
        (1, 10, 1.1),
        (1, 10, math.nan),
        (math.nan, 10, 0.1),
    ],
)
def test_what_is_out_of_range_is_refused(k: float, n: int, delta: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        binomial_tail_inverse(k, n, delta)
    with pytest.raises(ValueError, match="expected"):
        binomial_tail_inverse(np.array([k]), n, delta)
    with pytest.raises(ValueError, match="expected"):
        clopper_pearson(k, n, delta)


def test_log_delta_out_of_range_is_refused() -> None:
    for bad in (0.1, math.nan):
        with pytest.raises(ValueError, match="expected"):
            binomial_tail_inverse_log(1, 10, bad)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5000), st.data())
def test_monotone(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n - 1))
    d1, d2 = sorted(data.draw(st.tuples(st.floats(1e-300, 1), st.floats(1e-300, 1))))
    p = binomial_tail_inverse(k, n, d1)
    assert binomial_tail_inverse(k, n, d2) <= p * (1 + TIGHT)  # each is within 1e-9 of a monotone function
    assert p <= binomial_tail_inverse(k + 1, n, d1) * (1 + TIGHT)
    assert binomial_tail_inverse(k, n + 1, d1) <= p * (1 + TIGHT)
