"""Numbers of the network at the centre of a prior that was learned on a part of the sample."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PriorNetwork:
    """The network with the prior's mean as weights, on the examples that the certificate counts.

    Attributes:
        n: Examples that the certificate counts, none of which had a part in the prior.
        errors: Errors of the network among them, on the labels of the sample, ties included.
        overlap: Those of the n examples that had a part in the prior.
        configurations: Ways to train among which results chose.
        splits: Ways to split the sample among which results chose.
        test_error: Its error on held-out data under the law of the labels, where there is some.
    """

    n: int
    errors: int
    overlap: int
    configurations: int
    splits: int
    test_error: float | None
