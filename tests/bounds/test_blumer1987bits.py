"""The Occam bound on bits: special cases, worked values, what it needs."""

from __future__ import annotations

import dataclasses
import math

import pytest

from boundcheck.bounds.blumer1987bits import Blumer1987Bits
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Evidence, Precision, Problem, Provenance
from boundcheck.theorem import Status

formula = Blumer1987Bits.formula


def test_no_bits_is_one_fixed_predictor() -> None:
    # The Clopper-Pearson value for 23 errors of 1000, mpmath from the definition.
    value = 0.032428870441319127
    assert value <= formula(n=1000, errors=23, bits=0, delta=0.05).value <= value * (1 + 1e-9)


@pytest.mark.parametrize(("n", "bits", "delta"), [(1000, 100, 0.05), (60000, 20000, 1e-6), (50, 3000, 0.05)])
def test_without_errors_it_is_explicit(n: int, bits: int, delta: float) -> None:
    """P(Bin(n, p) = 0) = (1 - p)^n, so the bound is 1 - (delta 2^-b)^(1/n)."""
    value = -math.expm1((math.log(delta) - bits * math.log(2)) / n)
    assert value * (1 - 1e-13) <= formula(n=n, errors=0, bits=bits, delta=delta).value <= value * (1 + 1e-9)


def test_one_bit_more_is_half_the_delta() -> None:
    more, half = formula(n=300, errors=7, bits=41, delta=0.1).value, formula(n=300, errors=7, bits=40, delta=0.05).value
    assert more == pytest.approx(half, rel=1e-9)


def test_worked_value() -> None:
    # n = 60000, 300 errors, 2000 weights of 8 bits: mpmath, tail summed term by term.
    value = 0.18861334003004108
    assert value * (1 - 1e-15) <= formula(n=60000, errors=300, bits=16000, delta=0.05).value <= value * (1 + 1e-9)


def test_a_large_float32_network_gets_a_vacuous_answer_and_quickly() -> None:
    assert formula(n=60000, errors=3, bits=32 * 669706, delta=0.05).value == pytest.approx(1.0, abs=1e-12)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="bits"):
        formula(n=10, errors=1, bits=-1, delta=0.05)
    with pytest.raises(ValueError, match="expected"):
        formula(n=10, errors=11, bits=1, delta=0.05)


def test_it_speaks_of_any_program_whose_bits_are_known() -> None:
    evidence = Evidence(
        Provenance(None, None, "transformer", "hand", "true", "zero", 10, 0, "quick"),
        Problem(5000, 1, 2, None, False, 0.0, 0),
        Errors(5000, 40, 2, 100, 1, 0, 0.01),
        precision=Precision(320, "10 float32"),
        absent={"precision": "a buffer has no fixed size"},
    )
    certificate = Blumer1987Bits()(evidence, 0.05)
    assert certificate.status is Status.NON_VACUOUS
    assert certificate.value == formula(n=5000, errors=40, bits=320, delta=0.05).value
    without = Blumer1987Bits()(dataclasses.replace(evidence, precision=None), 0.05)
    assert without.status is Status.NOT_APPLICABLE
    assert without.why == "a buffer has no fixed size"
