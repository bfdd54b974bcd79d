"""Signals beside each other: the same numbers as the one layer whose rows are those of all branches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.networks import trace
from boundcheck.networks.graph import Graph
from boundcheck.networks.growth import growth_layers
from boundcheck.networks.interpreter import forward
from boundcheck.networks.levels import find_levels
from boundcheck.networks.margin import margins
from boundcheck.networks.ops import Concatenation
from boundcheck.networks.path import path_norm
from boundcheck.networks.wiring import graph_steps


class Beside(nn.Module):
    """Two layers beside each other, then a ReLU and a layer on both."""

    def __init__(self, first: nn.Module, second: nn.Module, head: nn.Module, dim: int = 1) -> None:
        super().__init__()
        self.first, self.second, self.head, self.dim = first, second, head, dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(torch.cat([self.first(x), self.second(x)], dim=self.dim))
        return y


def pair(seed: int, relu_inside: bool, bias: bool = True) -> tuple[Graph, Graph]:
    """A network with a concatenation, and the plain one that computes the same."""
    torch.manual_seed(seed)
    one, two, last = nn.Linear(5, 3, bias=bias), nn.Linear(5, 4, bias=bias), nn.Linear(7, 3, bias=bias)
    stacked = nn.Linear(5, 7, bias=bias)
    with torch.no_grad():
        stacked.weight.copy_(torch.cat([one.weight, two.weight]))
        if bias:
            stacked.bias.copy_(torch.cat([one.bias, two.bias]))
    if relu_inside:
        module = Beside(nn.Sequential(one, nn.ReLU()), nn.Sequential(two, nn.ReLU()), last)
    else:
        module = Beside(one, two, nn.Sequential(nn.ReLU(), last))
    return trace(module, (5,)), trace(nn.Sequential(stacked, nn.ReLU(), last), (5,))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("relu_inside", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_branches_are_one_layer_with_all_their_rows(seed: int, relu_inside: bool, bias: bool) -> None:
    beside, stacked = pair(seed, relu_inside, bias)
    assert beside.unplaced == ()
    assert sum(isinstance(node.op, Concatenation) for node in beside.nodes) == 1
    assert beside.parameters == stacked.parameters
    assert beside.has_bias == stacked.has_bias == bias
    x, y = torch.randn(9, 5, dtype=torch.float64), np.arange(9) % 3
    # Sums of at most 8 products in float64.
    assert torch.allclose(forward(beside, x), forward(stacked, x), rtol=1e-13, atol=1e-13)
    assert margins(beside, x, y) == pytest.approx(margins(stacked, x, y), rel=1e-11, abs=1e-11)
    for nonnegative in (True, False):
        ours, theirs = path_norm(beside, nonnegative), path_norm(stacked, nonnegative)
        assert not isinstance(ours, str)
        assert not isinstance(theirs, str)
        # Each is rounded up by some thousand units.
        assert ours.log_total == pytest.approx(theirs.log_total, abs=1e-11)
        assert [factor for _, factor in ours.levels] == [factor for _, factor in theirs.levels]
    ours, theirs = growth_layers(beside), growth_layers(stacked)
    assert [(a.tests, a.degree, a.parameters) for a in ours] == [(a.tests, a.degree, a.parameters) for a in theirs]


def test_the_path_norm_is_the_sum_over_paths() -> None:
    """Branches of different depths and sizes: a shallow one, a deep one with weights near 1e150, and the input itself."""
    generator = np.random.default_rng(0)
    a, b, c = generator.normal(size=(2, 3)), 1e150 * generator.normal(size=(4, 3)), generator.normal(size=(1, 9))

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 2, bias=False), nn.Linear(3, 4, bias=False), nn.Linear(9, 1, bias=False)
            with torch.no_grad():
                for layer, weight in zip((self.a, self.b, self.c), (a, b, c), strict=True):
                    layer.double().weight.copy_(torch.from_numpy(weight))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.c(torch.cat((self.a(x), torch.relu(self.b(x)), x), dim=-1))

    found = path_norm(trace(Mixed(), (3,)))
    paths = np.abs(c) @ np.concatenate([np.abs(a) @ np.ones(3), np.abs(b) @ np.ones(3), np.ones(3)])
    assert not isinstance(found, str)
    assert math.log(paths[0]) <= found.log_total <= math.log(paths[0]) + 1e-11


def test_maps_stand_beside_each_other_along_any_axis() -> None:
    first, second = nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(3, 1, padding=1)
    for dim, sizes in ((1, (5, 4, 4)), (-3, (5, 4, 4))):
        graph = trace(Beside(first, second, nn.Flatten(), dim), (2, 4, 4))
        (node,) = (node for node in graph.nodes if isinstance(node.op, Concatenation))
        assert (node.op.axis, node.shape) == (0, sizes)
        assert len(node.inputs) == 2
        assert next(step for step in graph_steps(graph) if step.name == node.name).lipschitz == 1.0
    wide = trace(Beside(nn.ReLU(), nn.Identity(), nn.Flatten(), 3), (2, 4, 4))
    assert next(node for node in wide.nodes if isinstance(node.op, Concatenation)).shape == (2, 4, 8)
    assert "input" not in find_levels(wide).nonnegative


def test_beside_itself_is_read_twice() -> None:
    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, x], 1)

    graph = trace(Twice(), (2,))
    assert graph.consumers["input"] == (graph.output, graph.output)
    assert graph.chain().reason is not None
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    assert forward(graph, x).tolist() == [[1.0, 2.0, 1.0, 2.0]]


class _Odd(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.row = kind, nn.Parameter(torch.ones(3, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kind == "constant":
            return torch.cat([x, self.row], 1)
        if self.kind == "one":
            return torch.cat([x], 1)
        if self.kind == "batch":
            return torch.cat([x, x])
        return torch.cat([x, x], 0)


@pytest.mark.parametrize("kind", ["constant", "one", "batch", "rows"])
def test_what_else_is_concatenated_is_not_placed(kind: str) -> None:
    assert trace(_Odd(kind), (2,)).unplaced
