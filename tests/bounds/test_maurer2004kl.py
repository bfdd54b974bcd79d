"""PAC-Bayes-kl: the divergence against torch and mpmath, the price of a variance, the truth on a finite class."""

from __future__ import annotations

import dataclasses
import itertools
import math

import mpmath
import numpy as np
import pytest
import torch

from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import PRIOR_VARIANCES, cheapest, kl_divergences
from boundcheck.bounds.maurer2004kl import Maurer2004Kl
from boundcheck.evidence.example import example_evidence
from boundcheck.numerics import kl_inverse
from boundcheck.theorem import State

DIVERGENCE = ("dimension", "variance_sum", "log_variance_sum", "squared_distance")
SYMBOLS = {
    "n": 10_000,
    "dimension": [1000],
    "variance_sum": [0.2],
    "log_variance_sum": [1000 * math.log(2e-4) - 1e-9],
    "squared_distance": [0.1],
    "prior_variances": PRIOR_VARIANCES,
    "draws": 1000,
    "mean_loss": 0.03,
    "candidates": 1,
    "configurations": 1,
    "delta": 0.05,
}


def test_the_worked_values_of_the_kl_bound() -> None:
    # n = 10^4, risk 0.03, KL = 200, delta = 0.05, xi(n) = 125.9991219: recomputed with mpmath.
    exact = kl_bound(0.03, 200.0 + log_xi_over(10_000, log_inverse_up(0.05)), 10_000)
    assert 0.0783294543 <= exact <= 0.0783294545
    assert 0.0493300510 <= kl_bound(0.03, log_inverse_up(0.01), 1000) <= 0.0493300511


def test_the_worked_value_of_the_divergence() -> None:
    (value,) = kl_divergences([1000], [0.2], [1000 * math.log(2e-4)], [0.1], [0.1 * math.exp(-5.81)])[0]
    assert value == pytest.approx(202.7327377, abs=1e-7)


def test_the_divergence_is_that_of_torch_and_never_below_mpmath() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        d = int(rng.integers(1, 60))
        s, w, prior = np.exp(rng.normal(-3, 2, d)), rng.normal(size=d), float(np.exp(rng.normal(-3, 2)))
        logs = math.nextafter(math.fsum(np.log(s)) * (1 - 1e-15 if np.log(s).sum() > 0 else 1 + 1e-15), -math.inf)
        total, distance = math.fsum(s) * (1 + 1e-15), math.fsum(w**2) * (1 + 1e-15)
        value = float(kl_divergences([d], [total], [logs], [distance], [prior])[0, 0])
        posterior = torch.distributions.Normal(torch.from_numpy(w), torch.from_numpy(np.sqrt(s)))
        centre = torch.distributions.Normal(torch.zeros(d, dtype=torch.float64), math.sqrt(prior))
        assert value == pytest.approx(float(torch.distributions.kl_divergence(posterior, centre).sum()), rel=1e-10)
        with mpmath.workdps(40):
            p = mpmath.mpf(prior)
            terms = [
                mpmath.mpf(v) / p - 1 + mpmath.mpf(m) ** 2 / p + mpmath.log(p) - mpmath.log(mpmath.mpf(v))
                for v, m in zip(s.tolist(), w.tolist(), strict=True)
            ]
            assert value >= mpmath.fsum(terms) / 2


def test_the_cheapest_component_is_the_best_of_all_of_them() -> None:
    rng = np.random.default_rng(1)
    variances = (0.5, 1.0, 2.0, 4.0)
    for blocks in (1, 2, 3):
        table = rng.normal(size=(blocks, 4)) * 5
        both = math.log(2) if blocks > 1 else 0.0
        one = min(table.sum(axis=0)) + math.log(4) + both
        each = min(sum(table[g, j] for g, j in enumerate(js)) for js in itertools.product(range(4), repeat=blocks))
        exact = min(one, each + blocks * math.log(4) + both)
        choice = cheapest(table, variances)
        assert exact <= choice.nats <= exact + 1e-12
        assert choice.smallest in variances
        assert choice.largest in variances


def test_the_components_of_the_prior_weigh_one_together() -> None:
    # What `cheapest` charges, summed over all components as probabilities: 1/2 for one variance, 1/2 for one per block.
    variances, blocks = (1.0, 2.0, 4.0), 2
    one = sum(math.exp(-cheapest(_only(blocks, {j: 0.0}), variances).nats) for j in range(3))
    price = cheapest(np.array([[0.0, 50.0, 50.0], [50.0, 0.0, 50.0]]), variances)
    assert price.kind == "one variance per block"
    assert one + 9 * math.exp(-price.nats) == pytest.approx(1.0, abs=1e-12)


