"""The convolutional networks of the paper: their numbers of parameters are those that it prints."""

from __future__ import annotations

import pytest
import torch

from boundcheck.errors import InputError
from boundcheck.networks import build, trace
from boundcheck.networks.interpreter import forward


def parameters(name: str, shape: tuple[int, ...] = (3, 28, 28), **settings: object) -> int:
    return sum(p.numel() for p in build(name, shape, 10, **settings).parameters())


def test_the_numbers_of_table_1() -> None:
    assert parameters("alexnet", channels=(64, 64), widths=(384, 192)) == 1_387_786
    assert parameters("inception", scale=1, batchnorm=False) == 1_649_402
    assert parameters("mlp", widths=(512, 512, 512)) == 1_735_178
    assert parameters("mlp", widths=(512,)) == 1_209_866
    channels = 96 + 64 + 80 + 80 + 160 + 160 + 160 + 144 + 96 + 336 + 336  # of the convolutions: one scale each
    assert parameters("inception", scale=1) == 1_649_402 + channels


@pytest.mark.parametrize("name", ["alexnet", "inception"])
@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 28, 28), (8, 8), (3, 7, 5)])
def test_any_image(name: str, shape: tuple[int, ...]) -> None:
    network = build(name, shape, 7).eval()
    assert network(torch.zeros(2, *shape)).shape == (2, 7)
    with pytest.raises(InputError, match="images"):
        build(name, (64,), 7)


def test_what_the_canonical_view_makes_of_them() -> None:
    assert trace(build("alexnet", (1, 12, 12), 3, dropout=0.5).eval(), (1, 12, 12)).unplaced == ()
    network = build("inception", (1, 12, 12), 3, scale=0.05, dropout=0.5).eval()
    graph = trace(network, (1, 12, 12))
    assert graph.unplaced == ()
    assert "skip" in str(graph.chain().reason)
    x = torch.rand(2, 1, 12, 12, dtype=torch.float64)
    # Float64 has 16 digits, of which sums of a few hundred products lose two or three.
    assert torch.allclose(forward(graph, x), network.double()(x), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["mlp", "alexnet", "inception"])
def test_dropout_is_drawn_while_training_only(name: str) -> None:
    network, x = build(name, (1, 12, 12), 3, dropout=0.5), torch.rand(4, 1, 12, 12)
    same = build(name, (1, 12, 12), 3).state_dict()
    assert [v.shape for v in same.values()] == [v.shape for v in network.state_dict().values()]
    assert torch.equal(network.eval()(x), network(x))
    torch.manual_seed(0)
    assert not torch.equal(network.train()(x), network(x))
