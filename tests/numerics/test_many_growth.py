"""Counts of patterns at 1e5 inputs and more each: whole-number sums and ball arithmetic against the logarithms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from flint import arb, ctx, fmpz

from boundcheck.numerics import log_binomial_sum_upper, log_binomial_upper, milnor_cells_upper
from boundcheck.numerics.growth import log_growth_upper

TIGHT = 1e-9  # the promised relative excess
LARGEST = 450

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """200 bits: logarithms below 1e16 with 140 bits behind the point."""
    with ctx.workprec(200):
        yield


def check(value: float, truth: arb, *inputs: object) -> None:
    """Ball comparisons are true only where they hold for the whole ball."""
    assert truth <= value, inputs
    assert value <= truth * (1 + arb(TIGHT)), inputs


@cache
def log_sums(M: int) -> list[arb]:
    """Logarithms of all partial sums of binomial coefficients, added up as whole numbers."""
    term, total, found = 1, 0, []
    for j in range(M + 1):
        total += term
        found.append(arb(fmpz(total)).log())
        term = term * (M - j) // (j + 1)
    return found


def log_choose(n: int, k: int) -> arb:
    return arb(fmpz(n + 1)).lgamma() - arb(fmpz(k + 1)).lgamma() - arb(fmpz(n - k + 1)).lgamma()


def cells(M: int, w: int, degree: int) -> arb:
    """min{M ln 2, ln 2 + w ln(2D) + ln of the sum}."""
    ln2 = arb(2).log()
    return (M * ln2).min(ln2 + w * arb(2 * degree).log() + log_sums(M)[min(M, w)])


def test_all_binomials_of_small_numbers() -> None:
    n, k = (grid[np.tril_indices(LARGEST)] for grid in np.meshgrid(np.arange(LARGEST), np.arange(LARGEST), indexing="ij"))
    values = log_binomial_upper(n, k).tolist()
    assert len(values) > 100_000
    for value, a, b in zip(values, n.tolist(), k.tolist(), strict=True):
        check(value, arb(fmpz(math.comb(a, b))).log(), a, b)


def test_binomials_of_large_numbers() -> None:
    rng = np.random.default_rng(20)
    n = np.floor(10.0 ** rng.uniform(0.0, 15.95, 100_000))
    part = np.choose(rng.integers(0, 3, n.size), [10.0 ** rng.uniform(0.0, 16.0, n.size), n * rng.random(n.size), n - 1.0])
    k = np.minimum(np.floor(part), n)
    for value, a, b in zip(log_binomial_upper(n, k).tolist(), n.tolist(), k.tolist(), strict=True):
        check(value, log_choose(int(a), int(b)) if 0 < b < a else arb(0), a, b)


def test_all_sums_of_small_numbers() -> None:
    count = 0
    for M in range(LARGEST):
        truths = log_sums(M)
        for w in range(M + 2):
            check(log_binomial_sum_upper(M, w), truths[min(w, M)], M, w)
            count += 1
    assert count > 100_000


@pytest.mark.parametrize("M", [1999, 2000, 2001, 2002, 5001, 20_001])
def test_all_sums_of_a_middling_number(M: int) -> None:
    """About 2,000 is where whole numbers give way to floats, and M/2 is where the other terms are taken away."""
    for w, truth in enumerate(log_sums(M)):
        check(log_binomial_sum_upper(M, w), truth, M, w)


def test_sums_of_huge_numbers() -> None:
    """The last term and 400 before it, and the geometric series beyond, which is at most 0.9^400 where w < 0.47 M."""
    rng = np.random.default_rng(21)
    for _ in range(2_000):
        M = int(10.0 ** rng.uniform(3.4, 15.95))
        w = min(int(10.0 ** rng.uniform(0.0, 15.95)), int(rng.uniform(0.0, 0.47) * M))
        term = total = arb(1)
        for i in range(min(w, 400)):
            term *= arb(w - i) / (M - w + 1 + i)
            total += term
        rest = term * 10 if w > 400 else arb(0)
        value, last = log_binomial_sum_upper(M, w), log_choose(M, w) if w else arb(0)
        low, high = last + total.log(), last + (total + rest).log()
        assert low <= value <= high * (1 + arb(TIGHT)), (M, w)
        # The other terms make up 2^M.
        value, everything = log_binomial_sum_upper(M, M - w - 1), M * arb(2).log()
        low, high = (everything + (-(other - everything).exp()).log1p() for other in (high, low))
        assert low <= value <= high * (1 + arb(TIGHT)), (M, w)


def test_more_than_half_of_a_huge_number() -> None:
    """Between 2^(M-1) and 2^M; the promised excess where 1/M is below it."""
    rng = np.random.default_rng(22)
    for _ in range(2_000):
        M = int(10.0 ** rng.uniform(9.1, 15.95))
        w = M // 2 + int(10.0 ** rng.uniform(0.0, math.log10(M / 2.0)))
        value = log_binomial_sum_upper(M, w)
        assert (M - 1) * arb(2).log() <= value, (M, w)
        # Twice 2^-51: ln 2 and its product are each rounded and stepped up.
        assert value <= M * arb(2).log() * (1 + arb(2) ** -50), (M, w)


@pytest.mark.parametrize("seed", range(2))
def test_cells_of_polynomials(seed: int) -> None:
    rng = np.random.default_rng(30 + seed)
    for _ in range(50_000):
        M, degree = int(rng.integers(0, LARGEST)), int(10.0 ** rng.uniform(0.0, 6.0))
        w = int(rng.choice([rng.integers(0, M + 3), rng.integers(0, 12), 10**9]))
        check(milnor_cells_upper(M, w, degree), cells(M, w, degree), M, w, degree)


def arrangement(M: int, p: int) -> arb:
    return log_sums(M)[min(M, p)]


@pytest.mark.parametrize("seed", range(4))
def test_loss_patterns_of_networks(seed: int) -> None:
    """Levels of random tests, degrees and parameters; the first may have blocks of affine tests."""
    rng = np.random.default_rng(40 + seed)
    for _ in range(25_000):
        n, depth = int(rng.integers(1, 60)), int(rng.integers(1, 4))
        tests = rng.integers(0, 8, depth).tolist()
        degrees = [1, *rng.integers(1, 9, depth - 1).tolist()]
        parameters = np.cumsum(rng.integers(0, int(rng.choice([4, 40, 400])), depth)).tolist()
        truths = [cells(q * n, w, d) for q, w, d in zip(tests, parameters, degrees, strict=True)]
        levels: dict[str, list[int]] = {"tests": tests, "degrees": degrees, "parameters": parameters}
        blocks: list[list[tuple[int, int, int]]] = []
        if rng.random() < 0.5:
            units, per_unit = int(rng.integers(0, tests[0] + 1)), int(rng.integers(0, 20))
            blocks = [[(units, 1, per_unit)], *([] for _ in range(depth - 1))]
            rest = cells((tests[0] - units) * n, parameters[0], 1)
            truths[0] = truths[0].min(units * arrangement(n, per_unit) + rest)
        value = log_growth_upper(n, **levels, blocks=blocks)
        check(value, sum(truths, arb(0)), n, levels, blocks)
