"""The kl inverse against mpmath and ball arithmetic: never on the wrong side, never loose, never NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from boundcheck.numerics import kl_inverse, kl_inverse_lower

TIGHT = 1e-9  # the promised relative excess
TINY = 1e-315  # below the smallest normal float relative precision is lost; the safe side is not


def exact_kl(q: float, p: float) -> mpmath.mpf:
    """kl(q || p) from differences of logarithms, in 60 digits: another formula than the program's."""
    Q, P = mpmath.mpf(q), mpmath.mpf(p)
    value = mpmath.mpf(0)
    if q > 0:
        value += Q * (mpmath.log(Q) - mpmath.log(P))
    if q < 1:
        value += (1 - Q) * (mpmath.log1p(-Q) - mpmath.log1p(-P))
    return value


def ball_kl(q: float, p: float) -> arb:
    """The same from balls, a tenth of the time; comparisons are true only where they hold for the whole ball."""
    Q, P = arb(q), arb(p)
    value = Q * (Q.log() - P.log()) if q > 0 else arb(0)
    return value + (1 - Q) * ((-Q).log1p() - (-P).log1p()) if q < 1 else value


@pytest.fixture(autouse=True)
def _digits() -> Any:
    with mpmath.workdps(60), ctx.workprec(200):
        yield


def check_upper(q: float, c: float, p: float, kl: Callable[[float, float], Any] = exact_kl) -> None:
    assert q <= p <= 1.0
    assert p == 1.0 or kl(q, p) >= c, (q, c, p)
    inside = p * (1 - TIGHT) - TINY
    assert inside <= q or kl(q, inside) < c, (q, c, p)


def check_lower(q: float, c: float, p: float, kl: Callable[[float, float], Any] = exact_kl) -> None:
    assert 0.0 <= p <= q
    assert p == 0.0 or kl(q, p) >= c, (q, c, p)
    inside = p * (1 + TIGHT) + TINY
    assert inside >= q or kl(q, inside) < c, (q, c, p)


def sample(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A mixture of ordinary, tiny and nearly-one means and of ordinary and extreme budgets."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 5, count)
    q = np.choose(
        kind,
        [
            rng.random(count),
            10.0 ** rng.uniform(-320, 0, count),
            1.0 - 10.0 ** rng.uniform(-16, 0, count),
            np.round(rng.random(count), 2),
            10.0 ** rng.uniform(-18, -1, count),
        ],
    )
    c = np.where(rng.random(count) < 0.7, 10.0 ** rng.uniform(-9, 1.5, count), 10.0 ** rng.uniform(-320, 3, count))
    return q, c


@pytest.mark.parametrize("seed", [0, 1])
def test_scalars_are_on_the_safe_side_and_tight(seed: int) -> None:
    for q, c in zip(*sample(1500, seed), strict=True):
        check_upper(q, c, kl_inverse(float(q), float(c)))
        check_lower(q, c, kl_inverse_lower(float(q), float(c)))


@pytest.mark.slow
@pytest.mark.parametrize(("function", "check"), [(kl_inverse, check_upper), (kl_inverse_lower, check_lower)])
@pytest.mark.parametrize("scalar", [True, False])
def test_many_inversions(function, check, scalar: bool) -> None:
    """1e5 random and extreme inputs each, one half one by one and the other as an array."""
    q, c = sample(50_000, 7 + scalar)
    p = [function(a, b) for a, b in zip(q.tolist(), c.tolist(), strict=True)] if scalar else function(q, c).tolist()
    for triple in zip(q.tolist(), c.tolist(), p, strict=True):
        check(*triple, kl=ball_kl)


def test_arrays_are_on_the_safe_side_and_tight() -> None:
    q, c = sample(3000, 3)
    for triple in zip(q.tolist(), c.tolist(), kl_inverse(q, c).tolist(), strict=True):
        check_upper(*triple)
    for triple in zip(q.tolist(), c.tolist(), kl_inverse_lower(q, c).tolist(), strict=True):
        check_lower(*triple)


@pytest.mark.parametrize(
    ("q", "c", "expected"),
    [
        (0.023, math.log(20) / 1000, 0.0365608922),  # 23 errors of 1000 at delta 0.05 (mpmath bisection)
        (0.023, (100 * math.log(2) + math.log(20)) / 1000, 0.1287524277),  # the same with a 100-bit code
        (0.03, (200 + math.log(125.9991219 / 0.05)) / 1e4, 0.0783294544),  # PAC-Bayes, n = 1e4, KL = 200
        (0.02, (913.1670 + math.log(20)) / 60000, 0.0547934978),  # a compressed network of 913.167 nats
    ],
)
def test_worked_values(q: float, c: float, expected: float) -> None:
    assert kl_inverse(q, c) == pytest.approx(expected, abs=1e-9)  # the values have ten digits, some inputs seven


def test_naive_evaluation_is_59_percent_off_here() -> None:
    check_upper(1e-17, 1e-16, kl_inverse(1e-17, 1e-16))
    check_upper(1e-3, 1e-6, kl_inverse(1e-3, 1e-6))


def test_a_far_end_is_tight() -> None:
    # A product of two such numbers underflows; the lower end, 5.1e-185, was once returned as 0.
    check_lower(5.088824674332329e-152, 3.815328902663026e-150, kl_inverse_lower(5.088824674332329e-152, 3.815328902663026e-150))


def test_ends() -> None:
    assert kl_inverse(0.3, 0.0) == 0.3 == kl_inverse_lower(0.3, 0.0)
    assert kl_inverse(0.3, math.inf) == 1.0
    assert kl_inverse_lower(0.3, math.inf) == 0.0
    assert kl_inverse(1.0, 0.5) == 1.0
    assert kl_inverse_lower(0.0, 0.5) == 0.0
    assert isinstance(kl_inverse(0.3, 0.1), float)
    assert isinstance(kl_inverse(np.float32(0.5), 0), float)
    np.testing.assert_array_equal(kl_inverse(np.array([0.3, 1.0, 0.0]), [0.0, 0.0, np.inf]), [0.3, 1.0, 1.0])
    assert kl_inverse(np.zeros((2, 1)), np.ones(3)).shape == (2, 3)
    assert kl_inverse(np.zeros(0), 0.1).shape == (0,)


@pytest.mark.parametrize(("q", "c"), [(math.nan, 0.1), (-0.1, 0.1), (1.1, 0.1), (0.1, -1e-9), (0.1, math.nan)])
def test_what_is_out_of_range_is_refused(q: float, c: float) -> None:
    for function in (kl_inverse, kl_inverse_lower):
        with pytest.raises(ValueError, match="expected"):
            function(q, c)
        with pytest.raises(ValueError, match="expected"):
            function(np.array([0.2, q]), c)


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1), st.floats(0, 50), st.floats(0, 50))
def test_monotone_in_the_budget(q: float, c1: float, c2: float) -> None:
    low, high = sorted((c1, c2))
    # Two results are each within 1e-9 of a monotone function.
    assert kl_inverse(q, low) <= kl_inverse(q, high) * (1 + TIGHT)
    assert kl_inverse_lower(q, high) <= kl_inverse_lower(q, low) * (1 + TIGHT) + TINY


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 50))
def test_monotone_in_the_mean(q1: float, q2: float, c: float) -> None:
    low, high = sorted((q1, q2))
    assert kl_inverse(low, c) <= kl_inverse(high, c) * (1 + TIGHT) + TINY
    assert kl_inverse_lower(low, c) <= kl_inverse_lower(high, c) * (1 + TIGHT) + TINY
