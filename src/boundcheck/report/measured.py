"""The measured errors that stand beside the bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Problem

_TIES_SHARE = 0.1  # of delta, where labels are corrupted: what it pays for carries a factor p/k


@dataclass(frozen=True)
class HeldOut:
    """The error on the held-out sample, under the law of the training labels.

    Attributes:
        n: Held-out examples.
        errors: Errors among them: a count on clean labels, the expected number under a law that corrupts labels.
        error: Their share.
        interval: Two-sided confidence interval for the population error.
        clean_error: Share of errors on clean labels.
    """

    n: int
    errors: int | float
    error: float
    interval: tuple[float, float]
    clean_error: float


def held_out(errors: Errors, problem: Problem, delta: float) -> HeldOut | None:
    """The held-out error with its interval, or ``None`` where there is no held-out sample.

    Args:
        errors: What was counted.
        problem: The number of classes and the law of the labels.
        delta: The interval misses the population error with probability at most this.
    """
    if errors.test_n == 0:
        return None
    clean = errors.test_errors / errors.test_n
    if problem.corruption == 0.0:
        count: int | float = errors.test_errors
        error = clean
    else:
        error = errors.test_error if errors.test_error is not None else _expected(errors, problem)
        count = error * errors.test_n
    return HeldOut(errors.test_n, count, error, interval(errors, problem, delta), clean)


def interval(errors: Errors, problem: Problem, delta: float) -> tuple[float, float]:
    """Clopper-Pearson interval, carried through the law of the labels.

    With probability p a label is uniform on k classes. A predictor with error R on clean labels, of which T are ties or
    NaN (errors whatever the label), errs with probability p(1 - 1/k) + (1 - p) R + (p/k) T. R lies in its interval
    except with probability 0.9 delta and T below its upper bound except with probability 0.1 delta. On clean labels T
    does not enter, and R takes all of delta.

    Args:
        errors: What was counted on clean held-out labels; there is at least one example.
        problem: The number of classes and the law of the labels.
        delta: Miss probability in (0, 1).

    Returns:
        Lower end rounded down, upper end rounded up.
    """
    from boundcheck.numerics import binomial_tail_inverse, clopper_pearson

    if problem.corruption == 0.0:
        low, high = clopper_pearson(errors.test_errors, errors.test_n, delta)
        return float(low), float(high)
    low, high = clopper_pearson(errors.test_errors, errors.test_n, delta * (1.0 - _TIES_SHARE))
    # The factor keeps the two rounded shares from adding up to more than delta.
    ties = float(binomial_tail_inverse(errors.test_invalid, errors.test_n, delta * _TIES_SHARE * (1.0 - 2.0**-50)))
    p, k = Fraction(problem.corruption), problem.classes
    floor = p * Fraction(k - 1, k)
    below = float(floor + (1 - p) * Fraction(float(low)))
    above = float(floor + (1 - p) * Fraction(float(high)) + p / k * Fraction(min(ties, float(high))))
    return math.nextafter(below, 0.0), min(math.nextafter(above, 2.0), 1.0)


def _expected(errors: Errors, problem: Problem) -> float:
    """Expected held-out error under the law of the labels, from the counts on clean labels."""
    p, k, lost = Fraction(problem.corruption), problem.classes, errors.test_invalid
    missed = errors.test_errors - lost
    return float(((1 - p) * missed + p * Fraction(k - 1, k) * (errors.test_n - lost) + lost) / errors.test_n)
