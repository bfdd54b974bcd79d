"""Hoeffding on held-out data: the formula of the paper, scaled to the interval of the losses."""

from __future__ import annotations

import math

import pytest

from boundcheck.bounds.hoeffding1963testset import Hoeffding1963TestSet

formula = Hoeffding1963TestSet.formula


@pytest.mark.parametrize(("m", "errors", "delta"), [(1, 0, 0.5), (1000, 23, 0.05), (10_000, 9_999, 1e-9)])
def test_it_is_the_formula_of_the_paper(m: int, errors: int, delta: float) -> None:
    value = errors / m + math.sqrt(math.log(1 / delta) / (2 * m))
    found = formula(m=m, errors=errors, invalid=0, corruption=0.0, classes=2, delta=delta).value
    assert value * (1 - 1e-14) <= found <= value * (1 + 1e-12)


def test_worked_value() -> None:
    # mpmath, 50 digits, 23 errors of 1000.
    value = 0.061702275602049493
    assert value * (1 - 1e-15) <= formula(m=1000, errors=23, invalid=0, corruption=0.0, classes=10, delta=0.05).value
    assert formula(m=1000, errors=23, invalid=0, corruption=0.0, classes=10, delta=0.05).value <= value * (1 + 1e-12)


def test_losses_of_a_shorter_interval_deviate_less() -> None:
    symbols = {"m": 100, "errors": 10, "invalid": 0, "classes": 2, "delta": 0.05}
    clean, noisy = (formula(corruption=p, **symbols).terms["confidence"] for p in (0.0, 0.5))
    assert noisy == pytest.approx(0.75 * clean, rel=1e-12)  # [p (1 - 1/k), 1] = [1/4, 1]
