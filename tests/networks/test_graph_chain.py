"""What counts as a plain sequence of layers."""

from __future__ import annotations

import pytest
from torch import nn

from boundcheck.networks.modules import Normalize
from boundcheck.networks.norms import layer_norms
from boundcheck.networks.tracing import trace

POOL = nn.Sequential(nn.Unflatten(1, (2, 2)), nn.MaxPool1d(2), nn.Flatten())
KINDS = [("zeros", "conv"), ("circular", "conv"), ("reflect", "mirrored conv"), ("replicate", "mirrored conv")]


@pytest.mark.parametrize("last", [nn.ReLU(), nn.LeakyReLU(0.1), POOL])
def test_a_network_that_does_not_end_in_its_last_layer_is_no_chain(last: nn.Module) -> None:
    graph = trace(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), last), (3,))
    assert "follows" in str(graph.chain().reason)


def test_a_network_that_ends_in_its_last_layer_is_a_chain() -> None:
    graph = trace(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.Identity()), (3,))
    assert graph.chain().reason is None


@pytest.mark.parametrize("mode, kind", KINDS)
def test_padding_that_copies_positions_is_told_apart(mode: str, kind: str) -> None:
    graph = trace(nn.Sequential(nn.Conv1d(1, 1, 3, padding=1, padding_mode=mode), nn.Flatten(), nn.Linear(6, 2)), (1, 6))
    assert layer_norms(graph)["0"].kind == kind


def test_an_activation_after_fixed_constants_is_no_level_that_theorems_know() -> None:
    graph = trace(nn.Sequential(Normalize(0.5, 2.0), nn.ReLU(), nn.Linear(3, 2)), (3,))
    assert "fixed" in str(graph.chain().reason)
    assert trace(nn.Sequential(Normalize(0.5, 2.0), nn.Linear(3, 2)), (3,)).chain().reason is None


def test_a_normalization_of_its_own_has_constants_whatever_their_values() -> None:
    """Fresh, its shift is zero; what its network is must not hang on what training made of it."""
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 3, bias=False))
    assert trace(network, (4,)).has_bias
