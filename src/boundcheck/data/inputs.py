r"""Input laws: what becomes of the images while their labels stay as they are.

The randomizations of C. Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, "Understanding deep learning requires rethinking
generalization", ICLR 2017, section 2.2. A pixel moves with all its channels. The held-out sample follows the law of the training
sample: one permutation for both where it is fixed, fresh draws for each example where it is not.

Gaussian inputs have, channel by channel, the mean and the variance of the held-out images: two constants that the training sample
did not choose, so that given them its examples are independent draws of one law.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.data.corruption import stream_bits
from boundcheck.errors import InputError, nearest

INPUT_KINDS = ("as-they-are", "shuffled-pixels", "random-pixels", "gaussian")
_ROWS = 512  # whose permutations are drawn at a time: some megabytes of raw words


def check_inputs(kind: str) -> None:
    """Refuse a word that is no input law.

    Raises:
        InputError: It is none.
    """
    if kind not in INPUT_KINDS:
        raise InputError("an input law", repr(kind), nearest(kind, INPUT_KINDS))


def corrupt_inputs(
    x: NDArray[Any], kind: str, seed: int, stream: str, moments: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[Any]:
    """Inputs drawn from a law, given the true ones.

    Args:
        x: Shape (n, channels, height, width), (n, height, width) or (n, d), float.
        kind: One of :data:`INPUT_KINDS`.
        seed: At least 0.
        stream: ``"train"`` or ``"test"``: the fixed permutation is the same for both, everything else is drawn anew.
        moments: Mean and standard deviation of each channel, see :func:`channel_moments`.

    Returns:
        A fresh array of the same shape and type; the same for the same arguments.

    Raises:
        InputError: No such law, or a negative seed.
    """
    check_inputs(kind)
    flat = x.reshape(len(x), *(x.shape[1:2] if x.ndim == 4 else (1,)), -1)
    if kind == "shuffled-pixels":
        order = np.argsort(stream_bits(seed, "inputs", "one permutation").random_raw(flat.shape[2]), kind="stable")
        return flat[:, :, order].reshape(x.shape)
    if kind == "random-pixels":
        return _each_its_own(flat, seed, stream).reshape(x.shape)
    if kind == "gaussian":
        draws = np.random.Generator(stream_bits(seed, "inputs", stream, "gaussian")).standard_normal(flat.shape, dtype=np.float32)
        mean, deviation = (m[None, :, None] for m in moments)
        return (mean + deviation * draws).astype(x.dtype).reshape(x.shape)
    return x.copy()


def _each_its_own(flat: NDArray[Any], seed: int, stream: str) -> NDArray[Any]:
    bits, moved = stream_bits(seed, "inputs", stream, "permutations"), np.empty_like(flat)
    for start in range(0, len(flat), _ROWS):
        part = flat[start : start + _ROWS]
        words = bits.random_raw(len(part) * flat.shape[2]).reshape(len(part), 1, -1)
        moved[start : start + _ROWS] = np.take_along_axis(part, np.argsort(words, axis=2, kind="stable"), axis=2)
    return moved


def channel_moments(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel, over all examples and pixels; one channel where there is no such axis."""
    axes = (0, 2, 3) if x.ndim == 4 else None
    return np.atleast_1d(x.mean(axis=axes, dtype=np.float64)), np.atleast_1d(x.std(axis=axes, dtype=np.float64))


def center_crop(x: NDArray[Any], size: int) -> NDArray[Any]:
    """The middle ``size`` by ``size`` pixels of each image.

    Args:
        x: Shape (n, ..., height, width).
        size: At most height and width.

    Raises:
        InputError: The examples are no images, or smaller.
    """
    if x.ndim < 3 or not 1 <= size <= min(x.shape[-2:]):
        raise InputError(f"images of at least {size} by {size} pixels, at least 1", f"shape {x.shape[1:]}", "leave the crop out")
    top, left = ((length - size) // 2 for length in x.shape[-2:])
    return x[..., top : top + size, left : left + size].copy()


def standardize(x: NDArray[Any]) -> NDArray[np.float32]:
    r"""Each example less its mean, over its standard deviation, as a function of this example alone.

    The deviation of d numbers is taken to be at least 1/sqrt(d), as for an image of one colour. So no example has a norm above
    sqrt(d), up to the rounding that :func:`standardized_radius` pays for.

    Args:
        x: Shape (n, ...).
    """
    flat = x.reshape(len(x), -1).astype(np.float64)
    centred = flat - flat.mean(axis=1, keepdims=True)
    scale = np.maximum(flat.std(axis=1, keepdims=True), 1.0 / math.sqrt(flat.shape[1]))
    return np.asarray(centred / scale, dtype=np.float32).reshape(x.shape)


def standardized_radius(d: int) -> float:
    """A number that the norm of no standardized example of d numbers exceeds.

    In exact arithmetic the norm is at most sqrt(d). Rounding to float32 adds at most 2**-24 of each coordinate, and the float64
    arithmetic before it less than d * 2**-50; together less than 2**-23 for d below 2**26.
    """
    return math.sqrt(d) * (1.0 + 2.0**-23)
