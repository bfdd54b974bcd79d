"""The VC bound by Massart's lemma: its formula, and the exact Rademacher complexity of a tiny class."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds.mohri2018growth import Mohri2018Growth
from boundcheck.bounds.vapnik1998growth import Vapnik1998Growth

formula = Mohri2018Growth.formula
LINE = {"tests": [1], "degrees": [1], "parameters": [2], "blocks": [[(1, 1, 2)]]}  # sign(a x + b)
SMALL = {"tests": [5, 1], "degrees": [1, 2], "parameters": [105, 111], "blocks": []}


def test_it_is_the_formula_of_the_book_for_lines() -> None:
    n, errors, delta = 1000, 30, 0.05
    size = math.log(1 + n + math.comb(n, 2))
    value = errors / n + math.sqrt(2 * size / n) + math.sqrt(math.log(1 / delta) / (2 * n))
    assert value * (1 - 1e-14) <= formula(n=n, errors=errors, delta=delta, **LINE).value <= value * (1 + 1e-9)


def test_worked_value_of_the_network_20_5_1() -> None:
    # n = 60000: a gap of 0.2613 (four digits), without the refinement of the first level.
    assert round(formula(n=60000, errors=0, delta=0.05, **SMALL).value, 4) == 0.2613


@pytest.mark.parametrize("n", [50, 1000, 60000])
def test_half_of_the_form_of_vapnik(n: int) -> None:
    """sqrt(2 ln Pi(n)) beside sqrt(8 ln Pi(2n)): at most one half."""
    ours, theirs = (
        t.formula(n=n, errors=0, delta=0.05, **SMALL).terms["growth function"] for t in (Mohri2018Growth, Vapnik1998Growth)
    )
    assert 2 * ours <= theirs * (1 + 1e-9)


@pytest.mark.parametrize("n", [3, 6, 9])
def test_twice_the_rademacher_complexity_of_all_cuts_is_below_its_term(n: int) -> None:
    """All 2n patterns of sign(a x + b) on n points, all 2^n signs: exact."""
    cuts = np.array([[float((i >= j) ^ flip) for i in range(n)] for j in range(n + 1) for flip in (False, True)])
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
    twice = 2.0 * float((signs @ cuts.T).max(axis=1).mean()) / n
    assert 0.3 < twice <= formula(n=n, errors=0, delta=0.5, **LINE).terms["growth function"]
