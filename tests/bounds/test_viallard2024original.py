"""The disintegrated bound in the paper's constants: the worked value, and what the mixture saves."""

from __future__ import annotations

import math

import pytest

from boundcheck.bounds.viallard2024disintegrated import Viallard2024Disintegrated
from boundcheck.bounds.viallard2024original import Viallard2024Original
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import NotApplicable

WORKED = {
    "n": 10_000,
    "dimension": [1000],
    "log_variance_sum": [1000 * math.log(0.0025)],
    "max_variance": [0.0025],
    "squared_distance": [0.148922],
    "prior_variances": [0.0025],
    "errors": 300,
    "delta": 0.05,
}


def test_the_worked_value_of_the_paper() -> None:
    bound = Viallard2024Original.formula(**WORKED)
    assert bound.value == pytest.approx(0.0559251095, abs=1e-9)
    assert bound.choices["Rényi divergence"] == pytest.approx(0.148922 / 0.0025, rel=1e-9)


def test_each_variance_more_is_paid_three_times() -> None:
    # A second variance that can't be the best one: the whole cost is ln 8, which is what 1/8 of delta^3 costs.
    two = Viallard2024Original.formula(**{**WORKED, "prior_variances": [0.0025, 1e3]}).value
    assert two == pytest.approx(Viallard2024Original.formula(**{**WORKED, "delta": 0.025}).value, rel=1e-12)


def test_the_mixture_and_xi_are_never_larger_with_one_block() -> None:
    for size in (1, 2, 30):
        symbols = {**WORKED, "prior_variances": [0.0025 * 1.1**i for i in range(size)]}
        assert Viallard2024Disintegrated.formula(**symbols).value <= Viallard2024Original.formula(**symbols).value
    evidence = example_evidence()
    assert Viallard2024Disintegrated()(evidence, 0.05).value < Viallard2024Original()(evidence, 0.05).value


def test_a_posterior_wider_than_twice_the_prior_has_no_bound() -> None:
    with pytest.raises(NotApplicable, match="twice"):
        Viallard2024Original.formula(**{**WORKED, "max_variance": [0.01], "log_variance_sum": [1000 * math.log(0.01)]})
