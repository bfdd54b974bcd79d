"""The geometry of a network against dense matrices, closed forms and differences."""

from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from boundcheck.evidence.measure_geometry import measure_geometry, sample_rows
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.graph import Graph
from boundcheck.networks.reweighted import Reweighted
from boundcheck.networks.tracing import trace


def small(bias: bool) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 9, bias=bias), nn.ReLU(), nn.Linear(9, 7, bias=bias), nn.ReLU(), nn.Linear(7, 3, bias=bias))


def convolutional() -> nn.Sequential:
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    net(torch.randn(20, 2, 6, 6))  # running statistics that are not the initial ones
    return net.eval()


def sample(shape: tuple[int, ...], n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, *shape)), rng.integers(3, size=n)


def graph(net: nn.Module, shape: tuple[int, ...]) -> Graph:
    return trace(net.double().eval(), shape)


def moved(net: nn.Module) -> nn.Module:
    other = copy.deepcopy(net)
    torch.manual_seed(5)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return other


def test_without_constants_the_derivative_along_the_weights_is_depth_times_the_outputs() -> None:
    net, (x, y) = small(bias=False), sample((6,))
    found = measure_geometry(graph(net, (6,)), None, x, y, seed=0, effort="quick")
    outputs = net(torch.from_numpy(x)).detach().numpy()
    p = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1.0
    assert found.fisher_rao == pytest.approx(float(((3.0 * (p * outputs).sum(axis=1)) ** 2).mean()), rel=1e-12)
    assert found.rows == 40


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_fisher_rao_is_the_mean_square_of_single_gradients(kind: str) -> None:
    net, shape = (small(bias=True), (6,)) if kind == "dense" else (convolutional(), (2, 6, 6))
    x, y = sample(shape)
    g = graph(net, shape)
    found = measure_geometry(g, None, x, y, seed=0, effort="quick")
    network = Reweighted(g, torch.float64)
    weights = [t.requires_grad_(True) for t in network.tensors()]
    total = 0.0
    for row, label in zip(x, y, strict=True):
        loss = F.cross_entropy(network.forward(weights, torch.from_numpy(row[None])), torch.tensor([label]))
        total += sum(float((w.detach() * s).sum()) for w, s in zip(weights, torch.autograd.grad(loss, weights), strict=True)) ** 2
    assert found.fisher_rao == pytest.approx(total / len(x), rel=1e-10)


def test_a_single_output_has_the_logistic_loss() -> None:
    torch.manual_seed(0)
    net, (x, y) = nn.Sequential(nn.Linear(6, 1, bias=False)), sample((6,))
    y = y % 2
    found = measure_geometry(graph(net, (6,)), None, x, y, seed=0, effort="quick")
    f = net(torch.from_numpy(x)).detach().numpy()[:, 0]
    assert found.fisher_rao == pytest.approx(float((((1 / (1 + np.exp(-f)) - y) * f) ** 2).mean()), rel=1e-12)


def test_norms_of_a_dense_network() -> None:
    net, (x, y) = small(bias=True), sample((6,))
    initial = moved(net)
    found = measure_geometry(graph(net, (6,)), graph(initial, (6,)), x, y, seed=0, effort="quick")
    a, b, c = (m.weight.detach().numpy() for m in net if isinstance(m, nn.Linear))
    biases = [m.bias.detach().numpy() for m in net if isinstance(m, nn.Linear)]
    theirs = [m.weight.detach().numpy() for m in initial if isinstance(m, nn.Linear)]
    assert found.difference_spectral is not None
    distances = [np.linalg.norm(w - v, 2) for w, v in zip((a, b, c), theirs, strict=True)]
    assert list(found.difference_spectral.values()) == pytest.approx(distances, rel=1e-9)
    squares = a**2 @ np.ones(6) + biases[0] ** 2
    squares = c**2 @ (b**2 @ squares + biases[1] ** 2) + biases[2] ** 2
    assert found.log_squared_path == pytest.approx(math.log(squares.sum()), rel=1e-12)
    assert found.last_row_norm == pytest.approx(np.linalg.norm(c, axis=1).max(), rel=1e-12)
    h1 = np.maximum(x @ a.T + biases[0], 0)
    h2 = np.maximum(h1 @ b.T + biases[1], 0)
    gains = [(np.linalg.norm(h @ w.T, axis=1) / np.linalg.norm(h, axis=1)).min() for h, w in ((x, a), (h1, b), (h2, c))]
    assert list(found.least_gain.values()) == pytest.approx(gains, rel=1e-12)


