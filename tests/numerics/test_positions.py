"""Convolutions by their Gram matrices in blocks of positions, against matrices that torch unrolls."""

import math

import numpy as np
import pytest
import torch

from boundcheck.numerics.convolution import convolution_norm, convolution_norm_lower
from boundcheck.numerics.positions import affordable_plan, cheapest_plan, position_bound, quotient_lower, top_vector
from boundcheck.numerics.torus import torus_bound
from boundcheck.numerics.unrolled import convolution

LAPACK = 1e-11  # some n u for matrices of up to a thousand rows: what dense eigenvalues can be off by
LAYERS = [
    ((6, 5, 3), (7,), {"padding": 1}),
    ((5, 7, 3, 3), (4, 4), {"padding": 1}),
    ((4, 6, 2, 3), (5, 3), {"padding": 1, "stride": (2, 1)}),
    ((6, 4, 3, 3), (6, 6), {"padding": 2, "dilation": 2, "stride": 2}),
    ((6, 3, 3, 3), (4, 5), {"padding": 1, "groups": 2}),
    ((3, 2, 2, 2, 3), (3, 3, 3), {"padding": 1}),
    ((4, 4, 5, 5), (3, 3), {"padding": 2}),
    ((5, 6, 3, 3), (4, 4), {"padding": 1, "padding_mode": "circular"}),
    ((5, 6, 3, 3), (4, 4), {"padding": 2, "padding_mode": "reflect"}),
    ((6, 5, 3, 3), (3, 4), {"padding": 2, "padding_mode": "replicate", "stride": 2}),
    ((6, 5, 1, 1), (5, 5), {"stride": 3, "padding": 1}),
]


def unrolled(kernel, sizes, layer) -> np.ndarray:
    """The matrix of a convolution from what torch makes of each unit vector."""
    kind = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[len(sizes)]
    channels = kernel.shape[1] * layer.get("groups", 1)
    module = kind(channels, kernel.shape[0], kernel.shape[2:], bias=False, dtype=torch.float64, **layer)
    count = channels * math.prod(sizes)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(kernel))
        columns = module(torch.eye(count, dtype=torch.float64).reshape(count, channels, *sizes))
    return columns.reshape(count, -1).T.numpy()


def norm_of(kernel, sizes, layer) -> float:
    matrix = unrolled(kernel, sizes, layer)
    scale = float(np.abs(matrix).max())
    short = matrix / scale if len(matrix) <= matrix.shape[1] else matrix.T / scale
    return scale * math.sqrt(float(np.linalg.eigvalsh(short @ short.T)[-1]))


@pytest.mark.parametrize(("shape", "sizes", "layer"), LAYERS)
def test_positions_give_the_norm_from_above(shape, sizes, layer):
    """Within the margin of the shift (0.2 %) and single precision."""
    rng = np.random.default_rng(len(shape) + sum(shape))
    for kernel in (rng.standard_normal(shape), np.abs(rng.standard_normal(shape)), rng.standard_normal(shape) ** 9 * 1e-30):
        truth = norm_of(kernel, sizes, layer)
        scaled = convolution(kernel, sizes, **layer)
        vector = top_vector(scaled)
        assert vector is not None
        lower = math.ldexp(quotient_lower(scaled, vector), scaled.exponent)
        assert 0.99 * truth <= lower <= truth * (1 + LAPACK)
        upper = math.ldexp(position_bound(scaled, cheapest_plan(scaled), vector), scaled.exponent)
        assert truth * (1 - LAPACK) <= upper <= 1.01 * truth


@pytest.mark.parametrize(("shape", "sizes", "layer"), LAYERS)
def test_a_poor_vector_gives_no_bound_rather_than_a_wrong_one(shape, sizes, layer):
    rng = np.random.default_rng(1)
    kernel = rng.standard_normal(shape)
    truth, scaled = norm_of(kernel, sizes, layer), convolution(kernel, sizes, **layer)
    good = top_vector(scaled)
    assert good is not None
    found = 0
    for mixed in np.linspace(0.0, 1.0, 12):
        vector = mixed * good + (1.0 - mixed) * rng.standard_normal(good.shape) / math.sqrt(good.size)
        bound = position_bound(scaled, cheapest_plan(scaled), vector)
        found += math.isfinite(bound)
        assert truth * (1 - LAPACK) <= math.ldexp(bound, scaled.exponent)
    assert 0 < found < 12


