"""Mistakes seen in published programs, part one: inversions, confidence, counting.

Each test makes the mistake on a small example, and shows where the truth lies and that ours is on the right side of it.
"""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.catoni2007grid import Catoni2007Grid
from boundcheck.bounds.lemmas.margin_grid import best_margin, one_shot_confidence, textbook_confidence
from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.evidence.example import example_evidence
from boundcheck.numerics import kl_inverse, log_binomial_upper, log_types_upper, log_xi_upper
from boundcheck.numerics.margin_loss import ramp_average_up


def kl(q: float, p: float) -> mpmath.mpf:
    q, p = mpmath.mpf(q), mpmath.mpf(p)
    first = q * mpmath.log(q / p) if q else mpmath.mpf(0)
    return first + (1 - q) * mpmath.log((1 - q) / (1 - p))


def bisected(q: float, c: float) -> float:
    """The midpoint of the last bracket."""
    low, high = q, 1.0
    while high - low > 1e-5:
        middle = (low + high) / 2
        value = (q * math.log(q / middle) if q else 0.0) + (1 - q) * math.log((1 - q) / (1 - middle)) if middle < 1 else math.inf
        low, high = (middle, high) if value < c else (low, middle)
    return (low + high) / 2


def test_kl_inverse_by_the_midpoint_of_a_bracket() -> None:
    rng = np.random.default_rng(0)
    pairs = list(zip(rng.uniform(0, 0.5, 300).tolist(), rng.uniform(1e-4, 0.3, 300).tolist(), strict=True))
    with mpmath.workdps(40):
        below = sum(kl(q, bisected(q, c)) < c for q, c in pairs)
        safe = [kl(q, kl_inverse(q, c)) >= c for q, c in pairs]
    assert 75 < below < 225  # about half
    assert all(safe)


def test_a_logarithm_divided_by_delta() -> None:
    """ln(2 sqrt n) / delta in place of ln(2 sqrt n / delta): safe, but the bound says nothing any more."""
    n, delta = 60000, 0.025
    assert math.log(2 * math.sqrt(n)) / delta == pytest.approx(247.77, abs=0.01)
    ours = log_xi_upper(n) - math.log(delta)
    # By Stirling's series xi(n) = sqrt(pi n / 2) + 2/3 + O(1 / sqrt n): off by at most 1e-4 in the logarithm here.
    assert ours == pytest.approx(math.log(math.sqrt(math.pi * n / 2) + 2 / 3) - math.log(delta), abs=1e-4)
    assert ours < math.log(2 * math.sqrt(n) / delta) < 9.89


@pytest.mark.parametrize("loss", [1.5, -0.1, math.nan])
def test_a_loss_outside_the_unit_interval(loss: float) -> None:
    with pytest.raises(ValueError, match=r"0|1"):
        kl_inverse(loss, 0.05)


def test_a_parameter_chosen_on_the_data_without_a_union_bound() -> None:
    """The smallest of Catoni's bounds over all C is kl inverted without the price ln xi(n): not a theorem."""
    n, divergence, loss, delta = 30000, 1724.0, 0.71, 0.05
    c = (divergence + math.log(1 / delta)) / n
    grid = np.exp(np.linspace(-6, 2, 20001))
    unpaid = float(np.min(-np.expm1(-grid * loss - c) / -np.expm1(-grid)))
    assert unpaid == pytest.approx(kl_inverse(loss, c), abs=1e-6)
    ours = Catoni2007Grid.formula(n=n, divergence=divergence, draws=10**9, mean_loss=loss, candidates=1, delta=delta).value
    assert unpaid < ours < unpaid + 0.01  # and the search on a grid is not stuck at 1


def test_a_code_length_without_kraft() -> None:
    """l + 2 log2 l bits for a string of l bits: the strings of all lengths claim more than all of probability."""
    claimed = sum(2**length * 2.0 ** -(length + 2 * math.log2(length)) for length in range(1, 200))
    assert claimed > 1.6
    for symbols, levels in ((4, 3), (3, 5), (6, 2)):
        strings = itertools.product(range(levels), repeat=symbols)
        total = math.fsum(math.exp(-code_nats([np.bincount(s, minlength=levels).tolist()], 0.0)) for s in strings)
        assert 1.0 - 1e-9 < total <= 1.0


