"""Levels as additive terms: the sum of the terms is never below the last level, and a bound of 1 stays 1."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from boundcheck.bounds.lemmas.kl_terms import increments
from boundcheck.theorem import Bound

LEVELS = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).map(sorted)


@given(LEVELS)
def test_the_sum_is_the_last_level(levels: list[float]) -> None:
    terms = increments(first=levels[0], then=levels[1], last=levels[2])
    total = sum(map(Fraction, terms.values()))
    assert total >= Fraction(levels[2])
    assert total <= Fraction(levels[2]) + Fraction(1, 2**51)  # a quantum, or three steps below it
    assert all(term >= 0.0 for term in terms.values())


@given(LEVELS)
def test_one_stays_one(levels: list[float]) -> None:
    assert Bound(increments(first=levels[0], then=levels[1], last=1.0)).value == 1.0
