"""Rényi divergences of any order: against integrals, their limits, and the truth over sample and draw."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import kl_divergences, renyi_divergences
from boundcheck.bounds.viallard2024renyi import ORDERS, Viallard2024Renyi, divergences, price_of
from boundcheck.theorem import NotApplicable

SYMBOLS = {
    "n": 10_000,
    "dimension": [3, 2],
    "log_variance_sum": [3 * math.log(0.5), 2 * math.log(0.25)],
    "max_variance": [0.5, 0.25],
    "squared_distance": [4.0, 1.0],
    "prior_variances": [0.5, 1.0],
    "errors": 300,
    "delta": 0.05,
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_divergence_is_the_integral(order: float) -> None:
    for w, s, prior in ((0.0, 1.0, 1.0), (0.7, 0.3, 1.2), (2.0, 1.2, 1.0)):
        with mpmath.workdps(20):

            def inside(t, w=w, s=s, prior=prior):
                return mpmath.npdf(t, w, mpmath.sqrt(s)) ** order * mpmath.npdf(t, 0, mpmath.sqrt(prior)) ** (1 - order)

            exact = mpmath.log(mpmath.quad(inside, mpmath.linspace(-30, 30, 31))) / (order - 1)
        (value,) = divergences(order, [1], [math.log(s)], [s], [w**2], [prior])[0]
        assert value == pytest.approx(float(exact), abs=1e-9)


def test_order_two_is_the_one_that_stands_alone() -> None:
    arguments = ([3, 2], SYMBOLS["log_variance_sum"], [0.5, 0.25], [4.0, 1.0], [0.5, 1.0, 1e-3])
    assert divergences(2.0, *arguments) == pytest.approx(renyi_divergences(*arguments), rel=1e-12)


def test_it_grows_with_the_order_from_the_kl_divergence() -> None:
    logs, distance = [4 * math.log(0.4)], [2.5]
    kl = kl_divergences([4], [1.6], logs, distance, [1.0])[0, 0]
    values = [divergences(order, [4], logs, [0.4], distance, [1.0])[0, 0] for order in (1.0 + 2.0**-20, *ORDERS)]
    assert values[0] == pytest.approx(kl, rel=1e-5)
    assert [kl, *values[1:]] == sorted([kl, *values[1:]])


def test_infinite_where_the_posterior_is_too_wide_for_the_order() -> None:
    # Order 3 asks for s < 1.5 lambda, order 2 for s < 2 lambda.
    arguments = ([1], [math.log(1.7)], [1.7], [0.0], [1.0])
    assert divergences(3.0, *arguments)[0, 0] == math.inf
    assert math.isfinite(divergences(2.0, *arguments)[0, 0])
    with pytest.raises(NotApplicable, match="too large"):
        Viallard2024Renyi.formula(**{**SYMBOLS, "max_variance": [0.5, 100.0]})


def test_the_price_of_confidence() -> None:
    assert price_of(2.0, 1, 0.05) == pytest.approx(math.log(8 / 0.05**3), rel=1e-12)
    prices = [price_of(order, 5, 0.05) for order in ORDERS]
    assert prices == sorted(prices, reverse=True)


def test_the_best_order_depends_on_the_posterior() -> None:
    near = Viallard2024Renyi.formula(**{**SYMBOLS, "squared_distance": [0.01, 0.01]}).choices["order"]
    far = Viallard2024Renyi.formula(**{**SYMBOLS, "squared_distance": [400.0, 100.0], "prior_variances": [1.0]}).choices["order"]
    assert far < near


def test_the_truth_over_sample_and_draw() -> None:
    """Two predictors of a coin, a law on them that depends on the sample: misses of the drawn one, summed exactly."""
    n, delta, p = 30, 0.3, 0.35
    for order in (1.25, 2.0, 3.0):
        for trust in (0.5, 0.9, 0.999):
            missed = 0.0
            for k in range(n + 1):
                rho = (trust, 1 - trust) if k < n - k else (1 - trust, trust)
                renyi = math.log(sum(r**order * 0.5 ** (1 - order) for r in rho)) / (order - 1)
                nats = log_xi_over(n, renyi + price_of(order, 1, delta))
                for mass, errors, risk in zip(rho, (k, n - k), (p, 1 - p), strict=True):
                    bad = kl_bound(ratio_up(errors, n), nats, n) < risk
                    missed += bad * mass * math.comb(n, k) * p**k * (1 - p) ** (n - k)
            assert missed <= delta


def test_values_are_never_below_mpmath() -> None:
    rng = np.random.default_rng(0)
    with mpmath.workdps(40):
        for _ in range(300):
            order = float(rng.choice(ORDERS))
            d, prior = int(rng.integers(1, 50)), float(np.exp(rng.normal()))
            s = prior * float(rng.uniform(0.01, 1.0))
            logs, distance = d * math.log(s), float(rng.exponential())
            a, lam = mpmath.mpf(order), mpmath.mpf(prior)
            v = a * lam + (1 - a) * mpmath.mpf(s)
            exact = a * mpmath.mpf(distance) / (2 * v)
            exact += (d * mpmath.log(v) - (1 - a) * mpmath.mpf(logs) - a * d * mpmath.log(lam)) / (2 * (1 - a))
            assert mpmath.mpf(float(divergences(order, [d], [logs], [s], [distance], [prior])[0, 0])) >= exact
