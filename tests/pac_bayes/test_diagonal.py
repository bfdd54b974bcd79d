"""Laws with a scale for every weight: their sums against torch's own distributions, which share no code with them."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import kstest, laplace, norm
from torch.distributions import Laplace, Normal, kl_divergence

from boundcheck.bounds.lemmas.variance_mixture import kl_divergences, log_ratios
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.pac_bayes.diagonal import LAWS, Diagonal, divergence_between, noise

KINDS = {"gaussian": Normal, "laplace": Laplace}


def law(kind: str, seed: int) -> Diagonal:
    source = torch.Generator().manual_seed(seed)
    shapes = {"first.weight": (5, 7), "first.bias": (5,), "last.weight": (2, 5)}
    mean = {k: torch.randn(s, generator=source) for k, s in shapes.items()}
    scales = {k: torch.rand(s, generator=source) * 0.3 + 0.01 for k, s in shapes.items()}
    return Diagonal(kind, mean, scales, {k: torch.randn(s, generator=source) for k, s in shapes.items()})


def flat(part: dict[str, torch.Tensor], names: tuple[str, ...]) -> torch.Tensor:
    return torch.cat([part[n].double().reshape(-1) for n in names])


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("seed", range(5))
def test_divergence_and_density_ratio_are_those_of_the_laws_and_never_below(kind: str, seed: int) -> None:
    at, width = law(kind, seed), 0.7
    drawn = at.draw(torch.Generator().manual_seed(1), torch.float64)
    for block, group in at.summaries(drawn).items():
        names = at.blocks[block]
        own = KINDS[kind](flat(at.mean, names), flat(at.scales, names))
        prior = KINDS[kind](flat(at.centre, names), torch.tensor(width, dtype=torch.float64))
        prior_number = width**2 if kind == "gaussian" else width
        nats = kl_divergences(
            [group.parameters], [group.variance_sum], [group.log_variance_sum], [group.squared_distance], [prior_number]
        )[0, 0]
        exact = float(kl_divergence(own, prior).sum())
        assert exact * (1 - 1e-12) <= nats <= exact * (1 + 1e-9)  # torch's own sum is rounded to nearest
        sums = ([group.log_variance_sum], [group.drawn_squared_distance], [group.drawn_noise], [prior_number])
        ratio = log_ratios([group.parameters], *sums)[0, 0]
        h = flat(drawn, names)
        exact = float((own.log_prob(h) - prior.log_prob(h)).sum())
        assert exact - 1e-10 <= ratio <= exact + 1e-7 * (1 + abs(exact))


@pytest.mark.parametrize("kind", LAWS)
def test_the_divergence_of_two_such_laws(kind: str) -> None:
    one, other = law(kind, 1), law(kind, 2)
    names = tuple(one.mean)
    pair = [KINDS[kind](flat(at.mean, names), flat(at.scales, names)) for at in (one, other)]
    exact = float(kl_divergence(*pair).sum())
    assert exact * (1 - 1e-12) <= divergence_between(one, other) <= exact * (1 + 1e-9)
    assert 0.0 <= divergence_between(one, one) <= 1e-11  # roundings of 52 coordinates


def test_laws_that_can_not_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="gaussian"):
        divergence_between(law("laplace", 0), law("gaussian", 0))


@pytest.mark.parametrize(("kind", "law_of"), [("gaussian", norm), ("laplace", laplace)])
def test_noise_has_its_law(kind: str, law_of: object) -> None:
    found = noise(kind, torch.zeros(50), torch.Generator().manual_seed(3), rows=400)
    assert found.shape == (400, 50)
    assert kstest(found.reshape(-1).numpy(), law_of.cdf).pvalue > 1e-4  # one fixed seed; a wrong law gives less than 1e-100


def test_a_scale_of_zero_is_no_posterior() -> None:
    at = law("gaussian", 0)
    broken = Diagonal("gaussian", at.mean, {**at.scales, "first.bias": torch.zeros(5)}, at.centre)
    with pytest.raises(Unavailable, match=r"first\.bias"):
        broken.summaries(broken.draw(torch.Generator(), torch.float64))
