"""How far the weights of a network can be moved before it errs more often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flatness:
    """Perturbations of the weights that cost at most ``drop`` of the training accuracy; estimates, as no bound reads them.

    Attributes:
        rows: Training rows that accuracies were measured on.
        draws: Noise vectors that an accuracy is a mean over.
        drop: Accuracy that may be lost.
        parameters: Number of weights and biases that were perturbed, after batch normalizations were folded.
        squared_norm: Sum of their squares.
        squared_distance: Sum of squares of their differences to the initial weights; ``None`` without initial weights.
        sigma: Largest standard deviation of independent noise; ``None`` where the search met an end of its range.
        floor: The number e in the standard deviation sqrt(s^2 w^2 + e^2) of noise that follows the weights.
        magnitude_sigma: Largest s of noise that follows the weights; ``None`` as above.
        log_magnitude_norm: Sum of ln(e^2 + s^2 w^2) over the weights w; ``None`` where s is.
        log_magnitude_distance: The same over the differences to the initial weights; ``None`` without them.
        radius: Largest |u_i| of a perturbation u that gradient ascent sought; ``None`` as above.
    """

    rows: int
    draws: int
    drop: float
    parameters: int
    squared_norm: float
    squared_distance: float | None
    sigma: float | None
    floor: float
    magnitude_sigma: float | None
    log_magnitude_norm: float | None
    log_magnitude_distance: float | None
    radius: float | None
