"""The Occam bound of the textbooks: its formula, and what it says of evidence."""

from __future__ import annotations

import math

import pytest

from boundcheck.bounds.mcallester1999occam import McAllester1999Occam
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status

formula = McAllester1999Occam.formula


@pytest.mark.parametrize(("n", "errors", "bits", "delta"), [(1, 0, 0, 0.5), (60000, 123, 20000, 0.05), (100, 100, 10**9, 1e-200)])
def test_it_is_the_formula_of_the_paper(n: int, errors: int, bits: int, delta: float) -> None:
    value = errors / n + math.sqrt((bits * math.log(2) + math.log(1 / delta)) / (2 * n))
    assert value * (1 - 1e-14) <= formula(n=n, errors=errors, bits=bits, delta=delta).value <= value * (1 + 1e-12)


def test_four_times_the_bits_cost_twice_as_much() -> None:
    one, four = (formula(n=10**6, errors=0, bits=b, delta=1 - 1e-16).value for b in (1000, 4000))
    assert four == pytest.approx(2 * one, rel=1e-12)


def test_it_reads_the_bits_and_the_errors_as_the_program_ran() -> None:
    evidence = example_evidence()
    certificate = McAllester1999Occam()(evidence, 0.05)
    assert certificate.status is Status.NON_VACUOUS
    assert certificate.value == formula(n=1200, errors=evidence.errors.errors, bits=32 * 35, delta=0.05).value


def test_a_negative_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="bits"):
        formula(n=10, errors=1, bits=-1, delta=0.05)
