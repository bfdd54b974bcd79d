"""l1 norms of rows and entries against the matrix that torch applies, and what pools do to the largest coordinate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.networks.norms import layer_norms
from boundcheck.networks.tracing import trace


def unrolled(layer: nn.Module, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The matrix of an affine layer, one basis vector after the other, and its constant."""
    size = math.prod(shape)
    with torch.no_grad():
        constant = layer(torch.zeros(1, *shape, dtype=torch.float64)).reshape(-1).numpy()
        images = layer(torch.eye(size, dtype=torch.float64).reshape(size, *shape)).reshape(size, -1).numpy()
    return (images - constant).T, constant


@pytest.mark.parametrize(
    ("layer", "shape", "exact"),
    [
        (nn.Linear(5, 4), (5,), True),
        (nn.Linear(5, 4, bias=False), (5,), True),
        (nn.Linear(3, 2), (4, 3), True),
        (nn.Conv2d(2, 3, 3), (2, 5, 5), True),
        (nn.Conv2d(2, 4, 3, padding=1, stride=2, groups=2), (2, 6, 6), False),
        (nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), (1, 4, 4), False),
    ],
)
def test_rows_and_entries_of_the_unrolled_layer(layer: nn.Module, shape: tuple[int, ...], exact: bool) -> None:
    """Padding takes entries away from some rows or joins them, so that there the sum is only an upper bound."""
    layer = layer.double().eval()
    found = next(iter(layer_norms(trace(nn.Sequential(layer), shape)).values()))
    matrix, constant = unrolled(layer, shape)
    rows = np.abs(matrix).sum(axis=1) + np.abs(constant)
    assert found.max_row_l1 >= rows.max() * (1.0 - 1e-14)
    assert found.entry_l1 >= rows.sum() * (1.0 - 1e-14)
    if exact:
        assert found.max_row_l1 <= rows.max() * (1.0 + 1e-12)
        assert found.entry_l1 <= rows.sum() * (1.0 + 1e-12)


@pytest.mark.parametrize(
    ("step", "constant"),
    [
        (nn.ReLU(), 1.0),
        (nn.LeakyReLU(3.0), 3.0),
        (nn.MaxPool2d(3, 2), 1.0),
        (nn.AvgPool2d(2), 1.0),
        (nn.AvgPool2d(3, 1, 1), 1.0),
        (nn.AvgPool2d(2, divisor_override=3), 4.0 / 3.0),
        (nn.AdaptiveAvgPool2d(1), 1.0),
    ],
)
def test_what_follows_a_layer_does_to_the_largest_coordinate(step: nn.Module, constant: float) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), step, nn.Conv2d(2, 2, 1)).eval()
    found = next(iter(layer_norms(trace(network, (1, 8, 8))).values()))
    assert constant <= found.sup_lipschitz_after <= constant * (1.0 + 1e-14)
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image = step.double()(x)
    moved = float((image[0] - image[1]).abs().max() / (x[0] - x[1]).abs().max())
    assert moved <= found.sup_lipschitz_after
