"""One fresh network per example: the same outputs as networks drawn one by one, for every kind of layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from boundcheck.networks.mistakes import mistakes
from boundcheck.pac_bayes.diagonal import LAWS, Diagonal, noise
from boundcheck.pac_bayes.fresh import FreshNetworks

CONVOLUTIONS = {
    "plain": lambda: nn.Sequential(nn.Conv2d(2, 4, 3)),
    "strided": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1)),
    "dilated": lambda: nn.Sequential(nn.Conv2d(2, 4, (3, 2), dilation=(2, 1), padding=(2, 0))),
    "grouped": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2, padding=1)),
    "same": lambda: nn.Sequential(nn.Conv2d(2, 3, 4, padding="same")),
    "circular": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular")),
    "reflected": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", bias=False)),
    "one axis": lambda: nn.Sequential(nn.Flatten(2), nn.Conv1d(2, 3, 5, stride=2, padding=2)),
    "positions": lambda: nn.Sequential(nn.Linear(6, 5)),
}


def around(network: nn.Module, law: str = "gaussian", scale: float = 0.3) -> Diagonal:
    mean = {k: p.detach() for k, p in network.named_parameters()}
    source = torch.Generator().manual_seed(5)
    scales = {k: scale * (0.1 + torch.rand(w.shape, generator=source)) for k, w in mean.items()}
    return Diagonal(law, mean, scales, mean)


def one_by_one(network: nn.Module, posterior: Diagonal, x: torch.Tensor, seed: int) -> torch.Tensor:
    """Weights drawn in the sampler's order, each example through a network of its own."""
    source, drawn = torch.Generator().manual_seed(seed), {}
    for name, w in posterior.mean.items():
        drawn[name] = w + posterior.scales[name] * noise(posterior.law, w, source, len(x))
    each = [functional_call(network, {k: v[i] for k, v in drawn.items()}, (x[i : i + 1],)) for i in range(len(x))]
    return torch.cat(each).detach()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even")
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_weights_drawn_for_each_example_are_applied_to_it(kind: str, law: str) -> None:
    torch.manual_seed(0)
    network = CONVOLUTIONS[kind]()
    x, posterior = torch.randn(9, 2, 8, 6), around(network, law)
    sampler = FreshNetworks.of(network, posterior, x)
    assert sampler is not None
    found = sampler.outputs(x, torch.Generator().manual_seed(11))
    # float32 sums of up to 36 products of size one, in another order
    torch.testing.assert_close(found, one_by_one(network, posterior, x, 11), rtol=1e-4, atol=1e-4)


def test_outputs_of_dense_layers_have_the_mean_and_the_variance_of_drawn_weights() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    posterior, x = around(network), torch.tensor([[1.0, -2.0, 0.5]]).repeat(40_000, 1)
    sampler = FreshNetworks.of(network, posterior, x[:2])
    found = sampler.outputs(x, torch.Generator().manual_seed(1)).double()
    square = {k: s.double().square() for k, s in posterior.scales.items()}
    variance = square["0.weight"] @ x[0].double().square() + square["0.bias"]
    # Standard errors of mean and variance over 40,000 draws; five of them.
    assert torch.all((found.mean(0) - network(x[:1])[0].double()).abs() <= 5 * (variance / 4e4).sqrt())
    assert torch.all((found.var(0) / variance - 1).abs() <= 5 * (2 / 4e4) ** 0.5)
    assert abs(float(torch.corrcoef(found.T)[0, 1])) <= 5 / 4e4**0.5


def test_error_rates_are_those_of_networks_drawn_whole() -> None:
    torch.manual_seed(2)
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 8), nn.ReLU(), nn.Linear(8, 3)
    )
    x, y = torch.randn(40, 1, 8, 8), torch.arange(40) % 3
    posterior, rates = around(network, scale=0.5), []
    source = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for _ in range(200):
            rates.append(mistakes(functional_call(network, posterior.draw(source), (x,)), y)[0].double().mean())
    wrong, _ = FreshNetworks.of(network, posterior, x).draw(x, y, 200, torch.Generator().manual_seed(5))
    whole = torch.stack(rates)
    deviation = float(whole.std()) / 200**0.5 + 0.5 / (200 * 40) ** 0.5
    assert abs(float(wrong.mean()) - float(whole.mean())) <= 5 * deviation


def test_what_is_not_drawn_is_the_networks_own() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 2)).eval()
    network[1].running_mean.fill_(0.3)
    full = around(network, scale=1e-20)
    names = [k for k in full.mean if not k.startswith("1.")]
    part = Diagonal("gaussian", *({k: source[k] for k in names} for source in (full.mean, full.scales, full.centre)))
    x = torch.randn(6, 1, 5, 5)
    sampler = FreshNetworks.of(network, part, x)
    torch.testing.assert_close(sampler.outputs(x, torch.Generator()), network(x).detach(), rtol=1e-5, atol=1e-5)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.relu(self.layer(x)))


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.gain = nn.Linear(4, 2), nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * self.gain


@pytest.mark.parametrize(
    "network", [Shared(), Scaled(), nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))], ids=["shared", "free", "norm"]
)
def test_networks_whose_weights_do_more_are_drawn_whole(network: nn.Module) -> None:
    assert FreshNetworks.of(network, around(network), torch.randn(2, 4)) is None


def test_votes_are_counted_over_all_networks() -> None:
    network = nn.Sequential(nn.Linear(3, 4))
    sampler = FreshNetworks.of(network, around(network), torch.randn(2, 3))
    counts = sampler.counts({}, torch.randn(5, 3), 7, torch.Generator().manual_seed(1))
    np.testing.assert_array_equal(counts.sum(dim=1).numpy(), 7)


class _Doubles(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul_(2.0)


@pytest.mark.parametrize("n", [7, 3000])
@pytest.mark.parametrize("first", [nn.Flatten, nn.ReLU, _Doubles])
def test_many_passes_are_single_passes_one_after_the_other_and_leave_the_examples_alone(first: type[nn.Module], n: int) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(first(), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    posterior, x, y = around(network), torch.randn(n, 5), torch.randint(3, (n,))
    sampler, before = FreshNetworks.of(network, posterior, x[:2].clone()), x.clone()
    assert sampler is not None
    together, one, told = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3), []
    wrong, _ = sampler.draw(x, y, 4, together, told.append)
    assert torch.equal(x, before)
    assert told[-1] == len(wrong) == 4 * n
    rows = [part.repeat(4, 1) if n == 7 else part for part in torch.split(x, sampler._chunk)]
    labels = [part.repeat(4) if n == 7 else part for part in torch.split(y, sampler._chunk)]
    parts = [
        mistakes(sampler.outputs(some.clone(), one), truth)[0]
        for some, truth in zip(rows, labels, strict=True)
        for _ in range(1 if n == 7 else 4)
    ]
    assert np.array_equal(wrong, np.concatenate([np.asarray(part) for part in parts]))
