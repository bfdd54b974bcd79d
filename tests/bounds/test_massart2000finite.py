"""A finite class by its Rademacher complexity."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence

theorem = CATALOGUE["massart2000finite"]


def test_the_complexity_term_bounds_every_class_of_its_size() -> None:
    """Random classes of 2^b loss vectors on ten points, their complexity by all signs."""
    rng = np.random.default_rng(9)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    for bits in (0, 1, 3, 6):
        term = theorem.formula(n=10, errors=0, bits=bits, delta=0.05).terms["complexity"]
        for _ in range(20):
            losses = rng.integers(0, 2, size=(2**bits, 10))
            assert 2.0 * (signs @ losses.T).max(axis=1).mean() / 10 <= term + 1e-15  # a mean of zeros, rounded
    assert theorem.formula(n=10, errors=0, bits=0, delta=0.05).terms["complexity"] == 0.0


@pytest.mark.parametrize(("n", "bits"), [(100, 3), (60000, 5000), (1000, 10**9)])
def test_the_union_bound_adds_a_quarter_of_the_squares(n: int, bits: int) -> None:
    ours = theorem.formula(n=n, errors=0, bits=bits, delta=0.05).terms
    union = CATALOGUE["mcallester1999occam"].formula(n=n, errors=0, bits=bits, delta=0.05).value
    assert 4.0 * union**2 == pytest.approx(ours["complexity"] ** 2 + ours["confidence"] ** 2, rel=1e-9)


def test_bits_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="bits"):
        theorem.formula(n=10, errors=0, bits=-1, delta=0.05)


def test_it_reads_the_bits_and_errors_of_the_program() -> None:
    evidence = example_evidence()
    assert evidence.precision is not None
    assert theorem.measure(evidence) == {
        "n": evidence.errors.n,
        "errors": evidence.errors.errors,
        "bits": evidence.precision.bits,
    }
    value = theorem(evidence, 0.05).value
    assert value is not None
    assert value > evidence.errors.train_error
    assert math.isfinite(value)
