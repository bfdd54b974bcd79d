"""PAC-Bayes held to the truth: all samples of a small domain, and the posterior that an adversary who sees the risks would take.

Three points with known probabilities, a few predictors with 0-1 losses on them, a uniform prior: a sample is three counts, so
the probability that a bound misses for *some* posterior of a fine list is a finite sum. It has to be at most delta, exactly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE

LOSSES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])  # predictors by points
CHANCES = (np.array([0.2, 0.3, 0.5]), np.array([0.05, 0.05, 0.9]))
N = 12
DELTA = 0.3
EXACT_DRAWS = 10**15  # Monte Carlo whose confidence costs nothing to speak of: the mean loss is the empirical Gibbs risk
POSTERIORS = [np.array(w) / 4 for w in itertools.product(range(5), repeat=4) if sum(w) == 4]
GIBBS = (
    *("maurer2004sqrt", "mcallester1999averaging", "catoni2007grid", "thiemann2017lambda", "perezortiz2021quadratic"),
    *("mhammedi2019bernstein", "tolstikhin2013bernstein", "langford2003vote"),
)


def samples(chances: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """Counts of the three points in a sample, and their probability."""
    for a in range(N + 1):
        for b in range(N + 1 - a):
            counts = np.array([a, b, N - a - b])
            ways = math.factorial(N) // math.prod(math.factorial(int(c)) for c in counts)
            yield counts, ways * float(np.prod(chances**counts))


def divergence(posterior: np.ndarray) -> float:
    return float(sum(q * math.log(q * len(posterior)) for q in posterior if q > 0.0)) + 1e-12


def miss_probability(misses: Callable[[np.ndarray, np.ndarray], bool], chances: np.ndarray) -> float:
    return sum(p for counts, p in samples(chances) if any(misses(counts, rho) for rho in POSTERIORS))


@pytest.mark.parametrize("name", GIBBS)
@pytest.mark.parametrize("chances", CHANCES, ids=["even", "rare"])
def test_no_posterior_is_missed_more_often_than_delta(name: str, chances: np.ndarray) -> None:
    formula, risks = CATALOGUE[name].formula, LOSSES @ chances
    known: dict[tuple[float, float], float] = {}

    def misses(counts: np.ndarray, rho: np.ndarray) -> bool:
        risk, nats = float(rho @ (LOSSES @ counts)) / N, divergence(rho)
        key = (round(risk, 12), round(nats, 12))
        if key not in known:
            known[key] = formula(
                n=N, divergence=nats, draws=EXACT_DRAWS, mean_loss=min(risk, 1.0), candidates=1, delta=DELTA
            ).value
        return truth_of(name, rho, risks, chances) > known[key]

    assert miss_probability(misses, chances) <= DELTA


def truth_of(name: str, rho: np.ndarray, risks: np.ndarray, chances: np.ndarray) -> float:
    """The Gibbs risk, or the risk of the vote: it errs where half of the mass errs."""
    return vote_risk(rho, chances) if name == "langford2003vote" else float(rho @ risks)


def vote_risk(rho: np.ndarray, chances: np.ndarray) -> float:
    return float(chances[rho @ LOSSES >= 0.5].sum())


@pytest.mark.parametrize("chances", CHANCES, ids=["even", "rare"])
def test_the_tandem_bound_holds_for_every_vote(chances: np.ndarray) -> None:
    formula = CATALOGUE["masegosa2020tandem"].formula

    def misses(counts: np.ndarray, rho: np.ndarray) -> bool:
        tandem = min(float((rho @ LOSSES) ** 2 @ counts) / N, 1.0)
        value = formula(n=N, divergence=divergence(rho), pairs=EXACT_DRAWS, joint_loss=tandem, candidates=1, delta=DELTA).value
        return vote_risk(rho, chances) > value

    assert miss_probability(misses, chances) <= DELTA


def test_the_sum_finds_what_is_no_bound() -> None:
    """The empirical risk alone, and a bound for one predictor at a posterior chosen afterwards, miss more often than delta."""
    chances = CHANCES[0]
    risks = LOSSES @ chances
    assert miss_probability(lambda counts, rho: float(rho @ risks) > float(rho @ (LOSSES @ counts)) / N, chances) > DELTA


def test_probabilities_of_all_samples_sum_to_one() -> None:
    assert sum(p for _, p in samples(CHANCES[0])) == pytest.approx(1.0, abs=1e-12)
