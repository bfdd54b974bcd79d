"""The plurality vote of a posterior, estimated on held-out data by the votes of some networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from boundcheck.evidence.vote import Vote
from boundcheck.networks.mistakes import HeldOutError, error_of, mistakes
from boundcheck.runs.streams import generator


class Ballot(Protocol):
    """Draws networks and counts what they predict."""

    def counts(self, sigmas: Mapping[str, float], x: torch.Tensor, networks: int, generator: torch.Generator) -> torch.Tensor:
        """How many of some networks predict each class, shape (n, k); a tie or NaN predicts none."""


def measure_vote(
    sampler: Ballot,
    sigmas: Mapping[str, float],
    test: tuple[torch.Tensor, torch.Tensor],
    *,
    networks: int,
    examples: int,
    seed: int,
    stream: int,
    held_out_error: HeldOutError | None,
) -> Vote:
    """Let networks vote on held-out examples.

    The vote that a theorem bounds is that of all networks, each weighted by its probability. The plurality of m independent ones
    is the same wherever the probability of the first class is ahead of the second by a few times m^(-1/2), and an estimate
    elsewhere.

    Args:
        sampler: Draws the networks.
        sigmas: Standard deviation of each block.
        test: Held-out inputs and labels before corruption.
        networks: Voters on each example.
        examples: Examples at most.
        seed: Of every random draw.
        stream: Which stream of random numbers.
        held_out_error: From masks of wrong and invalid predictions to the error under the law of the labels.
    """
    x, y = test
    rows = torch.randperm(len(y), generator=generator(seed, stream, 0))[:examples]
    votes = sampler.counts(sigmas, x[rows], networks, generator(seed, stream, 1))
    wrong, invalid = (mask.numpy() for mask in mistakes(votes.double(), y[rows]))
    return Vote(networks, len(rows), error_of(wrong, invalid, held_out_error))
