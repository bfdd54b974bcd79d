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
    drawn = dataclasses.replace(evidence.posterior.drawn, n=certified or N)
    posterior = dataclasses.replace(evidence.posterior, prior_mean=prior_mean, certified=certified, drawn=drawn)
    return dataclasses.replace(evidence, posterior=posterior)


def around_a_posterior():
    return {name: t for name, t in CATALOGUE.items() if t.family == "pac-bayes" and "posterior" in t.reads}


def test_with_a_prior_from_a_split_every_bound_counts_the_rest_alone() -> None:
    evidence = split_evidence()
    own = Ambroladze2007Split()(evidence, 0.05)
    assert own.choices["examples counted"] == 700 < N
    assert own.value == pytest.approx(CATALOGUE["maurer2004kl"](evidence, 0.05).value, rel=1e-9)
    fewer = dataclasses.replace(evidence, problem=dataclasses.replace(evidence.problem, n=700))
    for name, theorem in around_a_posterior().items():
        on_rest, alone = theorem(evidence, 0.05), theorem(fewer, 0.05)
        assert on_rest.value == alone.value is not None, name


def test_a_prior_that_saw_an_example_that_is_counted_is_a_violated_hypothesis() -> None:
    evidence = split_evidence()
    posterior = dataclasses.replace(evidence.posterior, overlap=3)
    for name, theorem in around_a_posterior().items():
        certificate = theorem(dataclasses.replace(evidence, posterior=posterior), 0.05)
        assert certificate.status is Status.NOT_APPLICABLE, name
        assert "3 of the 700 examples counted had a part in it" in (certificate.why or ""), name
    unknown = split_evidence(certified=None)
    assert "part of the sample" in (CATALOGUE["maurer2004kl"](unknown, 0.05).why or "")


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
