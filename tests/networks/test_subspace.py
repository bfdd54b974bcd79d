"""Networks in a random subspace and of low rank: what is learned, what is fixed, and what a message holds."""

from __future__ import annotations

import math

import pytest
import torch

from boundcheck.compression.arithmetic import Layout, decode_words, encode
from boundcheck.compression.code import decode
from boundcheck.compression.settings import CodeTraining
from boundcheck.compression.training import CodeDescent, Stand
from boundcheck.errors import InputError
from boundcheck.networks import build, rebuild
from boundcheck.networks.architectures import describe
from boundcheck.networks.mistakes import program_mistakes


def sample(n: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] + x[:, 1] > 0).long()


def small(dimension: int = 40, seed: int = 1) -> torch.nn.Module:
    return build("subspace", (6,), 2, seed=seed, dimension=dimension, settings={"widths": [8]}).eval()


def test_at_the_origin_it_is_the_network_inside() -> None:
    network, (x, _) = small(), sample()
    inside = network.inside[0]
    with torch.no_grad():
        assert torch.equal(network(x), inside(x))
    assert [tuple(p.shape) for p in network.parameters()] == [(40,)]


def test_weights_are_linear_in_the_coordinates() -> None:
    network, (x, _) = small(), sample()

    def first_layer(z: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            network.coordinates.copy_(z)
            flat = network.start + (network.coordinates[network.which] * network.signs).sum(dim=1)
        return flat

    source = torch.Generator().manual_seed(3)
    a, b = torch.randn(40, generator=source), torch.randn(40, generator=source)
    zero = first_layer(torch.zeros(40))
    assert torch.allclose(first_layer(a) + first_layer(b) - zero, first_layer(a + b), atol=1e-5)
    before = network(x)
    first_layer(a)
    assert not torch.equal(network(x), before)


def test_a_state_dict_brings_everything_back() -> None:
    spec = describe("subspace", (6,), 2, dimension=40, settings={"widths": [8]})
    mine, other, (x, _) = small(), rebuild(spec, seed=9).eval(), sample()
    with torch.no_grad():
        mine.coordinates.normal_(generator=torch.Generator().manual_seed(0))
        other.load_state_dict(mine.state_dict())
        assert torch.equal(mine(x), other(x))


def test_a_message_holds_the_coordinates_alone() -> None:
    (x, y), stands = sample(), list[Stand]()
    how = CodeTraining(epochs=20, batch_size=100, lr=0.1, step=5.0, start=0.3, factor=0.3, split=False)
    descent = CodeDescent(small(), x, y, how)
    descent.run(deadline=math.inf, on_epoch=stands.append)
    message, layout = descent.message(), Layout.of(small())
    assert [tensor.symbols.size for tensor in message.tensors] == [40]
    decoded = decode(decode_words(encode(message, layout), layout), small(), None)
    assert int(program_mistakes(decoded, x, y)[0].sum()) == stands[-1].errors < 0.25 * len(y)


@pytest.mark.parametrize("wrong", [{"dimension": 0}, {"of": "subspace"}, {"of": "other"}, {"settings": {"batchnorm": True}}])
def test_what_cannot_be_in_a_subspace_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        build("subspace", (6,), 2, **wrong)


def test_a_rank_bounds_the_product() -> None:
    network = build("mlp", (20,), 3, widths=[16, 16], rank=2, seed=0)
    shapes = [tuple(p.shape) for p in network.parameters()]
    assert shapes == [(2, 20), (16, 2), (16,), (2, 16), (16, 2), (16,), (3, 16), (3,)]
    product = network[2].weight @ network[1].weight
    assert int(torch.linalg.matrix_rank(product)) == 2
