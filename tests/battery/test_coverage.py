"""Held to the truth: on samples from a law that is known, a bound at level delta misses at most as often as delta.

One miss is a sample for which *some* hypothesis of the class has a risk above its bound: the adversary sees the risks. Misses are
counted exactly on a grid-free class (all thresholds on a line), and compared with delta by an exact binomial test: a correct
bound fails it with probability at most 1e-6.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from boundcheck.bounds.blum2003hypergeometric import GHOST_SAMPLES, Blum2003Hypergeometric, ghost_sample_bound
from boundcheck.bounds.blumer1987bits import Blumer1987Bits
from boundcheck.bounds.langford2005testset import Langford2005TestSet

TRIALS = 600
FALSE_ALARM = 1e-6
NOISE = 0.1
N = 80


def refuted(misses: int, trials: int, delta: float) -> bool:
    """Whether so many misses have probability below the false alarm rate when each occurs with probability delta at most."""
    return bool(binom.sf(misses - 1, trials, delta) < FALSE_ALARM)


def risk_of(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """x uniform on [0, 1], y = 1[x > 1/2] flipped with probability NOISE, prediction 1[x > t]."""
    return NOISE + (1.0 - 2.0 * NOISE) * np.abs(threshold - 0.5)


def draw(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    x = np.sort(rng.uniform(size=n))
    return x, (x > 0.5) ^ (rng.uniform(size=n) < NOISE)


def errors_of_cuts(y: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Errors of the n + 1 cuts of a sorted sample: the first j points are predicted 0."""
    return np.concatenate(([0], np.cumsum(y))) + np.concatenate((np.cumsum((~y)[::-1])[::-1], [0]))


def misses_of_all_thresholds(bound_of_errors: Callable[[int], float], rng: np.random.Generator) -> int:
    """Samples on which some threshold is missed; between two points the risk is largest at an end."""
    table = np.array([bound_of_errors(s) for s in range(N + 1)])
    misses = 0
    for _ in range(TRIALS):
        x, y = draw(rng, N)
        ends = np.concatenate(([0.0], x, [1.0]))
        risk = np.maximum(risk_of(ends[:-1]), risk_of(ends[1:]))
        misses += bool((risk > table[errors_of_cuts(y)]).any())
    return misses


def test_the_audit_refutes_what_is_not_a_bound() -> None:
    rng = np.random.default_rng(1)
    assert refuted(misses_of_all_thresholds(lambda s: s / N, rng), TRIALS, 0.05)

    def for_one_predictor(s: int) -> float:
        """Right for one predictor fixed before the sample, wrong for one chosen afterwards."""
        return Langford2005TestSet.formula(m=N, errors=s, invalid=0, corruption=0.0, classes=2, delta=0.05).value

    assert refuted(misses_of_all_thresholds(for_one_predictor, rng), TRIALS, 0.05)


@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_counting_patterns_covers_every_threshold(delta: float) -> None:
    def bound(s: int) -> float:
        # N + 1 patterns on N points; raised for the rounding of the logarithm.
        return ghost_sample_bound(
            n=N, errors=s, log_growth=lambda points: math.log(points + 1) * (1 + 1e-14), delta=delta, sizes=GHOST_SAMPLES
        ).value

    misses = misses_of_all_thresholds(bound, np.random.default_rng(2))
    assert not refuted(misses, TRIALS, delta)


def test_the_network_bound_covers_every_affine_classifier_on_a_line() -> None:
    def bound(s: int) -> float:
        return Blum2003Hypergeometric.formula(
            n=N, errors=s, tests=[1], degrees=[1], parameters=[2], blocks=[[(1, 1, 2)]], delta=0.3
        ).value

    assert not refuted(misses_of_all_thresholds(bound, np.random.default_rng(3)), TRIALS, 0.3)


@pytest.mark.parametrize("delta", [0.05, 0.3])
@pytest.mark.parametrize("bits", [0, 3, 6])
def test_occam_covers_every_setting_of_the_bits(bits: int, delta: float) -> None:
    """2^b thresholds on a grid; one miss is a sample on which any of them is missed."""
    rng = np.random.default_rng(4 + bits)
    grid = (np.arange(2**bits) + 0.5) / 2**bits
    grid = grid if bits else np.array([0.7])
    table = np.array([Blumer1987Bits.formula(n=N, errors=s, bits=bits, delta=delta).value for s in range(N + 1)])
    misses = 0
    for _ in range(TRIALS):
        x, y = draw(rng, N)
        errors = errors_of_cuts(y)[np.searchsorted(x, grid, side="right")]
        misses += bool((risk_of(grid) > table[errors]).any())
    assert not refuted(misses, TRIALS, delta)


@pytest.mark.parametrize("delta", [0.02, 0.05, 0.3])
@pytest.mark.parametrize("corruption", [0.0, 0.4])
def test_the_test_set_bound_covers_one_predictor(delta: float, corruption: float) -> None:
    """Exactly: the probability of a miss is a finite sum over the counts of errors, ties among them."""
    m, classes = 40, 3
    for clean, ties in ((0.1, 0.0), (0.3, 0.05), (0.02, 0.02), (0.75, 0.5)):
        low, high = corruption * (1 - 1 / classes), 1 - corruption / classes
        truth = low + (high - low) * clean + (1 - high) * ties
        missed = 0.0
        for wrong in range(m + 1):
            weights = binom.pmf(np.arange(wrong + 1), wrong, ties / clean)
            for invalid in range(wrong + 1):
                if weights[invalid] == 0.0:
                    continue
                value = Langford2005TestSet.formula(
                    m=m, errors=wrong, invalid=invalid, corruption=corruption, classes=classes, delta=delta
                ).value
                if truth <= value:
                    break  # more ties only raise the bound
                missed += float(binom.pmf(wrong, m, clean) * weights[invalid])
        assert missed <= delta * (1 + 1e-9)  # the sum itself is good to 1e-12


def test_the_test_set_bound_spends_its_delta() -> None:
    """At a risk just above an attainable value of the bound, a miss is as likely as delta: nothing is wasted."""
    m, delta = 50, 0.05
    for k in (0, 3, 10):
        value = Langford2005TestSet.formula(m=m, errors=k, invalid=0, corruption=0.0, classes=2, delta=delta).value
        assert binom.cdf(k, m, value * (1 + 1e-9)) == pytest.approx(delta, rel=1e-6)
