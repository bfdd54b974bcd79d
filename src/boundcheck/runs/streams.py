"""Streams of random numbers, one for each seed and purpose."""

from __future__ import annotations

import numpy as np
import torch


def generator(seed: int, *purpose: int) -> torch.Generator:
    """A stream of random numbers of its own for each seed and purpose."""
    state = np.random.SeedSequence(seed, spawn_key=purpose).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) % 2**63)
