"""Fixed maps of images that see no data: a bank of Gabor filters, and random convolutional patches.

Both are convolved with every channel of the image (zero padding), rectified on both sides, max(z, 0) and max(-z, 0), and averaged
over the cells of a 7 x 7 grid (smaller for small images): what C. Zhang et al. (2017, section 5) and A. Coates, H. Lee and A. Ng
(AISTATS 2011) do in kind, with filters that are chosen before the data. A map that is fixed beforehand makes a kernel that is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError

_CHUNK = 256  # images at a time
_GRID = 7  # cells along each side after averaging
_SIZE = 7  # pixels along each side of a Gabor filter
_PATCH = 5  # pixels along each side of a random patch
_ORIENTATIONS, _WAVELENGTHS, _PHASES = 8, (3.0, 5.0), (0.0, math.pi / 2.0)


@dataclass(frozen=True, eq=False)
class Features:
    """Filters, fixed beforehand.

    Attributes:
        name: What they are called.
        filters: Shape (M, c, s, s), float32.
    """

    name: str
    filters: NDArray[np.float32]

    def describe(self) -> str:
        """The name and how many there are."""
        return f"{self.name} ({len(self.filters)} filters)"

    def __call__(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Features, shape (n, 2 M g^2) for a grid of g by g cells.

        Args:
            images: Shape (n, c, h, w).
        """
        return np.concatenate([self._chunk(images[i : i + _CHUNK]) for i in range(0, len(images), _CHUNK)]).astype(np.float32)

    def _chunk(self, images: NDArray[Any]) -> NDArray[np.float32]:
        n, _, h, w = images.shape
        m, size = len(self.filters), self.filters.shape[-1]
        side = size // 2
        padded = np.pad(images.astype(np.float32), ((0, 0), (0, 0), (side, side), (side, side)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
        maps = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, -1) @ self.filters.reshape(m, -1).T
        maps = maps.reshape(n, h, w, m)
        both = np.concatenate([np.maximum(maps, 0.0), np.maximum(-maps, 0.0)], axis=3)
        rows, columns = (_cells(length) for length in (h, w))
        pooled = np.add.reduceat(np.add.reduceat(both, rows, axis=1), columns, axis=2)
        sizes = np.diff([*rows, h])[:, None] * np.diff([*columns, w])
        return np.asarray((pooled / sizes[None, :, :, None]).reshape(n, -1), dtype=np.float32)


def _cells(length: int) -> list[int]:
    """Where the cells of the grid begin along an axis."""
    return [int(edge) for edge in np.linspace(0, length, min(_GRID, length) + 1).round()[:-1]]


def make_features(spec: str, shape: tuple[int, ...], seed: int) -> Features:
    """The map that a word stands for.

    Args:
        spec: ``gabor``, or ``patches:M`` for M random filters.
        shape: Shape of an input.
        seed: Of the random filters.

    Raises:
        InputError: Another word, or inputs that are no images.
    """
    if len(shape) != 3:
        raise InputError("images of shape (channels, height, width) for --features", f"inputs of shape {shape}", "leave it out")
    if spec == "gabor":
        return Features("a fixed Gabor bank", _gabor(shape[0]))
    word, _, count = spec.partition(":")
    if word != "patches" or not count.isascii() or not count.isdigit() or not 1 <= int(count) <= 4096:
        raise InputError("features 'gabor' or 'patches:M' with M from 1 to 4096", repr(spec), "write for example patches:64")
    filters = np.random.default_rng([seed, 3]).standard_normal((int(count), shape[0], _PATCH, _PATCH))
    return Features("random convolutional patches", _unit(filters))


def _gabor(channels: int) -> NDArray[np.float32]:
    """Waves under a Gaussian window: every orientation, wavelength and phase."""
    axis = np.arange(_SIZE) - _SIZE // 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    window = np.exp(-(x**2 + y**2) / (2.0 * (_SIZE / 4.0) ** 2))
    bank = [
        window * np.cos(2.0 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength + phase)
        for angle in np.arange(_ORIENTATIONS) * math.pi / _ORIENTATIONS
        for wavelength in _WAVELENGTHS
        for phase in _PHASES
    ]
    return _unit(np.repeat(np.stack(bank)[:, None], channels, axis=1))


def _unit(filters: NDArray[np.float64]) -> NDArray[np.float32]:
    """Each filter with mean 0 and norm 1."""
    centred = filters - filters.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).sum(axis=(1, 2, 3), keepdims=True)), dtype=np.float32)
