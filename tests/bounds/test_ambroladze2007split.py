"""A prior from a split: the worked value, which n counts, and who may use which theorem."""

from __future__ import annotations

import dataclasses
import math

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.ambroladze2007split import Ambroladze2007Split
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.evidence.example import N, example_evidence
from boundcheck.theorem import Status

WORKED = {
    "n": 5000,
    "divergence": 20.0,
    "draws": 10**18,
    "mean_loss": 0.03,
    "candidates": 1,
    "splits": 1,
    "delta": 0.0625,
}


def test_the_worked_value() -> None:
    # 0.0514254125 is with 2 sqrt(n) in the logarithm; xi(n) is smaller.
    with_root = kl_bound(0.03, 20.0 + math.log(2 * math.sqrt(5000) / 0.05), 5000)
    with_xi = kl_bound(0.03, 20.0 + log_xi_over(5000, math.log(20)), 5000)
    assert 0.0514254125 in (pytest.approx(with_root, abs=1e-10), pytest.approx(with_xi, abs=1e-10))
    assert Ambroladze2007Split.formula(**WORKED).value == pytest.approx(with_xi, abs=1e-8)


def test_dividing_by_the_whole_sample_would_be_smaller() -> None:
    """The common mistake: the risk of 5000 examples with the n = 10,000 of the whole sample."""
    assert Ambroladze2007Split.formula(**{**WORKED, "n": 10_000}).value < Ambroladze2007Split.formula(**WORKED).value


def test_splits_compared_are_paid_for() -> None:
    values = [Ambroladze2007Split.formula(**{**WORKED, "splits": f}).value for f in (1, 2, 10)]
    assert values == sorted(set(values))


def split_evidence(certified: int | None = 700, prior_mean: str = "split"):
    evidence = example_evidence()
    posterior = dataclasses.replace(evidence.posterior, prior_mean=prior_mean, certified=certified)
    return dataclasses.replace(evidence, posterior=posterior)


def test_it_answers_where_the_prior_is_from_a_split_and_nobody_else_does() -> None:
    evidence = split_evidence()
    own = Ambroladze2007Split()(evidence, 0.05)
    assert own.status is not Status.NOT_APPLICABLE
    assert own.choices["examples counted"] == 700 < N
    for name, theorem in CATALOGUE.items():
        if theorem.family == "pac-bayes" and "posterior" in theorem.reads and name != own.name:
            assert theorem(evidence, 0.05).status is Status.NOT_APPLICABLE, name


def test_for_other_priors_it_says_where_to_look() -> None:
    for evidence in (example_evidence(), split_evidence(None), split_evidence(prior_mean="initial")):
        certificate = Ambroladze2007Split()(evidence, 0.05)
        assert certificate.status is Status.NOT_APPLICABLE
        assert "maurer2004kl" in (certificate.why or "")


def test_the_truth_with_a_prior_that_took_the_first_half() -> None:
    """A coin, two predictors, a prior that trusts the better one on the first half: misses are summed over both halves."""
    half, delta, p, missed = 12, 0.2, 0.35, 0.0
    for first in range(half + 1):
        trust = 0.98 if first < half - first else 0.02  # mass on predictor 0, which errs on heads
        for second in range(half + 1):
            chance = math.comb(half, first) * math.comb(half, second) * p ** (first + second)
            chance *= (1 - p) ** (2 * half - first - second)
            bad = any(
                kl_bound(ratio_up(errors, half), log_xi_over(half, log_inverse_up(delta)) - math.log(mass), half) < risk
                for errors, mass, risk in ((second, trust, p), (half - second, 1 - trust, 1 - p))
            )
            missed += bad * chance
    assert missed <= delta
