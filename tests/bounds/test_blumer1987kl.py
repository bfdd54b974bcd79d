"""Occam by relative entropy: worked values, and its place between the binomial tail and Hoeffding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from boundcheck.bounds.blumer1987bits import Blumer1987Bits
from boundcheck.bounds.blumer1987kl import Blumer1987Kl
from boundcheck.bounds.mcallester1999occam import McAllester1999Occam

formula = Blumer1987Kl.formula


@pytest.mark.parametrize(
    ("n", "errors", "bits", "value"),
    [(1000, 23, 100, 0.12875242768354488), (60000, 300, 16000, 0.1886654)],
)
def test_worked_values(n: int, errors: int, bits: int, value: float) -> None:
    # mpmath: bisection of kl; the second to seven digits.
    assert formula(n=n, errors=errors, bits=bits, delta=0.05).value == pytest.approx(value, rel=3e-7)


@pytest.mark.parametrize("bits", [0, 8, 300, 5000])
@pytest.mark.parametrize("n", [10, 1000])
def test_the_three_forms_are_in_order(n: int, bits: int) -> None:
    for errors in range(0, n + 1, n // 5):
        exact, middle, loose = (
            t.formula(n=n, errors=errors, bits=bits, delta=0.05).value
            for t in (Blumer1987Bits, Blumer1987Kl, McAllester1999Occam)
        )
        assert exact <= middle * (1 + 1e-9)
        assert middle <= loose * (1 + 1e-9)


@pytest.mark.parametrize("bits", [1, 4])
def test_it_covers_every_one_of_the_predictors(bits: int) -> None:
    """Predictors that err independently of each other: then the probability that any is missed is an exact product."""
    n, delta = 40, 0.3
    table = np.array([formula(n=n, errors=s, bits=bits, delta=delta).value for s in range(n + 1)])
    for risk in (0.02, 0.1, 0.25, 0.5, 0.9):
        one = float(binom.pmf(np.arange(n + 1), n, risk)[risk > table].sum())
        assert 1.0 - (1.0 - one) ** (2**bits) <= delta


def test_without_errors_it_is_explicit() -> None:
    value = -math.expm1((math.log(0.05) - 100 * math.log(2)) / 1000)
    assert formula(n=1000, errors=0, bits=100, delta=0.05).value == pytest.approx(value, rel=1e-9)


def test_a_negative_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="bits"):
        formula(n=10, errors=1, bits=-1, delta=0.05)
