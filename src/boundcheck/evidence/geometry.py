"""Numbers of a network that measures read and no theorem does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """How a network lies around its initial weights and how it acts on the sample; rounded to nearest, as no bound reads it.

    Attributes:
        rows: Training rows that the two last fields were measured on.
        difference_spectral: Operator norm of each layer's difference to the initial weights; ``None`` without initial weights.
        log_squared_path: Natural logarithm of the summed outputs on the all-ones input when every weight is squared.
        last_row_norm: Largest Euclidean norm of a row of the last layer.
        fisher_rao: Mean square of the derivative of the cross-entropy of an example as all weights are scaled together.
        least_gain: For each layer the least |W x| / |x| over the signals x that it meets.
    """

    rows: int
    difference_spectral: Mapping[str, float] | None
    log_squared_path: float
    last_row_norm: float
    fisher_rao: float
    least_gain: Mapping[str, float]
