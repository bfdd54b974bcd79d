"""The held-out error and its interval under the law of the labels."""

from __future__ import annotations

from fractions import Fraction

import pytest
from scipy import stats

from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Problem
from boundcheck.report.measured import held_out, interval


def _problem(corruption: float, classes: int = 10) -> Problem:
    return Problem(1000, 5, classes, None, False, corruption, 0)


def _errors(wrong: int, invalid: int, n: int, test_error: float | None = None) -> Errors:
    return Errors(n=10, errors=0, invalid=0, test_n=n, test_errors=wrong, test_invalid=invalid, test_error=test_error)


@pytest.mark.parametrize("wrong, n, delta", [(0, 50, 0.05), (162, 10000, 0.05), (50, 50, 0.01), (3, 7, 0.2)])
def test_on_clean_labels_it_is_the_binomial_interval(wrong: int, n: int, delta: float) -> None:
    low, high = interval(_errors(wrong, 0, n), _problem(0.0), delta)
    exact = stats.binomtest(wrong, n).proportion_ci(1 - delta, method="exact")
    assert low == pytest.approx(exact.low, rel=1e-8, abs=1e-12)  # scipy's own accuracy
    assert high == pytest.approx(exact.high, rel=1e-8)


@pytest.mark.parametrize("corruption", [0.3, 1.0])
@pytest.mark.parametrize("risk, ties", [(0.2, 0.0), (0.2, 0.05), (0.02, 0.02), (0.0, 0.0)])
def test_the_interval_covers_the_risk_under_the_law(corruption: float, risk: float, ties: float) -> None:
    """Exact miss probability over the two counts (n = 30): not above delta."""
    n, k, delta = 30, 4, 0.1
    truth = corruption * (1 - 1 / k) + (1 - corruption) * risk + corruption / k * ties
    missed = 0.0
    for wrong in range(n + 1):
        for invalid in range(wrong + 1):
            conditional = stats.binom.pmf(invalid, wrong, ties / risk) if risk else float(invalid == 0)
            mass = stats.binom.pmf(wrong, n, risk) * conditional
            if mass < 1e-9:
                continue
            low, high = interval(_errors(wrong, invalid, n), _problem(corruption, k), delta)
            # 1e-15: truth is computed in floats, and at corruption 1 the lower end may equal it exactly
            missed += mass * (not low - 1e-15 <= truth <= high + 1e-15)
    assert missed <= delta


def test_the_expected_count_is_exact_when_it_was_not_measured() -> None:
    problem = _problem(0.25, 4)
    held = held_out(_errors(10, 2, 100), problem, 0.05)
    # 8 wrong, 2 ties, 90 right: (1-p) 8 + p (3/4) 98 + 2
    expected = Fraction(3, 4) * 8 + Fraction(1, 4) * Fraction(3, 4) * 98 + 2
    assert held is not None
    assert held.error == float(expected / 100)
    assert held.errors == pytest.approx(float(expected), rel=1e-15)
    assert held.clean_error == 0.1
    assert held.interval[0] < held.error < held.interval[1]


def test_counts_are_integers_on_clean_labels() -> None:
    held = held_out(_errors(10, 2, 100, 0.1), _problem(0.0), 0.05)
    assert held is not None
    assert held.errors == 10
    assert isinstance(held.errors, int)


def test_no_sample_no_error() -> None:
    assert held_out(Errors(n=10, errors=0, invalid=0), _problem(0.0), 0.05) is None