def test_a_small_map_with_many_channels_is_within_a_percent():
    """The torus is a tenth too large on 4 x 4 positions; the answer never exceeds it."""
    kernel = np.random.default_rng(2).standard_normal((64, 64, 3, 3))
    truth, scaled = norm_of(kernel, (4, 4), {"padding": 1}), convolution(kernel, (4, 4), padding=1)
    torus = math.ldexp(torus_bound(scaled), scaled.exponent)
    upper = convolution_norm(kernel, (4, 4), padding=1)
    assert torus > 1.07 * truth
    assert truth * (1 - LAPACK) <= upper <= min(torus, 1.01 * truth)


@pytest.mark.parametrize(("out", "channels", "stride"), [(48, 96, 1), (96, 48, 1), (96, 48, 2), (48, 96, 2)])
def test_wide_and_narrow_layers(out, channels, stride):
    kernel = np.random.default_rng(3).standard_normal((out, channels, 3, 3))
    size = (4 * stride, 4 * stride)
    truth = norm_of(kernel, size, {"padding": 1, "stride": stride})
    scaled = convolution(kernel, size, stride=stride, padding=1)
    torus = math.ldexp(torus_bound(scaled), scaled.exponent)
    assert truth * (1 - LAPACK) <= convolution_norm(kernel, size, stride=stride, padding=1) <= min(torus, 1.035 * truth)


@pytest.mark.slow
def test_the_last_layers_of_a_residual_network_are_within_five_percent():
    """512 channels, 4 x 4 positions; the excess is at most the gap to the certified end from below."""
    kernel = np.random.default_rng(4).standard_normal((512, 512, 3, 3))
    upper = convolution_norm(kernel, (4, 4), padding=1)
    assert upper <= 1.05 * convolution_norm_lower(kernel, (4, 4), padding=1, steps=60)


def test_a_torus_that_is_near_enough_is_left_alone():
    kernel = np.random.default_rng(5).standard_normal((96, 96, 3))
    scaled = convolution(kernel, (40,), padding=1)
    assert affordable_plan(scaled) is not None
    assert convolution_norm(kernel, (40,), padding=1) == math.ldexp(torus_bound(scaled), scaled.exponent)


def test_a_torus_gives_up_only_above_what_is_enough():
    kernel = np.random.default_rng(6).standard_normal((12, 12, 3, 3))
    scaled = convolution(kernel, (5, 5), padding=1)
    bound = torus_bound(scaled)
    assert torus_bound(scaled, bound) == bound
    assert torus_bound(scaled, 0.5 * bound) == math.inf


@pytest.mark.parametrize(
    ("shape", "size"),
    [((512, 512, 3, 3), (7, 7)), ((64, 64, 3, 3), (32, 32)), ((512, 512, 1, 1), (4, 4)), ((1024, 1024, 3), (16,))],
)
def test_what_costs_too_much_or_gains_nothing_is_not_tried(shape, size):
    rng = np.random.default_rng(7)
    assert affordable_plan(convolution(rng.standard_normal(shape), size, padding=shape[-1] // 2)) is None


def test_layers_that_read_nothing_or_are_tiny():
    """Two outputs that see only padding: a norm of 0, and no vector to start from."""
    kernel = np.ones((30, 30, 1, 1))
    seen = convolution(kernel, (1, 1), stride=5, padding=[(1, 1), (1, 1)])
    assert position_bound(seen, cheapest_plan(seen), np.ones((1, 30, 1, 1))) == math.inf
    assert top_vector(convolution(np.ones((2, 2, 3)), (5,))) is None
