"""What a search for a posterior or a code minimizes."""

from __future__ import annotations


def score(value: float, risk: float, nats_per_example: float, guess: float) -> float:
    """Smaller is better: the bound where it says something, else how far it is from saying something.

    Where every bound is vacuous the smallest belongs to a predictor that knows nothing at next to no cost. A reader is told more
    by one that still classifies: at most half the errors of guessing, and from there the least cost.

    Args:
        value: The bound.
        risk: Its empirical risk.
        nats_per_example: What it pays, in nats, divided by n; decides where bounds are too close to 1 to differ.
        guess: The error of guessing.

    Returns:
        Below ``guess`` for a bound that says something, at least 1 otherwise.
    """
    if value < guess:
        return value
    return 1.0 + risk + nats_per_example if risk <= guess / 2.0 else 1e12 + risk
