"""What comes before anything random is evaluated once, and the rest is the same network."""

from __future__ import annotations

import torch
from torch import nn

from boundcheck.networks.frozen import Parts


def test_a_chain_is_cut_before_its_first_random_layer() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    drawn = ("3.weight", "5.weight", "5.bias")
    x = torch.rand(2000, 2, 3)
    parts = Parts.of(network, drawn)
    assert parts.before is not None
    assert [name for name, _ in parts.rest.named_parameters()] == ["3.weight", "3.bias", "5.weight", "5.bias"]
    assert torch.allclose(parts.rest(parts.features(x)), network(x), atol=1e-6)  # float32, other blocks of rows


def test_what_can_not_be_cut_stays_whole() -> None:
    shared = nn.Linear(3, 3)
    for network, drawn in (
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU()), ("0.weight",)),
        (nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(3, 1)), ("3.weight",)),
        (nn.Linear(3, 2), ("weight",)),
    ):
        parts = Parts.of(network, drawn)
        assert parts.before is None
        assert parts.rest is network
        x = torch.rand(4, 3)
        assert parts.features(x) is x
