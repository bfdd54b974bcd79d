"""Noise in another basis: its divergence is that of the full covariance, draws have it, and a bad basis is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from boundcheck.bounds.lemmas.variance_mixture import kl_divergences
from boundcheck.errors import InputError
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.pac_bayes.basis import Turned, coordinates, deviation, eigenbasis
from boundcheck.pac_bayes.diagonal import Diagonal
from boundcheck.pac_bayes.fresh import FreshNetworks

OUT, INPUTS = 3, 5


def posterior(dtype: torch.dtype = torch.float64, tilt: float = 0.0) -> Diagonal:
    source = torch.Generator().manual_seed(1)
    mean = torch.randn((OUT, INPUTS), generator=source, dtype=dtype)
    scales = torch.rand((OUT, INPUTS), generator=source, dtype=dtype) + 0.1
    basis = torch.linalg.qr(torch.randn((INPUTS, INPUTS), generator=source, dtype=torch.float64)).Q.to(dtype)
    basis[0] *= 1.0 + tilt
    zero = {"0.weight": torch.zeros_like(mean)}
    return Diagonal("gaussian", {"0.weight": mean}, {"0.weight": scales}, zero, {"0.weight": basis})


def covariances(law: Diagonal) -> list[torch.Tensor]:
    basis = law.bases["0.weight"].double()
    return [basis @ torch.diag(s.double().square()) @ basis.T for s in law.scales["0.weight"]]


@pytest.mark.parametrize(("dtype", "tilt"), [(torch.float64, 0.0), (torch.float32, 0.0), (torch.float64, 1e-4)])
def test_the_divergence_is_that_of_the_full_covariance_and_never_below_it(dtype: torch.dtype, tilt: float) -> None:
    law, variance = posterior(dtype, tilt), 0.3
    exact = 0.0
    for mean, covariance in zip(law.mean["0.weight"].double(), covariances(law), strict=True):
        full = torch.distributions.MultivariateNormal(mean, covariance)
        prior = torch.distributions.MultivariateNormal(torch.zeros(INPUTS).double(), variance * torch.eye(INPUTS).double())
        exact += float(torch.distributions.kl_divergence(full, prior))
    group = law.summaries(law.draw(torch.Generator().manual_seed(2), torch.float64))["0"]
    found = float(
        kl_divergences(
            [group.parameters], [group.variance_sum], [group.log_variance_sum], [group.squared_distance], [variance]
        ).sum()
    )
    # The oracle errs by rounding of 15 numbers; a basis that is off by tilt may cost tilt times the trace and the dimension.
    assert exact - 1e-10 <= found <= exact + 1e-5 + 100.0 * tilt


def test_the_noise_of_a_draw_is_its_quadratic_form_in_the_inverse_covariance() -> None:
    law = posterior()
    drawn = law.draw(torch.Generator().manual_seed(3), torch.float64)
    moved = drawn["0.weight"] - law.mean["0.weight"]
    exact = sum(float(m @ torch.linalg.inv(c) @ m) for m, c in zip(moved, covariances(law), strict=True))
    found = law.summaries(drawn)["0"].drawn_noise
    assert found <= exact * (1.0 + 1e-12)
    assert found == pytest.approx(exact, rel=1e-9)  # the inverse of a matrix of condition 100 in float64


def test_draws_and_fresh_networks_have_the_full_covariance() -> None:
    law = posterior()
    network = nn.Sequential(nn.Linear(INPUTS, OUT, bias=False)).double()
    network.load_state_dict(law.mean)
    example = torch.tensor([[1.0, -2.0, 0.5, 0.3, 1.5]], dtype=torch.float64)
    exact = torch.stack([example[0] @ c @ example[0] for c in covariances(law)])
    many = 20_000
    fresh = FreshNetworks.of(network, law, example)
    assert fresh is not None
    source = torch.Generator().manual_seed(4)
    outputs = fresh.outputs(example.expand(many, -1), source)
    drawn = torch.stack([law.draw(source)["0.weight"] @ example[0] for _ in range(4000)])
    for sample in (outputs, drawn):
        spread = 6.0 * math.sqrt(2.0 / len(sample))  # six standard deviations of the variance of normal numbers
        assert torch.allclose(sample.var(dim=0) / exact, torch.ones(OUT).double(), atol=spread)
        middle = (sample.mean(dim=0) - law.mean["0.weight"] @ example[0]) / exact.sqrt()
        assert float(middle.abs().max()) < 6.0 / math.sqrt(len(sample))


def test_the_eigenbasis_makes_the_second_moments_diagonal() -> None:
    inputs = torch.randn((200, 4), generator=torch.Generator().manual_seed(5)) @ torch.randn(4, 4).float()
    basis = eigenbasis(inputs)
    moments = (inputs @ basis).T.double() @ (inputs @ basis).double() / 200
    off = moments - torch.diag(torch.diagonal(moments))
    assert float(off.abs().max()) < 1e-5 * float(moments.max())  # float32
    assert bool((torch.diagonal(moments).diff() <= 1e-6).all())
    assert deviation(basis) < 1e-5


def test_training_turns_there_and_back() -> None:
    law = posterior()
    turned = Turned("0.weight", law.bases["0.weight"])
    back = turned.back(turned.into(law))
    assert torch.allclose(back.mean["0.weight"], law.mean["0.weight"], atol=1e-12)
    rows, off = coordinates(law.mean["0.weight"], law.bases["0.weight"])
    assert torch.allclose(rows @ law.bases["0.weight"].T, law.mean["0.weight"], atol=1e-12)
    assert float(off.max()) < 1e-12


def test_what_is_no_basis_is_refused() -> None:
    with pytest.raises(Unavailable, match="not orthogonal"):
        deviation(torch.eye(4) * 1.5)
    with pytest.raises(Unavailable, match="not orthogonal"):
        deviation(torch.full((2, 2), math.nan))
    network = nn.Sequential(nn.Conv2d(1, 2, 3))
    mean = {name: p.detach() for name, p in network.named_parameters()}
    with pytest.raises(InputError, match="first trained layer is dense"):
        Turned.of(network, Diagonal("gaussian", mean, mean, mean), torch.zeros(1, 1, 5, 5))
