"""The hypergeometric inversion: worked values, exact integers, and the inequality on a class whose supremum is exact."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from boundcheck.bounds.blum2003hypergeometric import GHOST_SAMPLES, Blum2003Hypergeometric, ghost_sample_bound
from boundcheck.bounds.vapnik1998growth import Vapnik1998Growth
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.growth_layer import GrowthLayer
from boundcheck.evidence.record import Evidence, Problem, Provenance, Structure
from boundcheck.theorem import Status

LEVELS = {"tests": [3, 1], "degrees": [1, 2], "parameters": [9, 13], "blocks": [[(3, 1, 3)], []]}


def sauer(n: int) -> float:
    """ln of the sum of binomials up to 3, rounded up: a class of VC dimension 3."""
    return math.log(sum(math.comb(n, j) for j in range(4))) * (1 + 1e-14)


@pytest.mark.parametrize(("errors", "size", "value"), [(100, 1, 0.046), (100, 4, 0.04155), (100, 8, 0.04115), (0, 4, 0.00725)])
def test_worked_values_of_vc_dimension_three(errors: int, size: int, value: float) -> None:
    # n = 5000; the values are quotients of integers, recomputed with mpmath from the definition.
    found = ghost_sample_bound(n=5000, errors=errors, log_growth=sauer, delta=0.05, sizes=(size,)).value
    assert value <= found <= value * (1 + 1e-14)


@pytest.mark.parametrize(("blocks", "value"), [([], 0.0725583), ([[(5, 1, 21)], []], 0.0708583)])
def test_worked_values_of_the_network_20_5_1(blocks: list[object], value: float) -> None:
    # n = 60000, 600 errors, one ghost sample of 4 n, to the digits given.
    from boundcheck.numerics.growth import log_growth_upper

    def size(points: int) -> float:
        return log_growth_upper(points, tests=[5, 1], degrees=[1, 2], parameters=[105, 111], blocks=blocks)  # type: ignore[arg-type]

    found = ghost_sample_bound(n=60000, errors=600, log_growth=size, delta=0.05, sizes=(4,)).value
    assert found == pytest.approx(value, abs=5e-8)


def tail(total: int, marked: int, drawn: int, s: int) -> Fraction:
    ways = sum(math.comb(marked, j) * math.comb(total - marked, drawn - j) for j in range(min(s, drawn, marked) + 1))
    return Fraction(ways, math.comb(total, drawn))


@pytest.mark.parametrize("n", [1, 7, 30])
def test_against_exact_fractions(n: int) -> None:
    """The definition in integers: a class of N + 1 patterns, every number of errors, the five ghost samples."""
    delta = Fraction(1, 20)
    for s in range(0, n + 1, 1 if n < 10 else 4):
        best = Fraction(1)
        for m in (n * size for size in GHOST_SAMPLES):
            level = delta / 10 / (n + m + 1)
            worst = max(k for k in range(s + m + 1) if tail(n + m, k, n, s) > level)
            best = min(best, Fraction(worst - s + 1, m))
        found = ghost_sample_bound(
            n=n, errors=s, log_growth=lambda points: math.log(points + 1) * (1 + 1e-14), delta=0.05, sizes=GHOST_SAMPLES
        ).value
        assert best <= Fraction(found) <= max(best, Fraction(s, n)) * (1 + Fraction(1, 10**14))


def test_few_errors_pay_a_fast_rate() -> None:
    """Zero errors: four times the sample, about a quarter of the bound (not half); logs grow a little."""
    small, large = (Blum2003Hypergeometric.formula(n=n, errors=0, delta=0.05, **LEVELS).value for n in (2000, 8000))
    assert large < 0.36 * small


@pytest.mark.parametrize("n", [500, 5000, 50000])
@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3])
def test_it_is_below_the_textbook(n: int, rate: float) -> None:
    symbols = {"n": n, "errors": int(rate * n), "delta": 0.05, **LEVELS}
    assert Blum2003Hypergeometric.formula(**symbols).value <= Vapnik1998Growth.formula(**symbols).value


def test_a_risk_is_at_most_one() -> None:
    bound = Blum2003Hypergeometric.formula(n=50, errors=50, delta=0.05, **LEVELS)
    assert bound.terms["training error"] == 1.0
    assert bound.terms["growth function"] == 0.0
    big = {"tests": [500, 9], "degrees": [1, 2], "parameters": [392500, 397510], "blocks": []}
    assert Blum2003Hypergeometric.formula(n=1000, errors=0, delta=0.05, **big).value == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("errors", [-1, 11])
def test_impossible_counts_are_refused(errors: int) -> None:
    with pytest.raises(ValueError, match="errors"):
        Blum2003Hypergeometric.formula(n=10, errors=errors, delta=0.05, **LEVELS)


@pytest.mark.parametrize(("lowered", "why"), [(False, "without an error bound"), (True, None)])
def test_margins_without_an_error_bound_are_not_those_of_the_network(lowered: bool, why: str | None) -> None:
    evidence = Evidence(
        Provenance(None, None, "mlp", "hand", "true", "zero", 2, 0, "quick"),
        Problem(500, 1, 2, None, False, 0.0, 0),
        Errors(500, 0, 0),
        structure=Structure(("w",), None, (), True, False, False, (), lowered),
        margins=(1.0,) * 500,
        growth=(GrowthLayer("w", 1, 1, 2, ((1, 1, 2),)),),
    )
    certificate = Blum2003Hypergeometric()(evidence, 0.05)
    if why is None:
        assert certificate.status is Status.NON_VACUOUS
    else:
        assert certificate.status is Status.NOT_APPLICABLE
        assert why in str(certificate.why)


def test_the_smallest_confidence_that_a_float_can_hold() -> None:
    # A tenth of it is no positive float; the bound is still one.
    bound = Blum2003Hypergeometric.formula(n=5000, errors=0, tests=[1], degrees=[1], parameters=[2], blocks=[], delta=5e-324)
    assert 0.05 < bound.value < 0.5
