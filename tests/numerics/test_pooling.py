"""Pooling constants against matrices and windows written out by loops, and against attained differences."""

import itertools
import math

import numpy as np
import pytest

from boundcheck.numerics.pooling import adaptive_average_pool_norm, average_pool_norm, max_pool_norm


def windows(size, kernel, stride, pad, dilation=1):
    """The pixels of each window of a line."""
    count = (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
    return [[p for t in range(kernel) if 0 <= (p := j * stride + t * dilation - pad) < size] for j in range(count)]


AVERAGES = list(itertools.product([4, 7, 8], [1, 2, 3], [1, 2, 3], [0, 1], [0, 1]))
SETTINGS = list(itertools.product([4, 7, 8], [1, 2, 3], [1, 2, 3], [0, 1], [1, 2]))


def test_known_constants():
    assert max_pool_norm(2, (8, 8)) == 1.0
    assert max_pool_norm(3, (8, 8), stride=2) == 2.0  # a pixel in four windows
    assert max_pool_norm(3, (8, 8), stride=1, padding=1) == 3.0
    assert 0.5 <= average_pool_norm(2, (8, 8)) <= 0.5 * (1 + 1e-12)
    assert 1 / 7 <= average_pool_norm(7, (7, 7)) <= (1 + 1e-12) / 7
    assert 1 / 7 <= adaptive_average_pool_norm((1, 1), (7, 7)) <= (1 + 1e-12) / 7
    # In ceil mode a last window of one column: average of one pixel, so the norm is 1 along that axis.
    assert average_pool_norm(2, (5,), ceil_mode=True) == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize("size, kernel, stride, pad, dilation", SETTINGS)
def test_max_pool_counts_windows_and_the_constant_is_attained(size, kernel, stride, pad, dilation):
    if pad > kernel // 2 or size + 2 * pad < dilation * (kernel - 1) + 1:
        return
    groups = windows(size, kernel, stride, pad, dilation)
    bound = max_pool_norm(kernel, (size,), stride, pad, dilation)
    stretched = []
    for pixel in range(size):
        raised = np.zeros(size)
        raised[pixel] = 1.0
        outputs = [max((raised[p] for p in group), default=0.0) for group in groups]
        stretched.append(np.linalg.norm(outputs))
    assert max(stretched) * (1 - 1e-15) <= bound <= max(stretched) * (1 + 1e-15)


def test_max_pool_never_stretches_more():
    rng = np.random.default_rng(0)
    groups = windows(9, 3, 2, 1)
    bound = max_pool_norm(3, (9,), 2, 1)
    for _ in range(500):
        x, y = rng.standard_normal(9), rng.standard_normal(9)
        difference = [max(x[p] for p in g) - max(y[p] for p in g) for g in groups]
        assert np.linalg.norm(difference) <= bound * np.linalg.norm(x - y)


@pytest.mark.parametrize("size, kernel, stride, pad, include", AVERAGES)
def test_average_pool_in_two_dimensions_is_the_norm_of_its_matrix(size, kernel, stride, pad, include):
    if pad > kernel // 2:
        return
    groups = windows(size, kernel, stride, pad)
    rows = []
    for first, second in itertools.product(groups, groups):
        row = np.zeros((size, size))
        row[np.ix_(first, second)] = 1 / (kernel**2 if include else len(first) * len(second))
        rows.append(row.ravel())
    truth = np.linalg.svd(np.array(rows), compute_uv=False)[0]
    bound = average_pool_norm(kernel, (size, size), stride, pad, count_include_pad=bool(include))
    assert truth * (1 - 1e-12) <= bound <= truth * (1 + 1e-9)  # 1e-12: what LAPACK can be off by
    if include:
        other = average_pool_norm(kernel, (size, size), stride, pad, divisor_override=5)
        assert other == pytest.approx(truth * kernel**2 / 5, rel=1e-9)


@pytest.mark.parametrize("outputs, size", [(1, 5), (2, 5), (3, 7), (7, 7), (5, 3)])
def test_adaptive_average_pool(outputs, size):
    matrix = np.zeros((outputs, size))
    for i in range(outputs):
        start, end = math.floor(i * size / outputs), math.ceil((i + 1) * size / outputs)
        matrix[i, start:end] = 1 / (end - start)
    truth = np.linalg.svd(matrix, compute_uv=False)[0]
    assert truth * (1 - 1e-13) <= adaptive_average_pool_norm((outputs,), (size,)) <= truth * (1 + 1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: max_pool_norm(0, (5,)),
        lambda: max_pool_norm(6, (5,)),
        lambda: average_pool_norm(2, (5,), stride=0),
        lambda: average_pool_norm(2, (5,), divisor_override=0),
        lambda: adaptive_average_pool_norm((0,), (5,)),
    ],
)
def test_settings_that_do_not_fit(call):
    with pytest.raises(ValueError, match="expected"):
        call()
