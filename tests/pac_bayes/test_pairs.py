"""Pairs of independent draws: their joint errors have the mean that the tandem loss is, and cost the single errors nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from boundcheck.networks.mistakes import mistakes
from boundcheck.pac_bayes.gaussian import Gaussian
from boundcheck.pac_bayes.local_reparametrization import LocalReparametrization
from boundcheck.pac_bayes.monte_carlo import BATCH, ExplicitDraws
from boundcheck.pac_bayes.posterior import measure_posterior
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject


@pytest.fixture
def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


@pytest.fixture
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(4)
    return torch.randn(30, 6, generator=g), torch.randint(3, (30,), generator=g)


def tandem_by_definition(network: nn.Module, sigmas: dict[str, float], x: torch.Tensor, y: torch.Tensor) -> float:
    """Mean over the examples of P(h errs)^2: two independent networks err together with this probability."""
    gaussian, g = Gaussian.around(network, None), generator(99)
    wrong = [mistakes(functional_call(network, gaussian.draw(sigmas, g), (x,)), y)[0].numpy() for _ in range(4000)]
    return float((np.mean(wrong, axis=0) ** 2).mean())


def test_joint_errors_have_the_mean_of_the_tandem_loss(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    sigmas = {"0": 0.5, "2": 0.5}
    truth = tandem_by_definition(network, sigmas, x, y)
    local = LocalReparametrization.of(network, x[:2])
    assert local is not None
    _, fast = local.draw_pairs(sigmas, x, y, 4000, generator(0))
    # Five standard errors of 60,000 independent numbers, and 0.006 for the 4000 networks of the definition.
    assert float(fast.mean()) == pytest.approx(truth, abs=5 * math.sqrt(0.25 / fast.size) + 0.006)
    _, slow = ExplicitDraws(network, Gaussian.around(network, None)).draw_pairs(sigmas, x, y, 4000, generator(1))
    means = slow.reshape(2000, BATCH).mean(axis=1)
    assert float(means.mean()) == pytest.approx(truth, abs=5 * float(means.std()) / math.sqrt(2000) + 0.006)
    # Two networks that are one would err together as often as one errs; the difference is not noise.
    assert truth < float(fast.mean()) ** 0.5 - 0.1


def test_pairs_leave_the_single_errors_as_they_are(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    sigmas = {"0": 0.3, "2": 0.4}
    local = LocalReparametrization.of(network, x[:2])
    assert local is not None
    for sampler, draws, pairs in ((local, 7, 3 * 30), (ExplicitDraws(network, Gaussian.around(network, None)), 7, 3 * BATCH)):
        alone, _ = sampler.draw(sigmas, x, y, draws, generator(5))
        wrong, joint = sampler.draw_pairs(sigmas, x, y, draws, generator(5))
        assert (alone == wrong).all()
        assert joint.shape == (pairs,)


def test_a_pair_errs_where_both_err(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    local = LocalReparametrization.of(network, x[:2])
    assert local is not None
    wrong, joint = local.draw_pairs({"0": 0.5, "2": 0.5}, x, y, 4, generator(6))
    first, second, third, fourth = wrong.reshape(4, 30)
    assert (joint.reshape(2, 30) == np.stack([first & second, third & fourth])).all()


def test_one_draw_has_no_pair(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    for sampler in (LocalReparametrization.of(network, x[:2]), ExplicitDraws(network, Gaussian.around(network, None))):
        assert sampler is not None
        assert sampler.draw_pairs({"0": 0.5, "2": 0.5}, x, y, 1, generator(6))[1].shape == (0,)


def test_the_record_holds_the_pairs(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    record = measure_posterior(Subject(network, None, x, y, classes=3, seed=0))
    assert record.pairs * 2 == record.draws
    assert record.joint_loss is not None
    assert 0.0 < record.joint_loss <= record.mean_loss
    assert (record.certified, record.splits) == (None, 1)
