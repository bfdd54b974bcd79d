"""A user's own matrix of numbers: one .npy file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError

_SAVE = "write it with numpy.save(path, matrix)"


def read_matrix(path: str) -> NDArray[Any]:
    """A matrix of numbers; nothing in the file is unpickled.

    Args:
        path: The file.

    Raises:
        InputError: There is no such file, or it holds something else.
    """
    try:
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError("a .npy file of numbers", f"'{path}' ({type(error).__name__})", _SAVE) from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise InputError("a .npy file with one matrix of numbers", f"'{path}', which holds something else", _SAVE)
    return matrix
