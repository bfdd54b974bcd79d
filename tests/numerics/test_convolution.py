"""Convolutions against their matrices, unrolled here by plain loops over outputs, taps and padding."""

import itertools
import math

import flint
import numpy as np
import pytest

from boundcheck.numerics.convolution import (
    convolution_norm,
    convolution_norm_lower,
    transposed_convolution_norm,
    transposed_output_size,
)
from boundcheck.numerics.torus import torus_bound
from boundcheck.numerics.unrolled import convolution, unrolled_frobenius, unrolled_row_norm_sum

MODES = ["zeros", "circular", "reflect", "replicate"]
LAPACK = 1e-12  # some n u for matrices of at most a few hundred rows: what a dense SVD can be off by


def read(position: int, size: int, mode: str) -> int | None:
    """Which input lies at a position of the padded line, by the definition of the mode."""
    if 0 <= position < size:
        return position
    if mode == "circular":
        return position % size
    if mode == "replicate":
        return min(max(position, 0), size - 1)
    if mode == "reflect":
        return -position if position < 0 else 2 * (size - 1) - position
    return None


def unroll(kernel, sizes, strides, pads, dilations, groups, mode) -> np.ndarray:
    """The matrix of a convolution, one entry at a time."""
    out, per_group, *taps = kernel.shape
    counts = [
        (n + sum(p) - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(sizes, pads, dilations, taps, strides, strict=True)
    ]
    channels = per_group * groups
    matrix = np.zeros((out, *counts, channels, *sizes))
    for o, i in itertools.product(range(out), range(per_group)):
        channel = (o // (out // groups)) * per_group + i
        for place in itertools.product(*map(range, counts)):
            for tap in itertools.product(*map(range, taps)):
                source = [
                    read(j * s + t * d - p[0], n, mode)
                    for j, s, t, d, p, n in zip(place, strides, tap, dilations, pads, sizes, strict=True)
                ]
                if None not in source:
                    matrix[(o, *place, channel, *source)] += kernel[(o, i, *tap)]
    return matrix.reshape(out * math.prod(counts), -1)


def random_layer(rng: np.random.Generator, mode: str):
    """A kernel, an input size and settings that fit each other; small enough for plain loops."""
    axes = int(rng.choice([1, 2, 2, 3]))
    most = {1: 9, 2: 6, 3: 3}[axes]
    while True:
        groups = int(rng.choice([1, 1, 2, 3]))
        shape = (groups * int(rng.integers(1, 3)), int(rng.integers(1, 3)), *rng.integers(1, 4, axes).tolist())
        sizes = rng.integers(1, most + 1, axes).tolist()
        strides, dilations = rng.integers(1, 4, axes).tolist(), rng.integers(1, 3, axes).tolist()
        largest = [{"zeros": 4, "replicate": 3, "circular": n, "reflect": n - 1}[mode] for n in sizes]
        pads = [tuple(rng.integers(0, min(m, 4) + 1, 2).tolist()) for m in largest]
        extents = [d * (k - 1) + 1 for d, k in zip(dilations, shape[2:], strict=True)]
        if all(n + sum(p) >= e for n, p, e in zip(sizes, pads, extents, strict=True)):
            break
    kernel = rng.standard_normal(shape)
    if rng.random() < 0.3:
        kernel = np.abs(kernel)
    return kernel, sizes, {"stride": strides, "padding": pads, "dilation": dilations, "groups": groups, "padding_mode": mode}


def check(kernel, sizes, layer, steps: int = 40) -> float:
    matrix = unroll(kernel, sizes, layer["stride"], layer["padding"], layer["dilation"], layer["groups"], layer["padding_mode"])
    truth = np.linalg.svd(matrix, compute_uv=False)[0]
    upper = convolution_norm(kernel, sizes, **layer)
    lower = convolution_norm_lower(kernel, sizes, steps=steps, **layer)
    scaled = convolution(kernel, sizes, **layer)
    torus = math.ldexp(torus_bound(scaled), scaled.exponent)
    assert truth * (1 - LAPACK) <= upper <= torus
    assert lower <= truth * (1 + LAPACK)
    assert lower <= upper
    assert lower >= 0.5 * truth
    frobenius, rows = np.linalg.norm(matrix), np.linalg.norm(matrix, axis=1).sum()
    # The squares of rows can cancel to 1e-16 of their terms, of which the root is 1e-8.
    slack = 1e-7 if layer["padding_mode"] != "zeros" else 1e-12
    assert frobenius * (1 - LAPACK) <= unrolled_frobenius(kernel, sizes, **layer) <= frobenius * (1 + slack) + 1e-12
    assert rows * (1 - LAPACK) <= unrolled_row_norm_sum(kernel, sizes, **layer) <= rows * (1 + slack) + 1e-5 * (slack > 1e-12)
    return torus / truth if truth else 1.0


@pytest.mark.parametrize("mode", MODES)
def test_random_layers_lie_between_the_bounds(mode):
    rng = np.random.default_rng(MODES.index(mode))
    for _ in range(60):
        check(*random_layer(rng, mode))


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_many_random_layers_lie_between_the_bounds(mode):
    rng = np.random.default_rng(100 + MODES.index(mode))
    for _ in range(500):
        check(*random_layer(rng, mode), steps=15)


def test_integer_kernel_with_known_norms():
    """sigma 20.18804055 of the unrolled matrix, from 40-digit arithmetic; the reshaped kernel has 10.50369153."""
    kernel = (np.arange(1, 37).reshape(2, 2, 3, 3) % 7 - 3).astype(np.float64)
    truth = 20.18804055 - 1e-8  # the last digit of the reference is rounded
    assert np.linalg.norm(kernel.reshape(2, -1), 2) == pytest.approx(10.50369153, abs=1e-7)
    assert truth <= convolution_norm(kernel, (6, 6), padding=1) < truth + 1e-7
    assert truth - 1e-7 < convolution_norm_lower(kernel, (6, 6), padding=1, steps=300) <= truth + 2e-8


def test_the_transform_at_the_size_of_the_input_is_no_bound_for_zero_padding():
    kernel = np.array([[1.0, -1, 1], [-1, 0, -1], [0, -1, 0]])[None, None]
    truth = 3.923909
    same_size = np.abs(np.fft.fft2(kernel, (3, 3))).max()
    assert same_size == pytest.approx(2.645751, abs=1e-6)
    scaled = convolution(kernel, (3, 3), padding=1)
    assert same_size < truth < math.ldexp(torus_bound(scaled), scaled.exponent)
    assert truth <= convolution_norm(kernel, (3, 3), padding=1) < truth + 1e-6


def test_the_reshaped_kernel_is_below_the_truth_and_we_are_not():
    for kernel in (np.ones((8, 4, 3, 3)), np.random.default_rng(0).standard_normal((8, 4, 3, 3))):
        reshaped = np.linalg.norm(kernel.reshape(8, -1), 2)
        lower = convolution_norm_lower(kernel, (12, 12), padding=1)
        assert reshaped < 0.7 * lower
        assert lower <= convolution_norm(kernel, (12, 12), padding=1) < 1.2 * lower


def test_groups_take_the_maximum_not_the_product():
    kernel = np.array([0.7228, 1.0280, 0.5, 0.25])[:, None, None]
    assert 1.0280 <= convolution_norm(kernel, (5,), groups=4) <= 1.0280 * (1 + 1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_rounding_is_on_the_safe_side_in_exact_arithmetic(seed):
    """Where the torus is the truth only rounding is left; bound^2 I - A'A is checked in rationals to be semidefinite."""
    rng = np.random.default_rng(seed)
    kernel = rng.standard_normal((2, 1, 3)) * [1.0, 1e-7, 1e150][seed % 3]
    layer = {"stride": [1], "padding": [(1, 1)], "dilation": [1], "groups": 1, "padding_mode": "circular"}
    matrix = unroll(kernel, [5], [1], [(1, 1)], [1], 1, "circular")
    exact = flint.fmpq_mat([[flint.fmpq(*x.as_integer_ratio()) for x in row] for row in matrix.tolist()])
    gram = exact.transpose() * exact

    def semidefinite(bound: float) -> bool:
        square = flint.fmpq(*bound.as_integer_ratio()) ** 2
        gap = flint.fmpq_mat([[square * (i == j) for j in range(5)] for i in range(5)]) - gram
        return all(c * (-1) ** (5 - k) >= 0 for k, c in enumerate(gap.charpoly().coeffs()))

    scaled = convolution(kernel, [5], **layer)
    assert semidefinite(convolution_norm(kernel, [5], **layer))
    assert semidefinite(math.ldexp(torus_bound(scaled), scaled.exponent))
    assert not semidefinite(convolution_norm_lower(kernel, [5], steps=20, **layer) * (1 - 1e-15))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_circular_convolutions_are_exact(stride):
    """With stride dividing the size the reduced frequencies give the norm itself."""
    kernel = np.random.default_rng(5).standard_normal((2, 3, 3, 3))
    layer = {"stride": [stride] * 2, "padding": [(1, 1)] * 2, "dilation": [1, 1], "groups": 1, "padding_mode": "circular"}
    assert check(kernel, [6, 6], layer) < 1 + 1e-9


@pytest.mark.parametrize(("channels", "stride"), [((130, 100), 1), ((100, 130), 1), ((120, 60), 2), ((200, 60), 2)])
def test_many_channels_on_either_side_are_exact_too(channels, stride):
    """Blocks of more than 96 rows and columns, wide and tall: there one triangle of a Gram matrix is worked out."""
    kernel = np.random.default_rng(11).standard_normal((*channels, 3))
    layer = {"stride": [stride], "padding": [(1, 1)], "dilation": [1], "groups": 1, "padding_mode": "circular"}
    matrix = unroll(kernel, [4], [stride], [(1, 1)], [1], 1, "circular")
    truth = float(np.linalg.svd(matrix, compute_uv=False)[0])
    scaled = convolution(kernel, [4], **layer)
    assert truth * (1 - LAPACK) <= math.ldexp(torus_bound(scaled), scaled.exponent) <= truth * (1 + 1e-9)


def test_a_size_of_the_output_beyond_the_circle_is_paid_for():
    """Circular padding by 2 with one tap makes outputs twice: norm sqrt(2), where one circle would say 1."""
    kernel = np.ones((1, 1, 1))
    layer = {"stride": [1], "padding": [(2, 2)], "dilation": [1], "groups": 1, "padding_mode": "circular"}
    check(kernel, [4], layer)
    assert convolution_norm(kernel, (4,), padding=2, padding_mode="circular") >= math.sqrt(2)


def test_strided_bound_is_tighter_than_dropping_the_stride():
    kernel = np.random.default_rng(6).standard_normal((16, 16, 3, 3))
    size = (24, 24)
    strided, plain = (convolution_norm(kernel, size, stride=s, padding=1) for s in (2, 1))
    assert convolution_norm_lower(kernel, size, stride=2, padding=1, steps=100) > 0.97 * strided
    assert strided < 0.9 * plain


@pytest.mark.parametrize("extra", [0, 1])
def test_transposed_convolution_is_the_adjoint(extra):
    kernel = np.random.default_rng(7).standard_normal((3, 2, 3, 2))
    size = transposed_output_size(kernel.shape, (4, 3), 2, 1, extra)
    assert size == (7 + extra, 4 + extra)
    dense = unroll(kernel, size, (2, 2), [(1, 1), (1, 1)], (1, 1), 1, "zeros")
    assert dense.shape[0] == 3 * 4 * 3
    truth = np.linalg.svd(dense, compute_uv=False)[0]
    assert truth * (1 - LAPACK) <= transposed_convolution_norm(kernel, (4, 3), 2, 1, extra) <= 1.0001 * truth


def test_same_padding_puts_the_odd_one_behind():
    kernel = np.random.default_rng(8).standard_normal((2, 2, 4))
    assert convolution_norm(kernel, (9,), padding="same") == convolution_norm(kernel, (9,), padding=[(1, 2)])
    assert convolution_norm(kernel, (9,), padding="valid") == convolution_norm(kernel, (9,))


@pytest.mark.parametrize("power", [-900, -1, 800])
def test_scaling_by_powers_of_two_is_exact(power):
    kernel = np.random.default_rng(9).standard_normal((4, 3, 3, 3))
    for norm in (convolution_norm, convolution_norm_lower, unrolled_frobenius, unrolled_row_norm_sum):
        assert norm(np.ldexp(kernel, power), (5, 5), padding=1) == math.ldexp(norm(kernel, (5, 5), padding=1), power)


def test_zero_kernels_and_outputs_that_see_only_padding():
    assert convolution_norm(np.zeros((2, 2, 3)), (5,)) == 0.0
    assert convolution_norm_lower(np.zeros((2, 2, 3)), (5,)) == 0.0
    assert unrolled_frobenius(np.zeros((2, 2, 3)), (5,)) == 0.0
    assert convolution_norm(np.ones((1, 1, 1)), (1,), stride=5, padding=[(1, 1)]) == 0.0


def test_one_tap_of_a_large_layer_is_its_matrix():
    kernel = np.random.default_rng(10).standard_normal((40, 50, 1, 1))
    truth = np.linalg.norm(kernel[:, :, 0, 0], 2)
    assert truth * (1 - LAPACK) <= convolution_norm(kernel, (32, 32)) <= truth * (1 + 1e-9)


@pytest.mark.parametrize(
    "layer",
    [
        {"padding": -1},
        {"padding": "full"},
        {"stride": 0},
        {"groups": 3},
        {"padding_mode": "mirror"},
        {"padding": 4, "padding_mode": "reflect"},
        {"dilation": 4},
        {"padding": (1, 2)},
    ],
)
def test_layers_that_do_not_fit_together(layer):
    with pytest.raises(ValueError, match="expected"):
        convolution_norm(np.ones((2, 2, 3)), (4,), **layer)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_kernels_that_are_not_finite(value):
    with pytest.raises(ValueError, match="expected"):
        convolution_norm(np.full((2, 2, 3), value), (4,))