def _only(blocks: int, columns: dict[int, float]) -> np.ndarray:
    table = np.full((blocks, 3), 50.0)
    for j, value in columns.items():
        table[:, j] = value
    return table


def test_the_grid_misses_the_best_variance_by_little() -> None:
    assert len(set(PRIOR_VARIANCES)) == 1024
    best = 1.0 + 0.7  # variance 1, mean square distance 0.7
    values = kl_divergences([1000], [1000.0], [0.0], [700.0], PRIOR_VARIANCES)
    assert values.min() <= 500 * math.log(best) + 1000 * 3.1e-5


def test_a_divergence_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="negative divergence"):
        kl_divergences([10], [1.0], [10.0], [0.0], [1.0])


def test_terms_add_up_to_two_nested_inversions() -> None:
    bound = Maurer2004Kl.formula(**SYMBOLS)
    nats = float(kl_divergences(*(SYMBOLS[k] for k in DIVERGENCE), PRIOR_VARIANCES).min())
    risk = kl_inverse(0.03, math.log(1 / 0.01) / 1000)
    whole = kl_inverse(risk, (nats + math.log(1024) + log_xi_over(10_000, math.log(1 / 0.04))) / 10_000)
    assert whole * (1 - 1e-12) <= bound.value <= whole * (1 + 1e-9)
    assert bound.choices["prior"] == "one variance"


def test_comparing_posteriors_on_the_certified_draws_costs() -> None:
    values = [Maurer2004Kl.formula(**{**SYMBOLS, "candidates": k}).value for k in (1, 2, 10)]
    assert values == sorted(set(values))


def test_a_choice_among_ways_to_train_costs_the_logarithm_of_their_number() -> None:
    table = kl_divergences(*(SYMBOLS[k] for k in DIVERGENCE), PRIOR_VARIANCES)
    one, seven = cheapest(table, PRIOR_VARIANCES).nats, cheapest(table, PRIOR_VARIANCES, 7).nats
    assert one + math.log(7) <= seven <= (one + math.log(7)) * (1 + 1e-14)
    assert Maurer2004Kl.formula(**{**SYMBOLS, "configurations": 7}).value > Maurer2004Kl.formula(**SYMBOLS).value
    with pytest.raises(ValueError, match="at least one configuration"):
        cheapest(table, PRIOR_VARIANCES, 0)


def test_ratios_round_up_and_ends_are_exact() -> None:
    assert ratio_up(0, 7) == 0.0
    assert ratio_up(7, 7) == 1.0
    assert ratio_up(1, 3) > 1 / 3


def test_increments_never_lose_a_bit() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        levels = np.sort(rng.uniform(size=3))
        terms = increments(a=levels[0], b=levels[1], c=levels[2])
        assert mpmath.fsum(mpmath.mpf(t) for t in terms.values()) >= mpmath.mpf(levels[2])


def test_the_truth_on_a_finite_class() -> None:
    """All samples of a coin, two predictors, uniform prior: the worst posterior fails with probability at most delta."""
    n, delta = 30, 0.1
    for p in (0.1, 0.3, 0.5):
        missed = 0.0
        for k in range(n + 1):  # predictor 0 errs k times, predictor 1 the other n - k times
            nats = math.log(2) + log_xi_over(n, log_inverse_up(delta))
            bad = kl_bound(ratio_up(k, n), nats, n) < p or kl_bound(ratio_up(n - k, n), nats, n) < 1 - p
            missed += bad * math.comb(n, k) * p**k * (1 - p) ** (n - k)
        assert missed <= delta


def test_hypotheses_and_what_is_missing() -> None:
    evidence = example_evidence()
    theorem = Maurer2004Kl()
    states = [h.state for h in theorem.hypotheses(evidence)]
    assert states == [State.ASSUMED, State.ASSUMED, State.HOLDS, State.ASSUMED]
    posterior = dataclasses.replace(evidence.posterior, prior_mean="initial")
    initial = dataclasses.replace(evidence, posterior=posterior)
    assert [h.state for h in theorem.hypotheses(initial)] == [State.ASSUMED] * 4
    gone = dataclasses.replace(evidence, posterior=None, absent={"posterior": "bn1 was learned"})
    assert theorem(gone, 0.05).why == "bn1 was learned"
