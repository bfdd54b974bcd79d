"""The measured error of the vote: the plurality as a loop over networks counts it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from boundcheck.evidence.vote import Vote
from boundcheck.networks.mistakes import predicted
from boundcheck.pac_bayes.gaussian import Gaussian
from boundcheck.pac_bayes.local_reparametrization import LocalReparametrization
from boundcheck.pac_bayes.monte_carlo import ExplicitDraws
from boundcheck.pac_bayes.posterior import measure_posterior
from boundcheck.pac_bayes.vote import measure_vote
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject

SIGMAS = {"0": 0.6, "2": 0.6}


@pytest.fixture
def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


@pytest.fixture
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(4)
    return torch.randn(40, 6, generator=g), torch.randint(3, (40,), generator=g)


def test_a_prediction_is_the_strictly_largest_output() -> None:
    outputs = torch.tensor([[1.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, float("nan"), 1.0], [-1.0, -2.0, float("-inf")]])
    assert predicted(outputs).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert predicted(torch.tensor([[0.5], [-0.5], [0.0]])).tolist() == [[0, 1], [1, 0], [0, 0]]


def test_both_samplers_count_the_same_law(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Shares of the votes, against networks drawn and asked here one by one."""
    x, _ = sample
    gaussian, draws = Gaussian.around(network, None), 3000
    local = LocalReparametrization.of(network, x[:2])
    assert local is not None
    truth, source = np.zeros((40, 3)), generator(9)
    with torch.no_grad():
        for _ in range(draws):
            best = functional_call(network, gaussian.draw(SIGMAS, source), (x,)).argmax(dim=1).numpy()
            truth[np.arange(40), best] += 1.0 / draws
    for sampler in (local, ExplicitDraws(network, gaussian)):
        counts = sampler.counts(SIGMAS, x, draws, generator(1))
        assert counts.shape == (40, 3)
        assert (counts.sum(dim=1) == draws).all()
        # The difference of two shares of 3000 has a deviation of at most 0.013; 120 of them stay within 5.
        assert np.abs(counts.numpy() / draws - truth).max() < 0.065


def test_the_plurality_errs_where_a_loop_says_so(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    sampler = ExplicitDraws(network, Gaussian.around(network, None))
    found = measure_vote(sampler, SIGMAS, sample, networks=9, examples=100, seed=2, stream=5, held_out_error=None)
    rows = torch.randperm(40, generator=generator(2, 5, 0))
    votes = sampler.counts(SIGMAS, x[rows], 9, generator(2, 5, 1)).tolist()
    wrong = sum(not all(v[int(k)] > other for c, other in enumerate(v) if c != k) for v, k in zip(votes, y[rows], strict=True))
    assert found == Vote(9, 40, wrong / 40)
    few = measure_vote(sampler, SIGMAS, sample, networks=9, examples=7, seed=2, stream=5, held_out_error=None)
    assert few.examples == 7


def test_a_draw_between_classes_is_an_error_under_every_label() -> None:
    class Split:
        def counts(self, sigmas: object, x: torch.Tensor, networks: int, generator: torch.Generator) -> torch.Tensor:
            return torch.tensor([[2, 2, 1]]).repeat(len(x), 1)

    seen = []

    def law(wrong: np.ndarray, invalid: np.ndarray) -> float:
        seen.append((wrong.all(), invalid.all()))
        return 1.0

    test = (torch.zeros(3, 1), torch.tensor([0, 1, 2]))
    assert measure_vote(Split(), {}, test, networks=5, examples=9, seed=0, stream=0, held_out_error=law) == Vote(5, 3, 1.0)
    assert seen == [(True, True)]


def test_the_record_holds_the_vote(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = sample
    record = measure_posterior(Subject(network, None, x, y, x, y, classes=3, seed=0))
    assert record.vote is not None
    assert (record.vote.networks, record.vote.examples) == (51, 40)
    assert measure_posterior(Subject(network, None, x, y, classes=3, seed=0)).vote is None


def test_votes_that_no_one_casts_are_refused(network: nn.Module, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, _ = sample
    for sampler in (LocalReparametrization.of(network, x[:2]), ExplicitDraws(network, Gaussian.around(network, None))):
        assert sampler is not None
        with pytest.raises(ValueError, match="got"):
            sampler.counts(SIGMAS, x, 0, generator(1))
