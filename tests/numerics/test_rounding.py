"""Directed arithmetic against exact rationals and mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boundcheck.numerics import rounding as r
from boundcheck.numerics.ratio_sums import ratio_sum

numbers = st.floats(-1e150, 1e150)
positive = st.floats(0.0, 1e150)


@settings(max_examples=400, deadline=None)
@given(numbers, numbers)
def test_field_operations_enclose(a: float, b: float) -> None:
    x, y = Fraction(a), Fraction(b)
    for low, high, exact in [
        (r.add_down(a, b), r.add_up(a, b), x + y),
        (r.sub_down(a, b), r.sub_up(a, b), x - y),
        (r.mul_down(a, b), r.mul_up(a, b), x * y),
    ]:
        assert Fraction(low) <= exact <= Fraction(high)
        assert high <= math.nextafter(math.nextafter(low, math.inf), math.inf)
    if b > 0 and abs(x / y) < 10**300:
        assert Fraction(r.div_down(a, b)) <= x / y <= Fraction(r.div_up(a, b))


@settings(max_examples=200, deadline=None)
@given(st.lists(positive, min_size=1, max_size=8))
def test_many_terms(values: list[float]) -> None:
    exact = sum(map(Fraction, values))
    assert Fraction(r.sum_down(values)) <= exact <= Fraction(r.sum_up(np.array(values)))
    assert Fraction(r.add_up(*values)) >= exact >= Fraction(r.add_down(*values))
    # The smallest float above: no float lies between it and the sum.
    assert r.sum_up(values) == 0 or Fraction(math.nextafter(r.sum_up(values), -math.inf)) < exact
    product = math.prod(map(Fraction, values[:2]))
    assert Fraction(r.mul_up(*values[:2])) >= product >= Fraction(r.mul_down(*values[:2]))


@settings(max_examples=400, deadline=None)
@given(st.floats(-740, 700), st.floats(5e-324, 1e300), st.floats(-0.999999, 1e300))
def test_elementary_functions_enclose(x: float, y: float, z: float) -> None:
    with mpmath.workdps(60):
        for low, high, exact in [
            (r.exp_down(x), r.exp_up(x), mpmath.exp(x)),
            (r.expm1_down(x), r.expm1_up(x), mpmath.expm1(x)),
            (r.log_down(y), r.log_up(y), mpmath.log(y)),
            (r.log1p_down(z), r.log1p_up(z), mpmath.log1p(z)),
            (r.sqrt_down(y), r.sqrt_up(y), mpmath.sqrt(y)),
        ]:
            assert low <= exact <= high
            # 4 ulp, twice, on both sides: 2**-48, and subnormals.
            assert high - low <= abs(exact) * 2.0**-47 + 2.0**-1069


@settings(max_examples=200, deadline=None)
@given(st.floats(-700, 700), st.floats(-700, 700))
def test_logaddexp(a: float, b: float) -> None:
    with mpmath.workdps(400):
        exact = mpmath.log(mpmath.exp(a) + mpmath.exp(b))
        assert exact <= r.logaddexp_up(a, b) <= exact + abs(exact) * mpmath.mpf(2) ** -46 + mpmath.mpf(2) ** -40


def test_exact_results_stay_exact() -> None:
    assert r.add_up(1.0, 2.0, 4.0) == 7.0 == r.sum_up([1, 2, 4])
    assert r.mul_up(0.0, 3.0) == 0.0
    assert r.mul_up(1.0, 3.0) == 3.0
    assert r.log_up(1.0) == 0.0 == r.log1p_up(0.0)
    assert r.exp_up(0.0) == 1.0
    assert r.exp_up(-math.inf) == 0.0
    assert r.sqrt_up(0.0) == 0.0
    assert r.logaddexp_up(-math.inf, 2.0) == 2.0


def test_overflow_goes_the_safe_way() -> None:
    top = np.finfo(float).max
    assert r.add_up(top, top) == math.inf
    assert r.add_down(top, top) == top
    assert r.mul_down(top, 2.0) == top
    assert r.sum_up([top, top]) == math.inf
    assert r.exp_up(1000.0) == math.inf
    assert r.exp_down(1000.0) < math.inf
    assert r.mul_up(1e-200, 1e-200) > 0.0


def test_arrays_and_floats() -> None:
    x = np.array([0.1, 0.2])
    assert isinstance(r.add_up(0.1, 0.2), float)
    assert isinstance(r.add_up(x, 0.2), np.ndarray)
    np.testing.assert_array_equal(r.mul_up(x, 3.0), [r.mul_up(0.1, 3.0), r.mul_up(0.2, 3.0)])
    assert r.up(1.0, 2) == 1.0 + 2.0**-51
    assert r.down(math.inf) == math.inf
    np.testing.assert_array_equal(r.up(np.array([1.0, np.inf])), [1.0 + 2.0**-52, np.inf])


@pytest.mark.parametrize(
    "call",
    [
        lambda: r.add_up(math.inf, -math.inf),
        lambda: r.mul_up(0.0, math.inf),
        lambda: r.mul_up(-1.0, 2.0, 3.0),
        lambda: r.log_up(-1.0),
        lambda: r.sqrt_up(np.array([1.0, -1.0])),
        lambda: r.div_up(1.0, 0.0),
        lambda: r.up(math.nan),
        lambda: r.sum_up([math.nan]),
        lambda: r.add_up(),
    ],
)
def test_no_number_is_ever_nan(call) -> None:
    with pytest.raises(ValueError, match="expected"):
        call()


@pytest.mark.parametrize("length", [0, 1, 50, 64, 65, 5000])
@pytest.mark.parametrize("most", [64, 10**6])
def test_ratio_sum_encloses(length: int, most: int) -> None:
    """The ratios (3n/2 - i) / (n + i) rise above 1 first."""
    n = max(length, 1)
    low, high = ratio_sum(lambda i: 0.75 * (n - i) / (n + i), length, roundings=4, most_terms=most)
    term = total = mpmath.mpf(1)
    with mpmath.workdps(40):
        for i in range(length):
            term = term * mpmath.mpf(3) * (n - i) / (4 * (n + i))
            total += term
        assert low <= total <= high
        assert high - low <= total * mpmath.mpf("1e-6")  # the geometric rest after 64 terms of at most 0.75


def test_ratio_sum_never_claims_what_it_cannot() -> None:
    assert ratio_sum(lambda i: np.full_like(i, 1.0), 10**6, roundings=0, most_terms=64)[1] == math.inf
    low, high = ratio_sum(lambda i: np.full_like(i, 1e300), 100, roundings=0)
    assert 1.0 <= low < high == math.inf


ODD = [0.0, -0.0, 1.0, -1.0, 2.0, 0.1, 5e-324, -5e-324, 1e-300, 1e300, -1e300, math.inf, -math.inf, math.nan, 709.8, -745.2]
ANY = st.one_of(st.sampled_from(ODD), st.floats(), st.integers(-(2**60), 2**60))


def result(call, *terms) -> str:
    """The value as it is written exactly, signs of zeros included, or what was refused."""
    try:
        return float(call(*terms)).hex()
    except ValueError as error:
        return str(error)


@settings(max_examples=600, deadline=None)
@given(ANY, ANY, ANY)
def test_floats_and_arrays_of_one_number_give_the_same(a: float, b: float, c: float) -> None:
    """Floats have a path of their own."""

    def same(call, *terms) -> None:
        outcome = result(call, *terms)
        assert result(lambda *arrays: call(*arrays)[0], *(np.array([term], dtype=np.float64) for term in terms)) == outcome
        assert result(call, *map(np.float64, terms)) == outcome

    for end in ("up", "down"):
        for name in ("exp", "log", "log1p", "expm1", "sqrt"):
            same(getattr(r, f"{name}_{end}"), a)
        for name in ("add", "sub", "mul", "div"):
            same(getattr(r, f"{name}_{end}"), a, b)
        for name in ("add", "mul"):
            same(getattr(r, f"{name}_{end}"), a, b, c)
