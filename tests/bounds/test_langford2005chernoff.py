"""The relative entropy bound on held-out data: worked values, its place among the test-set bounds, exact coverage."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binom

from boundcheck.bounds.hoeffding1963testset import Hoeffding1963TestSet
from boundcheck.bounds.langford2005chernoff import Langford2005Chernoff
from boundcheck.bounds.langford2005testset import Langford2005TestSet
from boundcheck.bounds.lemmas.held_out import expected_losses
from boundcheck.bounds.maurer2009testset import Maurer2009TestSet
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status, Theorem

CLEAN = {"invalid": 0, "corruption": 0.0, "classes": 2}
formula = Langford2005Chernoff.formula
ALL = (Langford2005Chernoff(), Hoeffding1963TestSet(), Maurer2009TestSet())


def test_worked_value() -> None:
    # mpmath, 50 digits: bisection of kl, 23 errors of 1000.
    value = 0.036560892221162899
    assert value * (1 - 1e-15) <= formula(m=1000, errors=23, delta=0.05, **CLEAN).value <= value * (1 + 1e-9)


@pytest.mark.parametrize(("m", "delta"), [(1, 0.5), (30, 0.05), (10_000, 1e-6)])
def test_without_errors_it_is_the_exact_tail(m: int, delta: float) -> None:
    value = 1.0 - delta ** (1.0 / m)
    assert formula(m=m, errors=0, delta=delta, **CLEAN).value == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("delta", [0.3, 0.05, 1e-4])
@pytest.mark.parametrize("m", [1, 7, 200])
def test_it_lies_between_the_exact_tail_and_hoeffding(m: int, delta: float) -> None:
    for errors in range(0, m + 1, max(1, m // 20)):
        symbols = {"m": m, "errors": errors, "delta": delta, **CLEAN}
        exact, middle, loose = (
            t.formula(**symbols).value for t in (Langford2005TestSet, Langford2005Chernoff, Hoeffding1963TestSet)
        )
        # Each is rounded up, by at most 1e-9 relatively.
        assert exact <= middle * (1 + 1e-9)
        assert middle <= loose * (1 + 1e-9)


@pytest.mark.parametrize("theorem", ALL, ids=lambda t: t.name)
@pytest.mark.parametrize("delta", [0.05, 0.3])
@pytest.mark.parametrize("corruption", [0.0, 0.4, 1.0])
def test_it_covers_one_predictor(theorem: Theorem, corruption: float, delta: float) -> None:
    """Exactly: the probability of a miss is a finite sum over the counts of errors, and of ties among them."""
    m, classes = 30, 3
    table = {
        (e, i): theorem.formula(m=m, errors=e, invalid=i, corruption=corruption, classes=classes, delta=delta).value
        for e in range(m + 1)
        for i in range(e + 1)
    }
    for clean, ties in ((0.1, 0.0), (0.3, 0.05), (0.02, 0.02), (0.75, 0.5)):
        low, high = corruption * (1 - 1 / classes), 1 - corruption / classes
        truth = low + (high - low) * clean + (1 - high) * ties
        missed = 0.0
        for e in range(m + 1):
            chance = binom.pmf(e, m, clean) * binom.pmf(np.arange(e + 1), e, ties / clean)
            missed += sum(float(chance[i]) for i in range(e + 1) if truth > table[e, i] * (1 + 1e-12))
        assert missed <= delta


def test_the_expected_losses_are_those_of_a_list() -> None:
    """Against numpy on the losses written out one by one."""
    for corruption in (0.0, 0.1, 0.3, 1.0):
        m, errors, invalid, classes = 57, 20, 6, 5
        low = corruption * (1 - 1 / classes)
        z = np.array([low] * (m - errors) + [1 - corruption / classes] * (errors - invalid) + [1.0] * invalid)
        found = expected_losses(m=m, errors=errors, invalid=invalid, corruption=corruption, classes=classes)
        pairs = (
            (found.low, low),
            (found.width, 1 - low),
            (found.mean, z.mean()),
            (found.scaled, ((z - low) / (1 - low)).mean()),
            (found.variance, z.var(ddof=1)),
        )
        for value, truth in pairs:
            assert truth * (1 - 1e-13) <= value <= truth * (1 + 1e-12) + 1e-15  # numpy's own rounding below


def test_labels_replaced_altogether_leave_only_ties_to_learn() -> None:
    # Each label is uniform: the error is 1 - 1/k but where there is a tie.
    found = expected_losses(m=10, errors=6, invalid=2, corruption=1.0, classes=4)
    assert found.mean == pytest.approx(0.75 + 0.25 * 0.2, rel=1e-14)
    assert found.scaled == pytest.approx(0.2, rel=1e-14)


@pytest.mark.parametrize(("field", "value"), [("errors", 11), ("invalid", 7), ("corruption", 1.5), ("classes", 1), ("m", 0)])
def test_impossible_counts_are_refused(field: str, value: float) -> None:
    symbols = {"m": 10, "errors": 6, "invalid": 2, "corruption": 0.5, "classes": 4}
    with pytest.raises(ValueError, match="expected"):
        expected_losses(**{**symbols, field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("theorem", ALL, ids=lambda t: t.name)
def test_what_it_can_not_speak_of(theorem: Theorem) -> None:
    evidence = example_evidence()
    for change, why in (({"test_n": 0}, "no held-out sample"), ({"overlap": 3}, "3 of 500 held-out rows")):
        errors = dataclasses.replace(evidence.errors, **change)
        certificate = theorem(dataclasses.replace(evidence, errors=errors), 0.05)
        assert certificate.status is Status.NOT_APPLICABLE
        assert certificate.why is not None
        assert why in certificate.why


def test_terms_are_the_measured_error_and_the_rest() -> None:
    terms = formula(m=1000, errors=23, delta=0.05, **CLEAN).terms
    assert terms["test error"] == pytest.approx(0.023, rel=1e-15)
    assert math.isclose(sum(terms.values()), 0.036560892221162899, rel_tol=1e-9)


def test_the_smallest_confidence_that_a_float_can_hold() -> None:
    # The share of the ties is no positive float; they are then bounded by all errors.
    symbols = {"m": 1000, "errors": 23, "invalid": 2, "corruption": 0.2, "classes": 10}
    smallest, small = (Langford2005TestSet.formula(**symbols, delta=delta).value for delta in (5e-324, 1e-300))
    assert smallest >= small