def test_the_distance_of_a_convolution_is_that_of_its_unrolled_map() -> None:
    net = convolutional()
    initial = moved(net)
    shape = (2, 6, 6)
    x, y = sample(shape)
    ours, theirs = graph(net, shape), graph(initial, shape)
    found = measure_geometry(ours, theirs, x, y, seed=0, effort="quick")
    assert found.difference_spectral is not None
    name = ours.layers[1].name
    eye = torch.eye(4 * 2 * 2, dtype=torch.float64).reshape(-1, 4, 2, 2)
    maps = [F.conv2d(eye, torch.from_numpy(g.by_name[name].op.weight), None, padding=1, groups=2) for g in (ours, theirs)]
    exact = np.linalg.norm((maps[0] - maps[1]).reshape(16, -1).numpy(), 2)
    # From above, and within the 5 % that certified norms of convolutions are held to.
    assert exact <= found.difference_spectral[name] <= 1.05 * exact


def test_rows_are_drawn_without_replacement_and_by_the_seed() -> None:
    rows = sample_rows(1000, 50, 7)
    assert len(set(rows.tolist())) == 50
    assert np.array_equal(rows, sample_rows(1000, 50, 7))
    assert not np.array_equal(rows, sample_rows(1000, 50, 8))
    assert np.array_equal(sample_rows(10, 50, 7), np.arange(10))


def test_what_is_not_placed_has_no_geometry() -> None:
    net = nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 3))
    x, y = sample((6,))
    with pytest.raises(Unavailable, match="1"):
        measure_geometry(graph(net, (6,)), None, x, y, seed=0, effort="quick")


def test_a_quick_look_refuses_what_takes_long() -> None:
    net = nn.Sequential(nn.Conv2d(16, 64, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))
    g = graph(net, (16, 256, 256))
    with pytest.raises(Unavailable, match="longer"):
        measure_geometry(g, None, np.zeros((1, 16, 256, 256)), np.zeros(1, dtype=np.int64), seed=0, effort="quick")


def test_reweighted_is_the_network_and_sees_the_weights_of_a_module_used_twice_once() -> None:
    net, shape = convolutional().double(), (2, 6, 6)
    x, _ = sample(shape)
    network = Reweighted(trace(net, shape), torch.float64)
    with torch.no_grad():
        outputs = network.forward(network.tensors(), torch.from_numpy(x))
        assert torch.allclose(outputs, net(torch.from_numpy(x)), rtol=1e-12, atol=1e-12)
    shared = nn.Linear(6, 6)
    twice = nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(6, 3)).double()
    found = Reweighted(trace(twice, (6,)), torch.float64)
    assert [a.shape for a in found.arrays] == [(6, 6), (6,), (3, 6), (3,)]
    changed = found.tensors()
    changed[0] = torch.zeros_like(changed[0])
    with torch.no_grad():
        shared.weight.zero_()
        expected = twice(torch.from_numpy(x[:, 0, 0]))
        assert torch.allclose(found.forward(changed, torch.from_numpy(x[:, 0, 0])), expected, rtol=1e-12, atol=1e-12)


def test_differences_stand_in_the_places_of_the_weights() -> None:
    net = small(bias=True)
    initial = moved(net)
    network = Reweighted(graph(net, (6,)), torch.float64)
    found = network.differences(graph(initial, (6,)))
    expected = [(p - q).detach().double().numpy() for p, q in zip(net.parameters(), initial.parameters(), strict=True)]
    for ours, theirs in zip(found, expected, strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-15)


def test_a_record_holds_what_was_measured() -> None:
    net, (x, y) = small(bias=True), sample((6,))
    once = measure_geometry(graph(net, (6,)), None, x, y, seed=0, effort="full")
    assert once == measure_geometry(graph(net, (6,)), None, x, y, seed=0, effort="quick")
    assert once.difference_spectral is None
    assert all(math.isfinite(v) for v in dataclasses.asdict(once)["least_gain"].values())
