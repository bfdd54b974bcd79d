"""Counting and peeling: reference values worked by hand, brute force, and invariances."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.networks import build, growth_layers, path_norm, trace
from boundcheck.networks.graph import Graph


def _records(module: nn.Module, shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
    found = growth_layers(trace(module, shape))
    assert not isinstance(found, str)
    return [(r.tests, r.degree, r.parameters) for r in found]


def test_counts_of_a_small_network_by_hand() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert _records(network, (2,)) == [(3, 1, 9), (1, 2, 13)]
    found = growth_layers(trace(network, (2,)))
    assert not isinstance(found, str)
    assert found[0].blocks == ((3, 1, 3),)
    assert found[1].blocks == ()


def test_counts_of_three_layers_and_ten_classes() -> None:
    assert _records(build("mlp", (784,), 10, widths=(100, 100)), (784,)) == [
        (100, 1, 78500),
        (100, 2, 88600),
        (9, 3, 89610),
    ]


def test_two_classes_test_the_difference_of_the_last_rows_only() -> None:
    assert _records(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), (4,)) == [(3, 1, 15), (1, 2, 19)]


def test_linear_classifier_is_one_block() -> None:
    found = growth_layers(trace(build("linear", (6,), 4), (6,)))
    assert not isinstance(found, str)
    assert [(r.tests, r.degree, r.parameters, r.blocks) for r in found] == [(3, 1, 28, ((1, 3, 28),))]


def test_convolution_counts_shared_weights_once_and_pool_pairs() -> None:
    # 5 channels of 8x8 units; 16 disjoint 2x2 windows a channel, 6 pairs each.
    network = nn.Sequential(nn.Conv2d(1, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(80, 3))
    found = growth_layers(trace(network, (1, 8, 8)))
    assert not isinstance(found, str)
    assert [(r.tests, r.degree, r.parameters) for r in found] == [(320 + 480, 1, 50), (2, 2, 293)]
    assert found[0].blocks == ((5, 64 + 96, 10),)


def test_pool_before_relu_needs_the_same_tests() -> None:
    after = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(45, 3))
    before = nn.Sequential(nn.Conv2d(1, 5, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(45, 3))
    assert _records(after, (1, 8, 8)) == _records(before, (1, 8, 8))


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), [(3, 2, 1, 1), (2, 1, 0, 1), (3, 1, 1, 2), (2, 2, 1, 1)])
def test_pairs_of_overlapping_windows_by_listing_them(kernel: int, stride: int, padding: int, dilation: int) -> None:
    pool = nn.MaxPool2d(kernel, stride, padding, dilation)
    network = nn.Sequential(nn.Conv2d(1, 2, 1), pool, nn.Flatten(), nn.LazyLinear(2))
    with torch.no_grad():
        network(torch.zeros(1, 1, 6, 7))
    found = growth_layers(trace(network, (1, 6, 7)))
    assert not isinstance(found, str)
    labels = torch.arange(42, dtype=torch.float64).reshape(1, 1, 6, 7)
    pairs = set()
    for i, j in itertools.combinations(range(42), 2):  # two positions share a window iff some output reads both
        reads = []
        for position in (i, j):
            hot = torch.zeros_like(labels)
            hot.view(-1)[position] = 1.0
            reads.append(nn.functional.max_pool2d(hot, kernel, stride, padding, dilation) > 0)
        if bool((reads[0] & reads[1]).any()):
            pairs.add((i, j))
    assert found[0].tests == 2 * len(pairs)


def test_pools_that_may_mix_units_get_no_blocks() -> None:
    mixing = nn.Sequential(nn.Linear(4, 16), nn.Unflatten(1, (4, 4)), nn.MaxPool1d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    found = growth_layers(trace(mixing, (4,)))
    assert not isinstance(found, str)
    assert found[0].blocks == ()


def test_shared_module_counts_once_but_raises_the_degree() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.relu(self.layer(torch.relu(self.layer(x)))))

    assert _records(Twice(), (4,)) == [(4, 1, 20), (4, 2, 20), (2, 3, 35)]


def test_realized_patterns_stay_below_the_count() -> None:
    # Loss patterns of 1-2-1 networks on three points, found by random search, against the sum of cells.
    found = growth_layers(trace(nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)), (1,)))
    assert not isinstance(found, str)
    points = np.array([-1.0, 0.3, 2.0, 2.5])
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(200_000, 7))
    hidden = np.maximum(draws[:, :2, None] * points + draws[:, 2:4, None], 0)
    values = (draws[:, 4:6, None] * hidden).sum(axis=1) + draws[:, 6:]
    realized = len(np.unique(values > 0, axis=0))
    n, log_count = len(points), 0.0
    for r in found:
        cells = sum(math.comb(r.tests * n, j) for j in range(r.parameters + 1))
        log_count += min(r.tests * n * math.log(2), math.log(2) + r.parameters * math.log(2 * r.degree) + math.log(cells))
    assert math.log(realized) <= log_count


def _path(module: nn.Module, shape: tuple[int, ...], nonnegative: bool = False) -> tuple[float, list[float], bool]:
    found = path_norm(trace(module, shape), nonnegative)
    assert not isinstance(found, str)
    return found.log_total, [c for _, c in found.levels], found.has_bias


def test_path_norm_worked_by_hand() -> None:
    # |W1| 1 + |b1| = (3.1, 1.2, 1.0); the next layer makes (4.4, 4.05) of it, the last 8.65.
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    weights = [
        [[1.0, -2.0], [0.5, 0.5], [-1.0, 0.0]], [0.1, -0.2, 0.0],
        [[1.0, 0.0, -1.0], [1.0, -0.5, 0.0]], [0.3, 0.35],
        [[1.0, -1.0]], [0.2],
    ]  # fmt: skip
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(value, dtype=torch.float64))
    log_total, factors, has_bias = _path(network, (2,))
    assert log_total >= math.log(8.65) - 1e-15
    assert log_total == pytest.approx(math.log(8.65), rel=1e-12)
    assert factors == [1.5, 1.5]
    assert has_bias


def _by_enumeration(graph: Graph) -> np.ndarray:
    """Sum of |product of weights| over all paths of a dense chain, path by path."""
    layers = list(graph.weights().values())
    total = np.zeros(len(layers[-1][0]))
    sizes = [layers[0][0].shape[1]] + [len(w) for w, _ in layers]
    for start, stop in itertools.product(range(len(layers) + 1), [len(layers)]):
        if start and layers[start - 1][1] is None:
            continue
        for path in itertools.product(*(range(s) for s in sizes[start : stop + 1])):
            value = 1.0 if not start else abs(layers[start - 1][1][path[0]])
            for (w, _), i, j in zip(layers[start:], path, path[1:], strict=False):
                value *= abs(w[j, i])
            total[path[-1]] += value
    return total


@pytest.mark.parametrize("bias", [True, False])
def test_path_norm_against_all_paths(bias: bool) -> None:
    graph = trace(build("mlp", (3,), 2, widths=(4, 3), bias=bias, seed=5), (3,))
    found = path_norm(graph)
    assert not isinstance(found, str)
    last, offset = list(graph.weights().values())[-1]
    raw = math.log(_by_enumeration(graph).sum())
    difference = trace(build("mlp", (3,), 2, widths=(4, 3), bias=bias, seed=5), (3,))
    node = difference.layers[-1]
    node.op.weight[:] = np.stack([last[1] - last[0], np.zeros_like(last[0])])  # type: ignore[union-attr]
    if offset is not None:
        node.op.bias[:] = [offset[1] - offset[0], 0.0]  # type: ignore[union-attr, index]
    scalar = math.log(_by_enumeration(difference).sum())
    # Centring two classes gives the path norm of the difference of the outputs.
    assert scalar <= raw
    assert scalar <= found.log_total <= scalar + 1e-12
    assert found.has_bias is bias


def test_path_norm_ignores_rescaling_and_order_of_neurons() -> None:
    network = build("mlp", (5,), 3, widths=(7, 6), seed=1).double()
    base = _path(network, (5,))[0]
    linears = [m for m in network if isinstance(m, nn.Linear)]
    with torch.no_grad():
        order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
        scale = 2.0 ** torch.arange(-3, 4, dtype=torch.float64)
        linears[0].weight.copy_((linears[0].weight * scale[:, None])[order])
        linears[0].bias.copy_((linears[0].bias * scale)[order])
        linears[1].weight.copy_((linears[1].weight / scale)[:, order])
    assert _path(network, (5,))[0] == pytest.approx(base, abs=1e-12)


def test_convolution_and_pool_by_a_dense_network() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(18, 3))
    conv, head = network[0].double(), network[4].double()
    assert isinstance(conv, nn.Conv2d)
    ones = torch.ones(1, 1, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        maps = nn.functional.conv2d(ones, conv.weight.abs(), conv.bias.abs(), padding=1)  # type: ignore[union-attr]
        pooled = nn.functional.conv2d(maps, torch.ones(2, 1, 3, 3).double(), stride=2, padding=1, groups=2)
        raw = (pooled.flatten(1) @ head.weight.abs().T + head.bias.abs()).sum()  # type: ignore[operator, union-attr]
        centred = head.weight - head.weight.mean(dim=0), head.bias - head.bias.mean()  # type: ignore[operator]
        other = (pooled.flatten(1) @ centred[0].abs().T + centred[1].abs()).sum()
    log_total, factors, _ = _path(network, (1, 5, 5))
    assert log_total == pytest.approx(min(raw.log().item(), other.log().item()), abs=1e-12)
    assert log_total >= min(raw.log().item(), other.log().item()) - 1e-15
    assert factors == [18.0]  # a ReLU and a pool of window 9: the floor at 0 covers the bias too
    found = path_norm(trace(network, (1, 5, 5)))
    assert not isinstance(found, str)
    assert found.windows == (9,)
    plain = path_norm(trace(build("mlp", (5,), 3, widths=(7, 6), seed=1), (5,)))
    assert not isinstance(plain, str)
    assert plain.windows == (1, 1)


@pytest.mark.parametrize(
    ("layers", "nonnegative", "factors"),
    [
        ([nn.Linear(8, 8), nn.LeakyReLU(0.5), nn.Linear(8, 2)], False, [1.25]),
        # The bias of the last layer is carried past the pool; nothing else is.
        ([nn.Linear(8, 8, bias=False), nn.Unflatten(1, (1, 8)), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(4, 2)], False, [5.0]),
        ([nn.Linear(8, 8), nn.Unflatten(1, (1, 8)), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(4, 2, bias=False)], False, [4.0]),
        ([nn.Linear(8, 8), nn.Unflatten(1, (1, 8)), nn.MaxPool1d(2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2)], False, [4.0]),
        # A leaky activation is a level of its own before the pool.
        ([nn.Linear(8, 8), nn.LeakyReLU(0.5), nn.Unflatten(1, (1, 8)), nn.MaxPool1d(2), nn.Flatten(),
          nn.Linear(4, 2, bias=False)], False, [1.25, 4.0]),
    ],
)  # fmt: skip
def test_factors_of_levels(layers: list[nn.Module], nonnegative: bool, factors: list[float]) -> None:
    assert _path(nn.Sequential(*layers), (8,), nonnegative)[1] == factors


class _Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.second, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.inner(x))
        return self.head(torch.relu(self.second(h) + h) + x)


def test_signed_input_carried_past_levels_costs_more_than_a_non_negative_one() -> None:
    assert _path(_Skip(), (4,))[1] == [2.0, 2.0]
    assert _path(_Skip(), (4,), nonnegative=True)[1] == [1.5, 1.5]


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_path_norm_beyond_the_range_of_floats(scale: float) -> None:
    network = build("mlp", (5,), 3, widths=(6, 6, 6), bias=False, seed=2).double()
    base = _path(network, (5,))[0]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
    assert _path(network, (5,))[0] == pytest.approx(base + 4 * math.log(scale), rel=1e-12)


def test_reasons_instead_of_numbers() -> None:
    smooth = trace(nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)), (4,))
    for found in (path_norm(smooth), growth_layers(smooth)):
        assert isinstance(found, str)
        assert "GELU" in found
    steep = trace(nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(2.0), nn.Linear(4, 2)), (4,))
    assert isinstance(path_norm(steep), str)


@pytest.mark.parametrize("network", [nn.Flatten(), nn.Sequential(nn.ReLU())])
def test_a_network_without_parameters_has_nothing_to_count(network: nn.Module) -> None:
    """A level of degree 0 in no parameters once stopped every bound that counts."""
    assert growth_layers(trace(network, (3,))) == "it has no parameters"
