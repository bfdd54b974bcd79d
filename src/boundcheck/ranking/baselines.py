"""What any measure is held against: the gap itself, the gap with noise, and chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE = (0.01, 0.05)
"""Standard deviations of the noisy oracles, as in Jiang et al. (ICLR 2020)."""


def baselines(gap: Floats, seed: int) -> Mapping[str, Floats]:
    """Measures that nobody can compute beforehand, and one that knows nothing.

    Args:
        gap: Shape (n,).
        seed: Of the noise.

    Returns:
        ``oracle``: the gap; ``oracle ± s``: the gap with Gaussian noise of standard deviation s; ``random``: Gaussian noise.
    """
    rng = np.random.default_rng(seed)
    noisy = {f"oracle ± {s:g}": gap + rng.normal(0.0, s, len(gap)) for s in NOISE}
    return {"oracle": gap, **noisy, "random": rng.normal(0.0, 1.0, len(gap))}
