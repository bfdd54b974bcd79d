"""Initial weights of the built-in networks."""

from __future__ import annotations

import math

import torch
from torch import nn

from boundcheck.networks.architectures import build


def test_xavier_weights_are_uniform_within_their_range_and_keep_signals() -> None:
    network = build("mlp", (200,), 10, seed=3, widths=[300, 300, 300], xavier=True)
    for layer in (module for module in network if isinstance(module, nn.Linear)):
        weight = layer.weight.detach()
        rows, columns = weight.shape
        limit = math.sqrt(6.0 / (rows + columns))
        assert float(weight.abs().max()) <= limit
        # Variance limit^2 / 3; that of the estimate over N weights is 4 limit^4 / (45 N), and 6 deviations are granted.
        assert abs(float((weight**2).mean()) - limit**2 / 3) < 6 * limit**2 * math.sqrt(4 / 45 / (rows * columns))
        assert not layer.bias.detach().any()


def test_only_weights_change_and_only_on_request() -> None:
    plain, xavier = (build("mlp", (20,), 3, seed=1, widths=[7], xavier=choice) for choice in (False, True))
    assert [tuple(p.shape) for p in plain.parameters()] == [tuple(p.shape) for p in xavier.parameters()]
    assert not torch.equal(plain[1].weight, xavier[1].weight)
    assert torch.equal(build("mlp", (20,), 3, seed=1, widths=[7])[1].weight, plain[1].weight)


def test_an_inception_without_batch_normalization_keeps_its_signals() -> None:
    network = build("inception", (3, 28, 28), 10, seed=0, scale=0.125, batchnorm=False)
    x = torch.randn(64, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before_last = network[:-1](x)
    # Under PyTorch's own weights, twenty layers leave a deviation over examples of some 5e-5 here.
    assert float(before_last.std(dim=0).max()) > 1e-2
