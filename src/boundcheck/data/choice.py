"""The choice of a training sample of some size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError


def chosen_examples(n: int | None, available: int, seed: int) -> NDArray[np.int64] | None:
    """Indices of a training sample of size n, uniform without replacement; ``None`` for all examples in their order.

    Raises:
        InputError: n is not between 1 and the number of examples.
    """
    if n is None:
        return None
    if not 1 <= n <= available:
        raise InputError(f"--n between 1 and {available}", str(n), "leave it out to use every training example")
    return np.sort(np.random.default_rng([seed, 1]).permutation(available)[:n])
