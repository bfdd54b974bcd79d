"""How the vote of a posterior does on held-out data, as far as some of its networks tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vote:
    """The plurality of networks drawn from a posterior, on held-out examples: an estimate that no bound reads.

    Attributes:
        networks: Networks that voted on each example.
        examples: Held-out examples, drawn at random from all of them where there are more.
        test_error: Error of their plurality under the law of the labels; a draw between classes is an error.
    """

    networks: int
    examples: int
    test_error: float
