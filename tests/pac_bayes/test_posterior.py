"""The Monte Carlo of the posterior has the law that the theorem needs; its sums err on the safe side."""

from __future__ import annotations

import copy
import math

import mpmath
import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.fusing import fused, learned_buffers
from boundcheck.networks.mistakes import mistakes
from boundcheck.numerics import clopper_pearson
from boundcheck.pac_bayes.gaussian import Gaussian
from boundcheck.pac_bayes.local_reparametrization import LocalReparametrization
from boundcheck.pac_bayes.monte_carlo import BATCH, ExplicitDraws
from boundcheck.pac_bayes.posterior import measure_posterior
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject


def mlp(seed: int = 0, bias: bool = True) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(6, 8, bias=bias), nn.ReLU(), nn.Linear(8, 3, bias=bias)).eval()


def sample(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, 3, generator=g), torch.randint(3, (n,), generator=g)


class Skip(nn.Module):
    """Linear layers with a skip connection: each used once, so draws at the outputs are still exact."""

    def __init__(self, twice: bool = False) -> None:
        super().__init__()
        self.a, self.b, self.c, self.twice = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3), twice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        h = torch.relu(self.a(x)) + x
        return self.c(h + torch.relu(self.b(h)) + (self.a(h) if self.twice else 0.0))


@pytest.mark.parametrize("network", [mlp(), mlp(1, bias=False), Skip().eval()], ids=["biases", "no-biases", "skip"])
def test_draws_at_the_outputs_have_the_law_of_drawn_weights(network: nn.Module) -> None:
    x, y = sample(40)
    gaussian = Gaussian.around(network, None)
    sigmas = {block: 0.3 + 0.2 * i for i, block in enumerate(gaussian.blocks)}
    local = LocalReparametrization.of(network, x[:2])
    assert local is not None
    passes = 2000
    fast, _ = local.draw(sigmas, x, y, passes, generator(0))
    slow, _ = ExplicitDraws(network, gaussian).draw(sigmas, x, y, passes, generator(1))
    # Explicit draws share weights within a minibatch: their m averages are compared through their own standard error.
    slow_means = slow.reshape(passes, BATCH).mean(axis=1)
    error = math.sqrt(slow_means.var() / passes + fast.mean() * (1 - fast.mean()) / fast.size)
    assert abs(fast.mean() - slow_means.mean()) < 4.5 * error
    # One example alone, against networks drawn weight by weight: exact binomial limits, each at 1e-5.
    own = fast.reshape(passes, 40)[:, 7]
    wrong = 0
    source = generator(2)
    for _ in range(passes):
        drawn = gaussian.draw(sigmas, source)
        wrong += int(functional_call(network, drawn, (x[7:8],)).argmax() != y[7])
    low, high = clopper_pearson(int(own.sum()), passes, 1e-5)
    low2, high2 = clopper_pearson(wrong, passes, 1e-5)
    assert low <= high2
    assert low2 <= high


def test_the_noise_at_an_output_has_the_variance_of_the_drawn_weights() -> None:
    layer = nn.Sequential(nn.Linear(4, 2)).eval()
    x = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    local = LocalReparametrization.of(layer, x)
    assert local is not None
    from boundcheck.pac_bayes.local_reparametrization import _Noisy

    network = _Noisy(local._traced, {"0": 0.5}, generator(3))
    with torch.no_grad():
        noise = (network.run(x.repeat(200_000, 1)) - layer(x)).numpy()
    expected = 0.25 * (1 + 4 + 0.25 + 9 + 1)  # the last 1 is the bias
    # The variance of an average of n squares is 2 v^2/n; the covariance of independent outputs has v^2/n. Five standard errors.
    assert np.allclose(noise.var(axis=0), expected, atol=5 * expected * math.sqrt(2 / 200_000))
    assert abs(np.mean(noise[:, 0] * noise[:, 1])) < 5 * expected / math.sqrt(200_000)


@pytest.mark.parametrize(
    "network",
    [
        Skip(twice=True),
        nn.Sequential(nn.Conv1d(2, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)),
        nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)),  # the first layer on two positions
    ],
    ids=["used-twice", "convolution", "two-positions"],
)
def test_shared_weights_are_drawn_explicitly(network: nn.Module) -> None:
    x, _ = sample(4)
    assert LocalReparametrization.of(network.eval(), x) is None


def test_tied_layers_are_drawn_explicitly() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.Linear(6, 3))
    network[3].weight = network[1].weight
    assert LocalReparametrization.of(network.eval(), sample(4)[0]) is None


def test_ties_and_nan_are_errors() -> None:
    nan, inf = math.nan, math.inf
    outputs = torch.tensor([[1.0, 0.0], [0.0, 0.0], [nan, 1.0], [1.0, nan], [inf, inf], [0.0, 1.0], [-inf, -inf], [inf, 0.0]])
    wrong, invalid = mistakes(outputs, torch.zeros(8, dtype=torch.int64))
    assert wrong.tolist() == [False, True, True, True, True, True, True, False]
    assert invalid.tolist() == [False, True, True, True, True, False, True, False]
    wrong, invalid = mistakes(torch.tensor([[2.0], [-1.0], [0.0], [nan]]), torch.tensor([1, 1, 0, 0]))
    assert wrong.tolist() == [False, True, True, True]
    assert invalid.tolist() == [False, False, True, True]


def test_a_third_output_tied_below_the_top_is_no_tie() -> None:
    wrong, invalid = mistakes(torch.tensor([[2.0, 1.0, 1.0]]), torch.tensor([0]))
    assert not wrong[0]
    assert not invalid[0]


