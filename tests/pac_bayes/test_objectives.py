"""Objectives are their theorems' numbers, their slopes those of finite differences, and a loss outside [0, 1] is refused."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch

from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError
from boundcheck.numerics import log_xi_upper
from boundcheck.pac_bayes.objectives import OBJECTIVES, bounded_cross_entropy, objective

N, DELTA = 5000, 0.05
THEOREMS = {
    "mcallester": "mcallester1999averaging",
    "catoni": "catoni2007grid",
    "lambda": "thiemann2017lambda",
    "quadratic": "perezortiz2021quadratic",
    "bernstein": "mhammedi2019bernstein",
}


def binary(risk: float, size: int = 1000) -> torch.Tensor:
    wrong = round(risk * size)
    return torch.cat([torch.ones(wrong), torch.zeros(size - wrong)]).double()


@pytest.mark.parametrize("name", THEOREMS)
@pytest.mark.parametrize(("risk", "nats"), [(0.03, 200.0), (0.2, 50.0), (0.001, 900.0)])
def test_an_objective_is_the_number_of_its_theorem(name: str, risk: float, nats: float) -> None:
    found = float(objective(name)(binary(risk), torch.tensor(nats, dtype=torch.float64), N, DELTA))
    # The theorem keeps four fifths of delta for the sample; draws without end make its Monte Carlo step exact.
    symbols = {"n": N, "divergence": nats, "draws": 10**15, "mean_loss": risk, "candidates": 1}
    value = CATALOGUE[THEOREMS[name]].formula(**symbols, delta=DELTA / 0.8).value
    assert found == pytest.approx(value, rel=2e-6)  # what 1e15 draws leave of the Monte Carlo step


def test_the_kl_objective_is_the_inverse_and_its_slopes_are_those_of_finite_differences() -> None:
    with mpmath.workdps(30):
        for risk, nats in ((0.03, 200.0), (0.4, 20.0), (0.002, 1500.0)):
            cost = (nats + log_xi_upper(N) - math.log(DELTA)) / N

            def inverse(q: mpmath.mpf, c: mpmath.mpf) -> mpmath.mpf:
                low, high = mpmath.mpf(q), mpmath.mpf(1)
                for _ in range(110):
                    p = (low + high) / 2
                    inside = q * mpmath.log(q / p) + (1 - q) * mpmath.log((1 - q) / (1 - p)) <= c
                    low, high = (p, high) if inside else (low, p)
                return low

            losses = torch.full((10,), risk, dtype=torch.float64, requires_grad=True)
            divergence = torch.tensor(nats, dtype=torch.float64, requires_grad=True)
            value = objective("kl")(losses, divergence, N, DELTA)
            value.backward()
            q, c, h = mpmath.mpf(risk), mpmath.mpf(cost), mpmath.mpf("1e-9")
            assert float(value.detach()) == pytest.approx(float(inverse(q, c)), rel=1e-8)
            slope = (inverse(q + h, c) - inverse(q - h, c)) / (2 * h)
            assert float(losses.grad.sum()) == pytest.approx(float(slope), rel=1e-5)
            slope = (inverse(q, c + h) - inverse(q, c - h)) / (2 * h)
            assert float(divergence.grad) * N == pytest.approx(float(slope), rel=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_grows_with_risk_and_divergence_and_has_slopes(name: str) -> None:
    losses = torch.rand(100, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 0.2
    losses.requires_grad_()
    nats = torch.tensor(300.0, dtype=torch.float64, requires_grad=True)
    objective(name)(losses, nats, N, DELTA).backward()
    assert bool((losses.grad > 0).all())
    assert float(nats.grad) > 0.0


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("losses", [[0.1, 1.0001], [-0.1, 0.5], [math.nan, 0.1], []])
def test_a_loss_outside_of_the_unit_interval_is_refused(name: str, losses: list[float]) -> None:
    with pytest.raises(InputError, match=r"losses in \[0, 1\]"):
        objective(name)(torch.tensor(losses), torch.tensor(1.0), N, DELTA)


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(InputError, match="quadratic"):
        objective("quadratik")


def test_the_surrogate_is_clipped_and_scaled() -> None:
    outputs = torch.tensor([[100.0, 0.0], [0.0, 0.0], [0.0, 100.0]])
    found = bounded_cross_entropy(outputs, torch.zeros(3, dtype=torch.int64), 1e-3)
    assert found.tolist() == pytest.approx([0.0, math.log(2) / math.log(1e3), 1.0], abs=1e-6)
    single = bounded_cross_entropy(torch.tensor([[2.0]]), torch.tensor([1]), 1e-3)
    assert float(single) == pytest.approx(math.log1p(math.exp(-2.0)) / math.log(1e3), rel=1e-6)
