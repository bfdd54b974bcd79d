"""Numbers are never rounded to the flattering side."""

from __future__ import annotations

import math

import mpmath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boundcheck.report.display import closest, downward, power_upward, upward, value_text

NUMBERS = st.floats(min_value=0.0, max_value=1e300, allow_subnormal=True)


@given(NUMBERS, st.integers(1, 6))
@example(9.9999, 3)
@example(9999.5, 3)
@example(0.0, 3)
@example(5e-324, 3)
def test_rounds_outward(x: float, digits: int) -> None:
    assert downward(x, digits) == "0" or float(downward(x, digits)) <= x
    assert float(upward(x, digits)) >= x
    assert float(upward(x, digits)) <= x * (1 + 10.0 ** (1 - digits)) * (1 + 1e-12) + 5e-324
    assert abs(float(closest(x, digits)) - x) <= 0.5 * 10.0 ** (1 - digits) * x * (1 + 1e-12) + 5e-324


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 1.0))
@example(0.8999999, 0.9)
def test_a_bound_below_its_threshold_is_shown_below_it(x: float, gap: float) -> None:
    threshold = x + gap
    if x < threshold:
        assert x <= float(upward(x, below=threshold)) < threshold


@pytest.mark.parametrize(
    "x, text",
    [(812.4, "813"), (0.05, "0.05000"[:6]), (3.1e9, "3.10e+09"), (3.1000001e9, "3.11e+09"), (60.0, "60.0"), (9.999, "10.0")],
)
def test_examples(x: float, text: str) -> None:
    assert upward(x) == text


@given(st.floats(308.0, 1e8))
def test_powers_of_ten_too_large_for_a_float_are_rounded_up(log10: float) -> None:
    mantissa, exponent = power_upward(log10).split("e+")
    with mpmath.workdps(60):
        shown = mpmath.log10(mpmath.mpf(mantissa)) + int(exponent)
        assert shown >= mpmath.mpf(log10) * (1 + mpmath.mpf(2) ** -52)
        assert shown <= mpmath.mpf(log10) + mpmath.mpf("0.00434") + log10 * mpmath.mpf(2) ** -49  # one unit of three digits
    assert 1.0 <= float(mantissa) < 10.0


def test_a_logarithm_without_digits_left_is_shown_as_an_exponent() -> None:
    assert power_upward(1.2345e12) == "10^1.24e+12"


def test_no_value_is_a_dash() -> None:
    assert value_text(None, None) == "-"
    assert value_text(None, 400.0) == "1.01e+400"
    assert upward(math.inf) == "inf"
