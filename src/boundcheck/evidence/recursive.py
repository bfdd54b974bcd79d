"""Numbers of a recursive certificate: a chain of posteriors, each the prior of the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RecursiveStep:
    """One posterior h of the chain beside the one before it, h', on the examples that h' has not seen.

    Attributes:
        n: Examples that the step's prior has not seen.
        divergence: KL of the posterior from that prior, nats, rounded up.
        gamma: How much of the risk of h' is taken over, in (0, 1); 0 in the first step.
        draws: Number m of independent draws of a pair (h, h'), each on an example.
        risk: Share of draws in which h errs, rounded up.
        not_better: Share in which h errs or h' is right, rounded up; 1 in the first step.
        worse: Share in which h errs and h' is right, rounded up; 0 in the first step.
    """

    n: int
    divergence: float
    gamma: float
    draws: int
    risk: float
    not_better: float
    worse: float


@dataclass(frozen=True)
class Recursive:
    """The chain.

    Attributes:
        steps: In order; the last posterior is the one that is certified.
        overlap: Examples that a step counts although its prior has seen them, over all steps.
        configurations: Ways to train among which results chose.
        test_error: Gibbs error of the last posterior on held-out data, under the law of the labels.
    """

    steps: tuple[RecursiveStep, ...]
    overlap: int
    configurations: int
    test_error: float | None
