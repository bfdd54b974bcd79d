"""Equal inputs: one of them stands for all, and different targets at one point admit no interpolant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError


def distinct_rows(x: NDArray[Any], targets: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each group of equal rows, in their order, and for each row which of these it equals.

    Args:
        x: Shape (n, d).
        targets: Shape (n, q).

    Raises:
        InputError: Two equal rows have different targets; it names them.
    """
    # Adding zero turns -0.0 into 0.0, which is the same input with other bits.
    rows = np.ascontiguousarray(x + x.dtype.type(0) if x.dtype.kind == "f" else x)
    seen: dict[bytes, int] = {}
    first = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows):
        first[i] = seen.setdefault(row.tobytes(), i)
    repeated = np.flatnonzero(first != np.arange(len(rows)))
    differing = repeated[(targets[repeated] != targets[first[repeated]]).any(axis=1)]
    if differing.size:
        i = int(differing[0])
        raise InputError(
            "one target for equal inputs",
            f"different ones for rows {int(first[i])} and {i}",
            "no function passes through both: drop one of them, or fit with a ridge",
        )
    rows_kept, inverse = np.unique(first, return_inverse=True)
    return rows_kept, inverse
