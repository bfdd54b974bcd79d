"""Lower bounds from members that correlate with random signs: enumeration of signs and samples, coverage, worked values."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from boundcheck.rademacher import FiniteClass, complexity, complexity_lower, uniform_gap_lower
from boundcheck.rademacher.lower import correlation_lower


def test_a_worked_value() -> None:
    """Accuracy 0.99 on n = 50,000, three draws, delta = 0.05 / 3: predictions in {-1, 1} have twice the complexity, 0.9726114."""
    found = complexity_lower([0.99 - 0.5] * 3, n=50_000, delta=0.05 / 3.0)
    assert found == pytest.approx(0.49 - math.sqrt(math.log(60.0) / 300_000), rel=1e-12)
    assert 2.0 * found == pytest.approx(0.9726114, abs=1e-7)


def test_the_gap_is_at_least_that_of_three_steps() -> None:
    """One bounded-difference step for sample and complexity is no worse than one for each, which gives 0.2324368 here."""
    n, log = 50_000, math.log(60.0)
    stepwise = 0.5 * ((0.98 - math.sqrt(2.0 * log / (3.0 * n))) / 2.0 - math.sqrt(log / (2.0 * n))) - 0.25 / math.sqrt(n)
    stepwise -= math.sqrt(log / (2.0 * n))
    assert stepwise == pytest.approx(0.2324368, abs=1e-7)
    found = uniform_gap_lower([0.49] * 3, n=n, delta=0.05)
    by_hand = (
        0.5 * (0.49 - math.sqrt(math.log(40.0) / (6.0 * n))) - 0.25 / math.sqrt(n) - 1.25 * math.sqrt(math.log(40.0) / (2 * n))
    )
    assert found == pytest.approx(by_hand, rel=1e-12)
    assert found > stepwise


def test_coverage_on_a_finite_class() -> None:
    """The suprema themselves as correlations, the hardest case for a lower bound; few draws and much delta."""
    n, draws, delta, trials = 10, 3, 0.3, 1000
    losses = np.random.default_rng(1).integers(0, 2, size=(12, n)) - 0.5
    truth = complexity(FiniteClass(losses)).lower
    rng, missed, useful = np.random.default_rng(2), 0, 0
    for _ in range(trials):
        signs = 2.0 * rng.integers(0, 2, size=(draws, n)) - 1.0
        found = complexity_lower(((signs @ losses.T).max(axis=1) / n).tolist(), n=n, delta=delta)
        missed += found > truth
        useful += found > 0.0
    assert missed <= delta * trials
    assert useful > trials / 2


def test_desymmetrization_by_enumeration_of_samples_and_signs() -> None:
    """E sup |P_n - P| is at least half the mean complexity less 1/(4 sqrt n), in fractions, over all samples and all signs."""
    rng, n = np.random.default_rng(5), 3
    for _ in range(20):
        weights = [Fraction(int(v), 100) for v in rng.multinomial(100, [1 / 3] * 3)]
        losses = [[int(v) for v in row] for row in rng.integers(0, 2, size=(4, 3))]
        risks = [sum(w * v for w, v in zip(weights, row, strict=True)) for row in losses]
        gap = complexities = Fraction(0)
        for sample in itertools.product(range(3), repeat=n):
            weight = math.prod((weights[z] for z in sample), start=Fraction(1))
            gap += weight * max(abs(Fraction(sum(row[z] for z in sample), n) - r) for row, r in zip(losses, risks, strict=True))
            total = sum(
                max(sum(s * (row[z] - Fraction(1, 2)) for s, z in zip(signs, sample, strict=True)) for row in losses)
                for signs in itertools.product((-1, 1), repeat=n)
            )
            complexities += weight * Fraction(total, 8 * n)
        assert float(gap) >= float(complexities) / 2.0 - 0.25 / math.sqrt(n)


def test_an_example_moves_the_complexity_by_half_over_n() -> None:
    """What one bounded-difference step rests on, by enumeration."""
    rng, n = np.random.default_rng(7), 6
    for _ in range(30):
        losses = rng.integers(0, 2, size=(5, n)).astype(float)
        changed = losses.copy()
        changed[:, 0] = rng.integers(0, 2, size=5)
        values = [complexity(FiniteClass(a - 0.5)).upper for a in (losses, changed)]
        assert abs(values[0] - values[1]) <= 0.5 / n + 1e-12


def test_the_lower_bound_holds_where_the_gap_is_a_formula() -> None:
    """All losses on M equally likely points: the gap is the total variation to the sample, a supremum the sum of |signs| / 2."""
    n, points, delta, trials, missed, useful = 400, 200, 0.5, 200, 0, 0
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        sample = rng.integers(0, points, n)
        gap = 0.5 * np.abs(np.bincount(sample, minlength=points) / n - 1.0 / points).sum()
        signs = 2.0 * rng.integers(0, 2, size=(2, n)) - 1.0
        best = [0.5 * np.abs(np.bincount(sample, weights=row, minlength=points)).sum() / n for row in signs]
        found = uniform_gap_lower(best, n=n, delta=delta)
        missed += found > gap
        useful += found > 0.05
    assert missed <= delta * trials
    assert useful > trials / 2


def test_more_delta_and_more_draws_help() -> None:
    values = [complexity_lower([0.4] * draws, n=500, delta=0.05) for draws in (1, 2, 4, 8)]
    assert values == sorted(values)
    for bound in (complexity_lower, uniform_gap_lower):
        by_delta = [bound([0.45, 0.4], n=5000, delta=delta) for delta in (1e-6, 0.01, 0.1, 0.5)]
        assert by_delta == sorted(by_delta)
        assert by_delta[0] > 0.0


def test_never_below_zero() -> None:
    assert complexity_lower([-0.5], n=5, delta=0.05) == 0.0
    assert uniform_gap_lower([0.1], n=5, delta=0.05) == 0.0


@pytest.mark.parametrize(("agreeing", "value"), [(10, 0.5), (0, -0.5), (5, 0.0), (7, 0.2)])
def test_correlations_from_counts(agreeing: int, value: float) -> None:
    found = correlation_lower(agreeing, 10)
    assert found == pytest.approx(value, abs=1e-15)
    assert Fraction(found) <= Fraction(2 * agreeing - 10, 20)


@pytest.mark.parametrize("bad", [{"correlations": []}, {"correlations": [0.6]}, {"n": 0}, {"delta": 0.0}, {"delta": 1.0}])
def test_misuse_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected draws"):
        complexity_lower(**({"correlations": [0.1], "n": 5, "delta": 0.1} | bad))  # type: ignore[arg-type]
