"""What is known of a network that was trained on a few examples which an algorithm picked one after another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picked:
    """The examples that were picked, counted, and what the network makes of the others.

    Attributes:
        n: Examples that could have been picked; those that the first network saw are not among them.
        picked: Examples k that were picked.
        missed: Examples among the other n - k that the network misclassifies, ties and NaN included.
        same_again: Whether a second run, on the picked examples alone, ended with the same network bit for bit; ``None``: not
            tried.
        candidates: Settings of the algorithm among which results chose (1: fixed beforehand).
        before: Examples that the first network was trained on.
    """

    n: int
    picked: int
    missed: int
    same_again: bool | None
    candidates: int = 1
    before: int = 0
