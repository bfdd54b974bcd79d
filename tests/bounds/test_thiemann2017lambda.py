"""PAC-Bayes-lambda: the worked value, equality with the quadratic form at the best lambda, and that every lambda is valid."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.maurer2004sqrt import Maurer2004Sqrt
from boundcheck.bounds.perezortiz2021quadratic import Perezortiz2021Quadratic
from boundcheck.bounds.thiemann2017lambda import Thiemann2017Lambda, best_lambda, lambda_value
from boundcheck.numerics import kl_inverse

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_value() -> None:
    bound = Thiemann2017Lambda.formula(**WORKED)
    assert bound.value == pytest.approx(0.0918614462, abs=1e-8)
    assert bound.choices["lambda"] == pytest.approx(0.6734212, abs=1e-6)


def test_the_best_lambda_is_the_best() -> None:
    for risk, nats, n in ((0.03, 206.0, 10_000), (0.0, 10.0, 100), (0.5, 3.0, 1000), (0.9, 500.0, 1000)):
        least = min(lambda_value(x, risk, nats, n) for x in np.linspace(1e-4, 2.0 - 1e-4, 2001))
        assert lambda_value(best_lambda(risk, nats, n), risk, nats, n) <= least * (1 + 1e-12)


def test_no_lambda_falls_below_the_inverse_of_kl() -> None:
    for risk, nats, n in ((0.03, 206.0, 10_000), (0.0, 10.0, 100), (0.5, 3.0, 1000)):
        for x in np.linspace(0.01, 1.99, 100):
            assert lambda_value(float(x), risk, nats, n) >= kl_inverse(risk, nats / n) * (1 - 1e-9)


@pytest.mark.parametrize("mean_loss", [0.0, 0.002, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("divergence", [0.0, 5.0, 1e4])
def test_its_place_among_the_others(mean_loss: float, divergence: float) -> None:
    symbols = {**WORKED, "draws": 5000, "mean_loss": mean_loss, "divergence": divergence}
    kl, own, quadratic = (t.formula(**symbols).value for t in (Maurer2004Sqrt, Thiemann2017Lambda, Perezortiz2021Quadratic))
    assert kl <= own * (1 + 1e-9)
    assert own == pytest.approx(quadratic, rel=1e-12)


def test_values_are_rounded_up() -> None:
    rng = np.random.default_rng(1)
    with mpmath.workdps(40):
        for _ in range(300):
            x, risk, nats, n = float(rng.uniform(0.01, 1.99)), float(rng.uniform()), float(np.exp(rng.uniform(-3, 9))), 4321
            rest = 1 - mpmath.mpf(x) / 2
            exact = mpmath.mpf(risk) / rest + mpmath.mpf(nats) / (n * mpmath.mpf(x) * rest)
            assert exact <= mpmath.mpf(lambda_value(x, risk, nats, n)) <= exact * (1 + mpmath.mpf(10) ** -13)


def test_no_errors_at_all() -> None:
    # With an empirical risk of 0 the best lambda is 1 and the bound is 2 B/n.
    assert best_lambda(0.0, 7.0, 50) == 1.0
    assert lambda_value(1.0, 0.0, 7.0, 50) == pytest.approx(2 * 7 / 50, rel=1e-14)
    assert math.isfinite(Thiemann2017Lambda.formula(**{**WORKED, "mean_loss": 0.0}).value)
