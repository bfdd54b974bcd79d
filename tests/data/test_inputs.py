"""Input laws: what they keep, what they destroy, and what they are the same for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boundcheck.data import INPUT_KINDS, center_crop, channel_moments, corrupt_inputs, standardize, standardized_radius
from boundcheck.errors import InputError


def images(n: int = 40, channels: int = 3, side: int = 6, seed: int = 0) -> np.ndarray:
    """Images whose channels have means and deviations of their own."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, channels + 1)[None, :, None, None]
    return (scale * rng.random((n, channels, side, side))).astype(np.float32)


def pixels(image: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(map(tuple, image.reshape(image.shape[0], -1).T.tolist()))


@pytest.mark.parametrize("kind", ["shuffled-pixels", "random-pixels"])
def test_pixels_move_with_all_their_channels(kind: str) -> None:
    x = images()
    moved = corrupt_inputs(x, kind, 3, "train", channel_moments(x))
    assert not np.array_equal(moved, x)
    assert all(pixels(a) == pixels(b) for a, b in zip(x, moved, strict=True))
    assert moved.dtype == x.dtype


def test_one_permutation_for_all_or_one_for_each() -> None:
    ramp = np.tile(np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6), (50, 1, 1, 1))
    moments = channel_moments(ramp)
    shuffled = {stream: corrupt_inputs(ramp, "shuffled-pixels", 1, stream, moments) for stream in ("train", "test")}
    assert len(np.unique(shuffled["train"].reshape(50, -1), axis=0)) == 1
    assert np.array_equal(shuffled["train"], shuffled["test"])
    random = {stream: corrupt_inputs(ramp, "random-pixels", 1, stream, moments) for stream in ("train", "test")}
    assert len(np.unique(np.concatenate(list(random.values())).reshape(100, -1), axis=0)) == 100


def test_permutations_are_uniform() -> None:
    """Each place of a pixel has probability 1/4: counts of 20,000 draws within six deviations, one in 5e8."""
    ramp = np.tile(np.arange(4, dtype=np.float32).reshape(1, 2, 2), (20_000, 1, 1))
    moved = corrupt_inputs(ramp, "random-pixels", 5, "train", channel_moments(ramp)).reshape(-1, 4)
    counts = np.stack([(moved == value).sum(axis=0) for value in range(4)])
    assert np.abs(counts - 5000).max() < 6 * math.sqrt(20_000 * 0.25 * 0.75)


def test_gaussian_inputs_have_the_moments_of_each_channel() -> None:
    x = images(n=4000)
    mean, deviation = channel_moments(x)
    drawn = corrupt_inputs(x, "gaussian", 2, "train", (mean, deviation))
    per_channel = 4000 * 36
    found_mean, found_deviation = channel_moments(drawn)
    assert np.all(np.abs(found_mean - mean) < 6 * deviation / math.sqrt(per_channel))  # six deviations of a mean
    assert np.all(np.abs(found_deviation / deviation - 1) < 6 / math.sqrt(2 * per_channel))  # and of a deviation
    assert drawn.min() < 0.0  # no bounded domain any more
    correlation = np.corrcoef(drawn[:, 0].ravel(), x[:, 0].ravel())[0, 1]
    assert abs(correlation) < 6 / math.sqrt(per_channel)


@pytest.mark.parametrize("kind", INPUT_KINDS)
def test_draws_depend_on_seed_and_arguments_alone(kind: str) -> None:
    x = images()
    moments = channel_moments(x)
    one, same, other = (corrupt_inputs(x, kind, seed, "train", moments) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert np.array_equal(one, other) == (kind == "as-they-are")
    one[...] = 0.0
    assert np.array_equal(x, images())  # a fresh array
    for flat in (x.reshape(40, -1), x[:, 0]):
        assert corrupt_inputs(flat, kind, 1, "train", channel_moments(flat)).shape == flat.shape


def test_what_is_refused() -> None:
    x = images()
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        corrupt_inputs(x, "gausian", 0, "train", channel_moments(x))
    with pytest.raises(InputError, match="at least 7 by 7"):
        center_crop(x, 7)
    with pytest.raises(InputError, match="leave the crop out"):
        center_crop(x.reshape(40, -1), 3)
    with pytest.raises(InputError, match="seed"):
        corrupt_inputs(x, "random-pixels", -1, "train", channel_moments(x))


def test_the_crop_is_the_middle() -> None:
    image = np.arange(36.0).reshape(1, 1, 6, 6)
    assert np.array_equal(center_crop(image, 2)[0, 0], [[14, 15], [20, 21]])
    assert np.array_equal(center_crop(image, 6), image)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e20])
def test_standardized_inputs_keep_their_radius(scale: float) -> None:
    x = (images(n=300) * scale).astype(np.float32)
    x[0] = 0.5
    x[1, :, 0, 0] = 100.0 * scale
    z = standardize(x).reshape(300, -1).astype(np.float64)
    assert np.sqrt((z**2).sum(axis=1)).max() <= standardized_radius(z.shape[1])
    assert np.allclose(z.mean(axis=1), 0.0, atol=1e-6)  # float32 rounds a mean of some 100 numbers of size one
    if scale >= 1.0:
        assert np.allclose(z[2:].std(axis=1), 1.0, atol=1e-6)
    assert np.array_equal(standardize(x[5:6]), standardize(x)[5:6])  # a function of the example alone
