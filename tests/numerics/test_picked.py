"""The inversions for picked examples: the equation with exact fractions, published values and the mistake in them, monotony."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from mpmath import mp, mpf

from boundcheck.numerics.picked import picked_inverse, picked_inverse_two_sided


def psi(k: int, n: int, delta: Fraction, epsilon: Fraction, *, two_sided: bool) -> Fraction:
    """The equation as it is written, in exact fractions."""
    rest = 1 - epsilon
    below = sum(Fraction(math.comb(m, k), math.comb(n, k)) / rest ** (n - m) for m in range(k, n))
    if not two_sided:
        return delta / n * below
    above = sum(Fraction(math.comb(m, k), math.comb(n, k)) * rest ** (m - n) for m in range(n + 1, 4 * n + 1))
    return delta / (2 * n) * below + delta / (6 * n) * above


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 7), (3, 8), (7, 8), (5, 40), (39, 40)])
@pytest.mark.parametrize("delta", [0.5, 0.05, 1e-9])
def test_the_solution_of_the_equation_in_exact_fractions(k: int, n: int, delta: float) -> None:
    for inverse, two_sided in ((picked_inverse, False), (picked_inverse_two_sided, True)):
        value = Fraction(inverse(k, n, delta))
        if value == 1:
            assert delta < 1e-8  # the solution is so near 1 that nothing between them was looked at
            continue
        assert psi(k, n, Fraction(delta), value, two_sided=two_sided) >= 1
        # Just below it the equation is not met any more: the excess is that of the bisection, 2^-40, and of its enclosure.
        assert psi(k, n, Fraction(delta), value * (1 - Fraction(1, 2**34)), two_sided=two_sided) < 1


def tails(k: int, n: int, epsilon: mpf) -> tuple[mpf, mpf]:
    """P(Bin(n, epsilon) > k) and P(Bin(n, epsilon) = k), term by term."""
    term = total = (1 - epsilon) ** n
    for j in range(k):
        term *= mpf(n - j) / (j + 1) * epsilon / (1 - epsilon)
        total += term
    return 1 - total, term


def root(k: int, n: int, delta: mpf, *, mistaken: bool = False) -> mpf:
    """The two-sided equation with binomial tails, by bisection; ``mistaken``: as a published program has it."""

    def excess(epsilon: mpf) -> mpf:
        (tail, at), (longer, _) = tails(k, n, epsilon), tails(k, 4 * n + 1, epsilon)
        share = delta / 2 - delta / 6
        left = (share + tail if mistaken else share * tail) + delta / 6 * longer
        return left - (1 + delta / (6 * n)) * n * epsilon * at

    low, high = mpf(k) / n, mpf(3 * k) / n
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return high


@pytest.mark.parametrize(("k", "n", "right", "published"), [(326, 24_000, 0.01668, 0.01518), (237, 10_611, 0.02829, 0.02530)])
def test_a_sum_in_place_of_a_product(k: int, n: int, right: float, published: float) -> None:
    """A published program adds where the equation multiplies; its numbers are a tenth below what the theorem gives."""
    with mp.workdps(60):
        assert float(root(k, n, mpf("0.01"), mistaken=True)) == pytest.approx(published, abs=5.1e-6)
        exact = float(root(k, n, mpf("0.01")))
    assert exact == pytest.approx(right, abs=5.1e-6)
    ours = picked_inverse_two_sided(k, n, 0.01)
    assert exact * (1 - 1e-15) <= ours <= exact * (1 + 1e-10)
    assert published < picked_inverse(k, n, 0.01) < ours


def test_more_picked_costs_more_and_more_examples_less() -> None:
    for inverse in (picked_inverse, picked_inverse_two_sided):
        values = [inverse(k, 400, 0.05) for k in (0, 1, 5, 50, 200, 398, 399, 400)]
        assert values == sorted(values)
        assert values[-1] == 1.0
        assert all(value > k / 400 for value, k in zip(values[:-1], (0, 1, 5, 50, 200, 398, 399), strict=True))
        assert inverse(5, 400, 0.05) > inverse(5, 800, 0.05) > inverse(5, 100_000, 0.05)


@pytest.mark.parametrize(("k", "n", "delta"), [(0, 60_000, 1e-300), (59_998, 60_000, 1e-300), (5, 2**22, 0.05), (0, 1, 1e-17)])
def test_extremes_stay_on_the_safe_side(k: int, n: int, delta: float) -> None:
    one, two = picked_inverse(k, n, delta), picked_inverse_two_sided(k, n, delta)
    assert k / n < one <= 1.0
    assert k / n < two <= 1.0


@pytest.mark.parametrize(("k", "n", "delta"), [(-1, 5, 0.1), (6, 5, 0.1), (1, 0, 0.1), (1, 5, 0.0), (1, 5, 1.0), (1.5, 5, 0.1)])
def test_numbers_out_of_range_are_refused(k: int, n: int, delta: float) -> None:
    for inverse in (picked_inverse, picked_inverse_two_sided):
        with pytest.raises(ValueError, match="expected"):
            inverse(k, n, delta)
