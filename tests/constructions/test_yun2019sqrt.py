"""The network with about 4 sqrt(n) hidden units."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from torch import nn

from boundcheck.constructions.direction import separating_line
from boundcheck.constructions.exact import exact_layers, rational
from boundcheck.constructions.yun2019sqrt import sqrt_network


def exact_values(network: nn.Sequential, x: np.ndarray) -> list[float]:
    whole, unit = exact_layers(network, x)
    return [float(rational(v, unit)) for v in whole]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 12, 16, 17, 120])
def test_every_value_exactly(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.choice(10_000, n, replace=False)[:, None], rng.integers(-9, 10, n).astype(float)
    line = separating_line(x)
    assert exact_values(sqrt_network(line, y[line.rows]), x[line.rows]) == y[line.rows].tolist()


@pytest.mark.parametrize("n", [16, 100, 120, 400, 1000])
def test_units_and_weights(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 256, (n, 6), dtype=np.uint8), rng.integers(0, 10, n).astype(float)
    line = separating_line(x)
    network = sqrt_network(line, y)
    hidden = [a.out_features for a, b in itertools.pairwise(network) if isinstance(b, nn.ReLU)]
    # q = 2 ceil(sqrt(n) / 2) < sqrt(n) + 2 and p <= sqrt(n) + 1 blocks: 2p - 1 and 2q units.
    assert len(hidden) == 2
    assert sum(hidden) <= 4 * math.sqrt(n) + 5
    assert sum(int((p != 0).sum()) for p in network.parameters()) <= 4 * n + 20 * math.sqrt(n) + 30
    assert exact_values(network, x[line.rows]) == y.tolist()


def test_real_values_to_the_precision_of_floats() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 3)), 1e3 * rng.standard_normal(50)
    line = separating_line(x)
    # Slopes of 2 / gap act on projections rounded by half a last bit: relative errors of 2**-52 * range / gap, below 1e-10 here.
    np.testing.assert_allclose(exact_values(sqrt_network(line, y), x[line.rows]), y, atol=1e-6)


def test_all_values_zero() -> None:
    line = separating_line(np.arange(6)[:, None])
    assert exact_values(sqrt_network(line, np.zeros(6)), np.arange(6)[:, None]) == [0.0] * 6