def test_counts_that_can_be_zero_need_one_more_value() -> None:
    """Each of K counts of N symbols lies in 0..N; log2 N bits are too few for N + 1 values."""
    n, levels = 4, 2
    vectors = sum(1 for c in itertools.product(range(n + 1), repeat=levels) if sum(c) == n)
    assert math.ceil(math.log2(n)) < math.log2(n + 1)
    assert 2 ** math.ceil(math.log2(n)) < vectors
    assert math.exp(log_types_upper(n, levels)) >= vectors


def test_log_binomials_by_differences_of_log_gamma() -> None:
    n = 10**14
    mistaken = math.lgamma(n + 1) - math.lgamma(n) - math.lgamma(2)
    assert mistaken < math.log(n) - 1e-3
    assert math.log(n) <= log_binomial_upper(n, 1) < math.log(n) + 1e-10


def test_the_absolute_value_of_a_margin() -> None:
    margins = np.array([-3.0, 2.0])
    assert np.clip(1 - np.abs(margins), 0, 1).mean() == 0.0  # the mistake: no loss although one of two is wrong
    assert ramp_average_up(margins, np.array([1.0]))[0] >= 0.5


def test_an_undefined_margin_is_no_success() -> None:
    margins = np.array([math.nan, 1.0])
    assert np.mean(margins <= 0) == 0.0
    assert np.mean(~(margins > 0)) == 0.5
    with np.errstate(invalid="ignore"):
        value = ramp_average_up(np.where(np.isnan(margins), -np.inf, margins), np.array([1.0]))[0]
    assert value >= 0.5


def test_a_margin_chosen_on_the_data_without_a_union_bound() -> None:
    """The smallest margin of the sample as gamma: the price ln 401 of the grid is missing."""
    rng, n, delta = np.random.default_rng(1), 500, 0.05
    margins = rng.uniform(0.5, 2.0, n)
    norm = 0.05
    unpaid = 2 * norm / margins.min() + one_shot_confidence(n, delta, 0.0)
    ours = best_margin(margins=margins, log_norm=math.log(norm), rademacher=lambda r: r, n=n, delta=delta, vacuous_at=1.0)
    assert ours.terms["confidence"] >= 2 * math.sqrt((math.log(1 / delta) + math.log(401)) / (2 * n))
    assert ours.terms["confidence"] > one_shot_confidence(n, delta, 0.0)
    # The grid has a margin within a factor sqrt(2) below the smallest, so it can't do worse than that and the price.
    assert ours.value <= math.sqrt(2) * unpaid + ours.terms["confidence"]


@pytest.mark.parametrize("delta", [5e-324, 1e-300, 0.05, 0.999999, 1.0 - 2.0**-53])
def test_a_quotient_that_rounds_down_to_one(delta: float) -> None:
    """ln(1/delta) near delta = 1 is smaller than the rounding of 1/delta: from the far side, by mpmath."""
    with mpmath.workdps(50):
        truth = mpmath.sqrt(2 * -mpmath.log(mpmath.mpf(delta)) / 1000)
        textbook = 3 * mpmath.sqrt((mpmath.log(2) - mpmath.log(mpmath.mpf(delta))) / 2000)
        assert mpmath.mpf(one_shot_confidence(1000, delta, 0.0)) >= truth
        assert mpmath.mpf(textbook_confidence(1000, delta, 0.0)) >= textbook


def test_the_error_of_the_mean_network_under_a_bound_on_the_gibbs_risk() -> None:
    from boundcheck.bounds.maurer2004kl import Maurer2004Kl

    evidence = example_evidence()
    assert evidence.posterior is not None
    symbols = Maurer2004Kl().measure(evidence)
    assert symbols["mean_loss"] == evidence.posterior.mean_loss != evidence.errors.train_error
    certificate = Maurer2004Kl()(evidence, 0.05)
    assert certificate.about == "gibbs"
    assert certificate.value is not None
    assert certificate.value > evidence.posterior.mean_loss


def test_monte_carlo_pays() -> None:
    """A single draw without its own share of delta: the Monte Carlo mean may be 0 where the risk is not."""
    from boundcheck.bounds.maurer2004kl import Maurer2004Kl

    symbols = Maurer2004Kl().measure(example_evidence())
    few = Maurer2004Kl.formula(**{**symbols, "draws": 1, "mean_loss": 0.0}, delta=0.05)
    assert few.terms["Monte Carlo confidence"] >= 0.98  # one success in one draw: P(success) > 0.01 is all that is known
    many = Maurer2004Kl.formula(**{**symbols, "draws": 10**6, "mean_loss": 0.0}, delta=0.05)
    assert many.value < 0.3 < few.value
