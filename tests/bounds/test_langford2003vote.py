"""Twice the Gibbs risk: the worked value, and the inequality between a vote and its voters by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from boundcheck.bounds.langford2003vote import Langford2003Vote
from boundcheck.bounds.maurer2004kl import Maurer2004Kl
from boundcheck.evidence.example import example_evidence

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_value() -> None:
    assert Langford2003Vote.formula(**WORKED).value == pytest.approx(0.1566589087, abs=2e-8)


def test_it_is_twice_the_gibbs_bound() -> None:
    evidence = example_evidence()
    vote, gibbs = Langford2003Vote()(evidence, 0.05), Maurer2004Kl()(evidence, 0.05)
    assert vote.value == pytest.approx(2 * gibbs.value, rel=1e-12)
    assert (vote.about, vote.test_error) == ("vote", 0.048)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_vote_errs_at_most_twice_as_often_as_its_voters(classes: int) -> None:
    """Random votes with ties and voters without an answer (class -1), a tied vote counted as an error."""
    rng = np.random.default_rng(classes)
    for _ in range(500):
        voters, points = int(rng.integers(1, 8)), 40
        weights = rng.integers(1, 4, size=voters) / 1.0
        weights /= weights.sum()
        answers = rng.integers(-1, classes, size=(voters, points))
        truth = rng.integers(classes, size=points)
        mass = np.stack([(weights[:, None] * (answers == c)).sum(axis=0) for c in range(classes)])
        own = mass[truth, np.arange(points)].copy()
        mass[truth, np.arange(points)] = -np.inf
        errs = ~(own > mass.max(axis=0) + 1e-12)
        wrong = (weights[:, None] * (answers != truth)).sum(axis=0)
        assert errs.mean() <= 2.0 * wrong.mean() + 1e-12
        assert errs.mean() <= 4.0 * (wrong**2).mean() + 1e-12  # the second-order form
