"""Deeper and narrower networks: the same values, O(n/k) wide, checked layer by layer in rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.constructions.direction import Line, separating_line
from boundcheck.constructions.exact import exact_layers, rational
from boundcheck.constructions.zhang2017deep import deep_network, linear
from boundcheck.errors import InputError


def through_fractions(network: nn.Sequential, points: np.ndarray) -> list[Fraction]:
    """Outputs by rational arithmetic on lists, entry by entry."""
    found = []
    for row in points.tolist():
        values = [Fraction(v) for v in row]
        for layer in network:
            if isinstance(layer, nn.ReLU):
                values = [max(v, Fraction(0)) for v in values]
                continue
            biases = [0.0] * len(layer.weight) if layer.bias is None else layer.bias.tolist()
            values = [
                sum((Fraction(w) * v for w, v in zip(weights, values, strict=True) if w), Fraction(b))
                for weights, b in zip(layer.weight.tolist(), biases, strict=True)
            ]
        found.append(values[0])
    return found


def problem(n: int, d: int, dtype: Any, seed: int = 0) -> tuple[np.ndarray, Line, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (n, d)).astype(dtype) if np.dtype(dtype).kind == "u" else rng.standard_normal((n, d)).astype(dtype)
    line = separating_line(x)
    return x[line.rows], line, rng.integers(0, 10, n).astype(float)


@pytest.mark.parametrize("hidden", [2, 3, 7, 24, 25])
def test_exact_values_at_every_depth(hidden: int) -> None:
    x, line, y = problem(24, 3, np.uint8)
    network = deep_network(line, y, hidden)
    assert through_fractions(network, x) == y.tolist()
    whole, unit = exact_layers(network, x)
    assert [rational(v, unit) for v in whole] == y.tolist()


@pytest.mark.parametrize("hidden", [2, 5, 21])
def test_floats_of_many_bits(hidden: int) -> None:
    x, line, y = problem(20, 3, np.float64)
    network = deep_network(line, y, hidden)
    exact = through_fractions(network, x)
    assert max(abs(v - Fraction(t)) for v, t in zip(exact, y.tolist(), strict=True)) < 1e-11
    whole, unit = exact_layers(network, x)
    assert [rational(v, unit) for v in whole] == exact
    with torch.no_grad():
        # Sums of hinges of up to |w| * range, about 1e6, in float64.
        np.testing.assert_allclose(network(torch.from_numpy(x))[:, 0].numpy(), y, atol=1e-8)


@pytest.mark.parametrize("hidden", [2, 5, 10, 50])
def test_width_depth_and_weights_are_as_promised(hidden: int) -> None:
    n, d = 100, 8
    _, line, y = problem(n, d, np.uint8)
    network = deep_network(line, y, hidden)
    widths = [layer.out_features for layer in network if isinstance(layer, nn.Linear)][:-1]
    m = math.ceil(n / (hidden - 1))
    assert len(widths) == hidden
    assert max(widths) <= m + 3
    used = sum(int((p != 0).sum()) for p in network.parameters())
    assert used <= 3 * n + 6 * hidden + d + 2


def test_a_single_point_and_constant_values() -> None:
    for y in (np.zeros(5), np.full(5, 3.0)):
        line = separating_line(np.arange(5)[:, None])
        assert through_fractions(deep_network(line, y, 3), np.arange(5)[:, None]) == y.tolist()
    line = separating_line(np.array([[7]]))
    assert through_fractions(deep_network(line, np.array([2.0]), 2), np.array([[7]])) == [2.0]


def test_depths_that_do_not_exist_are_refused() -> None:
    _, line, y = problem(10, 2, np.uint8)
    for hidden in (1, 12):
        with pytest.raises(InputError, match="2 to 11 hidden layers"):
            deep_network(line, y, hidden)


def test_layers_of_another_kind_are_refused() -> None:
    x = np.ones((2, 1))
    with pytest.raises(TypeError, match="Tanh"):
        exact_layers(nn.Sequential(linear(np.ones((1, 1)), None), nn.Tanh()), x)
    with pytest.raises(TypeError, match="ReLU"):
        exact_layers(nn.Sequential(nn.ReLU()), x)
