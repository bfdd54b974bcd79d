"""One step of a network that is no chain: what it reads and how much it can stretch a difference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A map of the sum of what it reads: a layer with weights, or a map that is 0 at 0 with a known Lipschitz constant.

    Attributes:
        name: Unique; the name of a layer of the record for a step with weights.
        reads: Names of earlier steps, once per reading; none for the input.
        lipschitz: Euclidean Lipschitz constant, rounded up; 1 for the input, sums and layers (their norms are in the record).
    """

    name: str
    reads: tuple[str, ...]
    lipschitz: float