def test_the_sums_err_on_the_safe_side() -> None:
    network, before = mlp(0), mlp(1)
    gaussian = Gaussian.around(network, before)
    sigmas = {"1": 0.013, "3": 0.27}
    drawn = gaussian.draw(sigmas, generator(5), torch.float64)
    groups = gaussian.summaries(sigmas, drawn)
    assert list(groups) == ["1", "3"]
    for block, names in gaussian.blocks.items():
        group, d, s = groups[block], gaussian.sizes[block], mpmath.mpf(sigmas[block]) ** 2
        with mpmath.workdps(40):
            w, w0, h = (
                [mpmath.mpf(float(v)) for n in names for v in part[n].double().flatten()]
                for part in (gaussian.mean, gaussian.centre, drawn)
            )
            distance = mpmath.fsum((a - b) ** 2 for a, b in zip(w, w0, strict=True))
            away = mpmath.fsum((a - b) ** 2 for a, b in zip(h, w0, strict=True))
            noise = mpmath.fsum((a - b) ** 2 for a, b in zip(h, w, strict=True)) / s
            tight = 1 + mpmath.mpf(10) ** -13
            assert group.parameters == d == len(w)
            assert d * s <= group.variance_sum <= d * s * tight
            assert d * mpmath.log(s) / (1 if s > 1 else 1 / tight) <= group.log_variance_sum <= d * mpmath.log(s)
            assert distance <= group.squared_distance <= distance * tight
            assert away <= group.drawn_squared_distance <= away * tight
            assert noise / tight <= group.drawn_noise <= noise
            assert group.min_variance <= s <= group.max_variance


def measured(network: nn.Module, reference: nn.Module | None, n: int = 300, **kw):
    x, _ = sample(n)
    with torch.no_grad():
        y = mlp(7)(x).argmax(1)
    return measure_posterior(Subject(network, reference, x, y, x[:50], y[:50], classes=3, seed=0, **kw))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_divergence_is_that_of_the_noise_as_applied(kind: torch.dtype) -> None:
    """A factor of a tensor is rounded to its format: the record must speak of the rounded deviation, not of the one asked for."""
    network = mlp().to(kind)
    gaussian = Gaussian.around(network, None)
    asked = dict.fromkeys(gaussian.blocks, 0.1)
    applied = gaussian.as_applied(asked)
    noise = torch.ones(4, dtype=kind)
    for sigma in applied.values():
        assert sigma != 0.1
        assert torch.equal((sigma * noise).double(), torch.full((4,), sigma, dtype=torch.float64))
        assert gaussian.as_applied(applied) == applied
    with pytest.raises(Unavailable, match="holds no standard deviation"):
        gaussian.as_applied(dict.fromkeys(gaussian.blocks, 1e-60))


def test_the_measured_variances_are_of_the_networks_format() -> None:
    x, y = sample(60)
    found = measure_posterior(Subject(mlp(), mlp(3), x, y, classes=3, seed=0))
    for group in found.groups.values():
        sigma = math.sqrt(0.5 * (group.min_variance + group.max_variance))
        assert sigma == pytest.approx(float(np.float32(sigma)), rel=1e-14)


def test_a_posterior_is_measured_and_repeats() -> None:
    network = mlp(7)
    first, again = measured(network, mlp(1)), measured(network, mlp(1))
    assert first == again
    assert first.draws == 180_000
    assert first.prior_mean == "initial"
    assert 0.0 < first.mean_loss < 0.5
    assert first.drawn.n == 300
    assert first.drawn.test_n == 50
    assert first.test_error is not None
    assert "one fresh network per example" in first.drawing
    assert measured(network, None, n=100).prior_mean == "zero"


def test_labels_may_be_of_another_law() -> None:
    seen = []

    def law(wrong: np.ndarray, invalid: np.ndarray) -> float:
        seen.append((len(wrong), len(invalid)))
        return 0.25

    record = measured(mlp(7), mlp(1), held_out_error=law)
    assert record.test_error == record.drawn.test_error == 0.25
    assert (50, 50) in seen


def test_a_convolution_is_drawn_network_by_network() -> None:
    network = nn.Sequential(nn.Conv1d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6, 3)).eval()
    record = measured(network, copy.deepcopy(network), n=100)
    assert record.draws == 1000
    assert f"{BATCH} uniformly drawn" in record.drawing


def test_learned_statistics_are_refused_by_name_unless_they_fold() -> None:
    folds = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))
    stands = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(6), nn.Linear(6, 3))
    for network in (folds, stands):
        before = copy.deepcopy(network)
        network.train()
        network(sample(64)[0] * 3 + 1)
        network.eval()
        if network is folds:
            record = measured(network, before, n=100)
            assert [g.parameters for g in record.groups.values()] == [35, 18]
        else:
            with pytest.raises(Unavailable, match=r"1\.running_mean, 1\.running_var were learned"):
                measured(network, before, n=100)
            assert measured(network, before, n=100, fixed=("1.running_mean", "1.running_var")).draws == 1000


def test_folding_keeps_the_function() -> None:
    network = nn.Sequential(nn.Conv1d(2, 4, 2, bias=False), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    network = network.double().train()
    x = sample(64)[0].double()
    network(x * 2 + 1)
    network.eval()
    small = fused(network)
    assert not learned_buffers(small, None)
    assert learned_buffers(network, None).keys() == {"1.running_mean", "1.running_var"}
    assert torch.allclose(small(x), network(x), rtol=1e-12, atol=1e-12)  # float64, a few roundings


def test_weights_that_are_no_numbers_are_refused() -> None:
    network = mlp()
    with torch.no_grad():
        network[1].weight[0, 0] = math.nan
    with pytest.raises(Unavailable, match=r"1\.weight"):
        measured(network, None)


def test_the_callers_network_is_left_alone() -> None:
    network = mlp().train()
    before = copy.deepcopy(network.state_dict())
    measured(network, mlp(1), n=60)
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
