"""Counting quantized networks: exact class sizes, and the place beside the code by frequencies."""

from __future__ import annotations

import math

import pytest

from boundcheck.bounds.arora2018discrete import Arora2018Discrete
from boundcheck.bounds.zhou2019compression import Zhou2019Compression
from boundcheck.numerics import binomial_tail_inverse

SYMBOLS = {"n": 60_000, "counts": [[700, 200, 80, 20]], "side_bits": 74.0, "errors": 1200, "delta": 0.05}


def test_one_network_is_a_test_set_bound() -> None:
    value = Arora2018Discrete.formula(n=500, counts=[[7]], side_bits=0.0, errors=9, delta=0.05).value
    assert value == pytest.approx(binomial_tail_inverse(9, 500, 0.05), rel=1e-9)


def test_sixteen_networks_share_delta() -> None:
    value = Arora2018Discrete.formula(n=500, counts=[[1, 3]], side_bits=0.0, errors=9, delta=0.05).value
    assert value == pytest.approx(binomial_tail_inverse(9, 500, 0.05 / 16), rel=1e-9)
    bits = Arora2018Discrete.formula(n=500, counts=[[0, 3]], side_bits=1.0, errors=9, delta=0.05).value
    assert bits == pytest.approx(value, rel=1e-9)


def test_frequencies_are_worth_their_entropy() -> None:
    skew, even = SYMBOLS, {**SYMBOLS, "counts": [[250, 250, 250, 250]]}
    assert Zhou2019Compression.formula(**skew).value < Arora2018Discrete.formula(**skew).value
    # Without skew the counts cost bits and say nothing.
    assert Arora2018Discrete.formula(**even).value < Zhou2019Compression.formula(**even).value
    assert Arora2018Discrete.formula(**even).value == Arora2018Discrete.formula(**skew).value


def test_the_truth_on_all_cuts_of_a_line() -> None:
    """Two symbols of three values say one of nine thresholds; over all samples some is missed at most as often as delta."""
    n, delta = 9, 0.2
    table = [Arora2018Discrete.formula(n=n, counts=[[1, 1, 0]], side_bits=0.0, errors=k, delta=delta).value for k in range(n + 1)]
    cells = 3
    chances = (0.5, 0.3, 0.2)  # mass of x in each cell; the label is 1 in the last two, thresholds between cells
    missed = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            counts = (a, b, n - a - b)
            ways = math.factorial(n) // math.prod(math.factorial(c) for c in counts)
            wrong = [[(cell >= cut) != (cell >= 1) for cell in range(cells)] for cut in range(cells + 1)]
            bad = any(
                sum(p for p, w in zip(chances, row, strict=True) if w)
                > table[sum(c for c, w in zip(counts, row, strict=True) if w)]
                for row in wrong
            )
            missed += bad * ways * math.prod(p**c for p, c in zip(chances, counts, strict=True))
    assert missed <= delta


def test_blocks_with_alphabets_of_their_own_multiply() -> None:
    value = Arora2018Discrete.formula(n=500, counts=[[1, 1], [1, 0, 0]], side_bits=0.0, errors=9, delta=0.05).value
    assert value == pytest.approx(binomial_tail_inverse(9, 500, 0.05 / 12), rel=1e-9)
