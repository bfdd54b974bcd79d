"""Empirical Bernstein on held-out data: the formula of the paper, and where it is better than Hoeffding."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boundcheck.bounds.hoeffding1963testset import Hoeffding1963TestSet
from boundcheck.bounds.maurer2009testset import Maurer2009TestSet
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Evidence, Problem, Provenance
from boundcheck.theorem import Status

formula = Maurer2009TestSet.formula
CLEAN = {"invalid": 0, "corruption": 0.0, "classes": 2}


@pytest.mark.parametrize(("m", "errors", "delta"), [(2, 1, 0.5), (60, 60, 0.01), (1000, 23, 0.05)])
def test_it_is_the_formula_of_the_paper(m: int, errors: int, delta: float) -> None:
    losses = np.array([1.0] * errors + [0.0] * (m - errors))
    cost = math.log(2 / delta)
    value = losses.mean() + math.sqrt(2 * losses.var(ddof=1) * cost / m) + 7 * cost / (3 * (m - 1))
    found = formula(m=m, errors=errors, delta=delta, **CLEAN).value
    assert value * (1 - 1e-13) <= found <= value * (1 + 1e-12)


def test_worked_value() -> None:
    # mpmath, 50 digits, 23 errors of 1000: V = 0.02249349349.
    value = 0.044498220613032421
    assert value * (1 - 1e-15) <= formula(m=1000, errors=23, delta=0.05, **CLEAN).value <= value * (1 + 1e-12)


def test_few_errors_favour_it_and_many_do_not() -> None:
    for errors, better in ((0, True), (50, True), (5000, False)):
        ours, theirs = (
            t.formula(m=10_000, errors=errors, delta=0.05, **CLEAN).value for t in (Maurer2009TestSet, Hoeffding1963TestSet)
        )
        assert (ours < theirs) is better


def test_one_example_has_no_variance() -> None:
    with pytest.raises(ValueError, match="two"):
        formula(m=1, errors=0, delta=0.05, **CLEAN)
    evidence = Evidence(
        Provenance(None, None, "mlp", "hand", "true", "zero", 2, 0, "quick"),
        Problem(50, 1, 2, None, False, 0.0, 0),
        Errors(50, 2, 0, 1, 0, 0, 0.0),
    )
    certificate = Maurer2009TestSet()(evidence, 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert certificate.why == "a sample variance needs at least two held-out examples"
