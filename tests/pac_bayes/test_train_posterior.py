"""Certificates from live objects, and networks that can only be drawn whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import boundcheck
from boundcheck.errors import InputError
from boundcheck.pac_bayes import train_posterior


class Twice(nn.Module):
    """A layer that is used twice, so that networks have to be drawn whole."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.out = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.layer(torch.relu(self.layer(x)))))


def sample(n: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


@pytest.mark.parametrize(
    ("made", "drawing"), [(Twice, "uniformly drawn training examples"), (lambda: nn.Sequential(nn.Linear(4, 2)), "fresh")]
)
def test_a_run_is_trained_and_evaluated(made: type[nn.Module], drawing: str) -> None:
    torch.manual_seed(0)
    network = made()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    run = train_posterior(network, sample(400), sample(101), epochs=15, batch_size=40, lr=0.05, kl_factor=0.05)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    evidence = boundcheck.measure(run, bounds=["maurer2004kl"], draws=1000)
    assert drawing in evidence.posterior.drawing
    certificate = boundcheck.ask(evidence, bounds=["maurer2004kl"])["maurer2004kl"]
    assert certificate.test_error < certificate.value < 0.5


def test_time_that_is_given_ends_the_training_and_leaves_a_certificate() -> None:
    run = train_posterior(nn.Sequential(nn.Linear(4, 2)), sample(50), seconds=1e-3, epochs=10_000)
    assert len(run.history) == 1
    assert boundcheck.evaluate(run, bounds=["maurer2004kl"])["maurer2004kl"].value is not None


def test_a_network_without_anything_to_train_is_refused() -> None:
    network = nn.Sequential(nn.Linear(4, 2)).requires_grad_(False)
    with pytest.raises(InputError, match="parameters to train"):
        train_posterior(network, sample(50), epochs=1)
