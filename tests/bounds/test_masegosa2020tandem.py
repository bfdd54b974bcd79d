"""The tandem bound: the worked value, where it wins over the first-order bound, and what it needs."""

from __future__ import annotations

import dataclasses
import math

import pytest

from boundcheck.bounds.langford2003vote import Langford2003Vote
from boundcheck.bounds.masegosa2020tandem import Masegosa2020Tandem
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status

WORKED = {"n": 10_000, "divergence": 200.0, "pairs": 10**18, "joint_loss": 0.01, "candidates": 1, "delta": 0.0625}


def test_the_worked_value() -> None:
    assert Masegosa2020Tandem.formula(**WORKED).value == pytest.approx(0.2728040, abs=1e-7)


def test_independent_errors_are_where_it_wins() -> None:
    """Voters that err with probability 0.2 each, independently: their joint errors are 0.04, and the vote is much better."""
    first = {k: v for k, v in WORKED.items() if k not in ("pairs", "joint_loss")}
    large = {"n": 10**7, "divergence": 100.0}
    one = Langford2003Vote.formula(**{**first, **large, "draws": 10**9, "mean_loss": 0.2}).value
    two = Masegosa2020Tandem.formula(**{**WORKED, **large, "pairs": 10**9, "joint_loss": 0.04}).value
    assert two < one / 2
    same = Masegosa2020Tandem.formula(**{**WORKED, **large, "pairs": 10**9, "joint_loss": 0.2}).value
    assert same > one


def test_half_as_many_draws_make_the_pairs() -> None:
    few, many = (Masegosa2020Tandem.formula(**{**WORKED, "pairs": m}).value for m in (500, 1000))
    assert many < few


def test_without_pairs_it_says_so() -> None:
    evidence = example_evidence()
    for change in ({"pairs": 0}, {"joint_loss": None}):
        posterior = dataclasses.replace(evidence.posterior, **change)
        certificate = Masegosa2020Tandem()(dataclasses.replace(evidence, posterior=posterior), 0.05)
        assert certificate.status is Status.NOT_APPLICABLE
        assert "pairs" in (certificate.why or "")


def test_the_divergence_of_a_product_is_twice_the_divergence() -> None:
    rho, pi = (0.7, 0.2, 0.1), (0.2, 0.5, 0.3)
    single = sum(a * math.log(a / b) for a, b in zip(rho, pi, strict=True))
    pairs = sum(a * c * math.log(a * c / (b * d)) for a, b in zip(rho, pi, strict=True) for c, d in zip(rho, pi, strict=True))
    assert pairs == pytest.approx(2 * single, rel=1e-12)
