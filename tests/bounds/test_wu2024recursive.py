"""Recursive PAC-Bayes: its special cases, its split of the excess loss, and the truth on a coin."""

from __future__ import annotations

import dataclasses
import math

import pytest

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.bounds.wu2024recursive import Wu2024Recursive
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status

ENDLESS = 10**15  # draws that leave nothing of the Monte Carlo step


def recursive(**changes: object):
    symbols = {
        "n": [200, 100], "divergences": [3.0, 1.0], "gammas": [0.5], "draws": [ENDLESS, ENDLESS], "risks": [0.2, 0.1],
        "not_better": [0.88], "worse": [0.01], "configurations": 1, "delta": 0.05,
    }  # fmt: skip
    return Wu2024Recursive.formula(**{**symbols, **changes})


def test_one_step_is_the_kl_bound() -> None:
    bound = recursive(n=[200], divergences=[3.0], gammas=[], draws=[ENDLESS], risks=[0.2], not_better=[], worse=[])
    exact = kl_bound(0.2, log_xi_over(200, log_inverse_up(0.04)) + 3.0, 200)
    assert exact <= bound.value <= exact * (1 + 1e-6)


def test_the_split_of_the_excess_loss_is_an_identity() -> None:
    for gamma in (0.1, 0.5, 0.9):
        for own in (0, 1):
            for theirs in (0, 1):
                parts = gamma * (own or not theirs) + (1 - gamma) * own + gamma * (own and not theirs)
                assert own - gamma * theirs == pytest.approx(parts - gamma, abs=1e-15)


def test_terms_without_confidence_are_the_risk_of_the_last_step() -> None:
    # h' errs on 0.2 in both steps; h errs with h' on 0.09, alone on 0.01, and h' alone on 0.11: "h errs or h' is right" has 0.89.
    bound = recursive(not_better=[0.89])
    assert bound.terms["Monte Carlo risk"] == pytest.approx(0.1, abs=1e-12)


@pytest.mark.parametrize(
    "changes", [{"gammas": [1.0]}, {"gammas": []}, {"risks": [0.2, 1.1]}, {"divergences": [-1.0, 1.0]}, {"n": [5]}]
)
def test_symbols_that_can_not_be_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected one number of each kind"):
        recursive(**changes)


def test_a_step_that_counts_what_its_prior_saw_is_a_violated_hypothesis() -> None:
    evidence = example_evidence()
    seen = dataclasses.replace(evidence, recursive=dataclasses.replace(evidence.recursive, overlap=4))
    certificate = Wu2024Recursive()(seen, 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert "4 examples" in (certificate.why or "")


@pytest.mark.parametrize("p", [0.2, 0.35, 0.5])
def test_the_truth_on_a_coin(p: float) -> None:
    """Two predictors, right on heads or on tails; the first posterior trusts the better one on S_1, the second on everything.

    The errors of a pair are functions of the two counts, so every sample is enumerated and misses are summed exactly.
    """
    half, delta, missed = 10, 0.3, 0.0
    for first in range(half + 1):
        trust = 0.9 if first < half - first else 0.1  # mass of pi_1 on predictor 0, which errs on heads
        for second in range(half + 1):
            heads = first + second
            last = 0.97 if heads < 2 * half - heads else 0.03
            chance = math.comb(half, first) * math.comb(half, second) * p**heads * (1 - p) ** (2 * half - heads)
            bound = recursive(
                n=[2 * half, half],
                divergences=[kl(trust, 0.5), kl(last, trust)],
                risks=[average(trust, heads, 2 * half), average(last, second, half)],
                # Predictors err on opposite sides: h errs or h' is right on a head where h is 0 or h' is 1.
                not_better=[(second * (1 - (1 - last) * trust) + (half - second) * (1 - last * (1 - trust))) / half],
                worse=[(second * last * (1 - trust) + (half - second) * (1 - last) * trust) / half],
                delta=delta,
            )
            missed += (bound.value < last * p + (1 - last) * (1 - p)) * chance
    assert missed <= delta


def kl(q: float, p: float) -> float:
    return q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))


def average(trust: float, heads: int, n: int) -> float:
    return (trust * heads + (1 - trust) * (n - heads)) / n
