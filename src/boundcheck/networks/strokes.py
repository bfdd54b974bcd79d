"""Pictures of random pen strokes: what pictures of things drawn by hand have in common, known before any data is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_AT_A_TIME = 500
_POINTS = 24  # on each of the curves of a stroke


def random_strokes(count: int, height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Strokes of two quadratic Bezier curves each, drawn with a soft pen.

    Args:
        count: Number of pictures.
        height: Rows of a picture.
        width: Columns of a picture.
        seed: Of the generator; the same pictures on every machine, up to rounding.

    Returns:
        Shape (count, height, width), float32 in [0, 1].
    """
    rng = np.random.default_rng(seed)
    parts = [_batch(rng, min(_AT_A_TIME, count - start), height, width) for start in range(0, count, _AT_A_TIME)]
    return np.concatenate(parts) if parts else np.zeros((0, height, width), dtype=np.float32)


def _batch(rng: np.random.Generator, count: int, height: int, width: int) -> NDArray[np.float32]:
    size = np.array([height, width]) / 28.0
    control = (rng.random((count, 5, 2)) * 20.0 + 4.0) * size
    t = np.linspace(0.0, 1.0, _POINTS)[None, :, None]
    curves = [
        control[:, None, j] * (1 - t) ** 2 + 2.0 * control[:, None, j + 1] * (1 - t) * t + control[:, None, j + 2] * t**2
        for j in (0, 2)
    ]
    points = np.concatenate(curves, axis=1)  # (count, points, 2)
    pen = (0.8 + 0.6 * rng.random((count, 1))) * float(size.mean())
    # A soft pen is a product of a factor of the row and a factor of the column.
    row = np.exp(-(((np.arange(height) - points[:, :, :1]) / pen[:, :, None]) ** 2) / 2.0)
    column = np.exp(-(((np.arange(width) - points[:, :, 1:]) / pen[:, :, None]) ** 2) / 2.0)
    picture = np.zeros((count, height, width))
    for j in range(points.shape[1]):
        np.maximum(picture, row[:, j, :, None] * column[:, j, None, :], out=picture)
    found: NDArray[np.float32] = np.minimum(1.3 * picture, 1.0).astype(np.float32)
    return found
