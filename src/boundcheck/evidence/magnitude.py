"""A Gaussian posterior whose variances grow with how far each weight has moved, as the theorem asks for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Magnitude:
    """N(w, diag s) with s_i = e^2 + t^2 (w_i - w_0i)^2, and its Monte Carlo risk.

    Attributes:
        parameters: Number of coordinates d.
        floor: e, the least standard deviation.
        slope: t, standard deviation per distance moved.
        variance_sum: Sum of s, rounded up.
        log_variance_sum: Sum of ln s, rounded down.
        squared_distance: |w - w_0|^2, rounded up.
        prior_mean: What the prior is centred at: ``initial``, ``file`` or ``zero``.
        prior_variances: The grid of prior variances, fixed before the data.
        draws: Number of independent draws, each a number in [0, 1].
        mean_loss: Their mean, rounded up.
        candidates: Posteriors among which the certified draws chose.
        test_error: Monte Carlo estimate of the Gibbs error on held-out data, under the law of the labels.
    """

    parameters: int
    floor: float
    slope: float
    variance_sum: float
    log_variance_sum: float
    squared_distance: float
    prior_mean: str
    prior_variances: tuple[float, ...]
    draws: int
    mean_loss: float
    candidates: int
    test_error: float | None
