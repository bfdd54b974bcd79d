"""Training of a posterior: it descends, stops in time, and goes on as if it had not been stopped."""

from __future__ import annotations

import contextlib
import math
import time

import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.pac_bayes.certify import around, drawn_names
from boundcheck.pac_bayes.diagonal import LAWS, Diagonal
from boundcheck.pac_bayes.training import LEAST_PASSES, LEAST_STEPS, Descending, Descent, Stand
from boundcheck.runs.first_network import FirstDescent, FirstSettings, augmented


def problem(n: int = 300) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(n, 6)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).eval(), x, (x[:, 0] + x[:, 1] > 0).long()


def start(network: nn.Module, law: str = "gaussian") -> Diagonal:
    mean = {k: p.detach().clone() for k, p in network.named_parameters()}
    return around(mean, law, 0.2, mean)


def descend(how: Descent, law: str = "gaussian", stop_after: int | None = None, **more: object) -> tuple[Descending, list[Stand]]:
    network, x, y = problem()
    found: list[Stand] = []
    at = Descending(network, start(network, law), x, y, len(y), how, **more)
    count = 0

    def on_step(_: Descending) -> None:
        nonlocal count
        count += 1
        if count == stop_after:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        at.run(on_step=on_step, on_epoch=found.append)
    return at, found


@pytest.mark.parametrize("law", LAWS)
def test_the_estimate_of_the_certificate_falls(law: str) -> None:
    _, found = descend(Descent(epochs=12, batch_size=30, lr=0.02, kl_factor=0.05), law)
    assert [s.epoch for s in found] == list(range(1, 13))
    assert found[-1].certificate < 0.45 < found[0].certificate


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("stop_after", [3, 10, 17])
def test_a_resumed_training_ends_bit_for_bit_where_an_uninterrupted_one_ends(law: str, stop_after: int) -> None:
    how = Descent(epochs=3, batch_size=30, lr=0.02)
    whole, records = descend(how, law)
    stopped, first = descend(how, law, stop_after)
    resumed, rest = descend(how, law, state=stopped.state())
    for name, value in whole.posterior.mean.items():
        assert torch.equal(value, resumed.posterior.mean[name])
        assert torch.equal(whole.posterior.scales[name], resumed.posterior.scales[name])
    assert [*first, *rest] == records


def test_time_that_is_spent_ends_training_within_a_step() -> None:
    network, x, y = problem()
    at = Descending(network, start(network), x, y, len(y), Descent(epochs=10_000, batch_size=30))
    at.run(deadline=time.monotonic() - 1.0, on_step=lambda _: None, on_epoch=lambda _: None)
    assert (at.epoch, at.step) == (0, 1)


def test_a_posterior_that_starts_at_its_prior_is_no_nats_away() -> None:
    network, x, y = problem()
    law = start(network)
    at = Descending(network, law, x, y, len(y), Descent(), prior=Diagonal("gaussian", law.mean, law.scales, law.mean))
    assert at.stand().divergence == pytest.approx(0.0, abs=1e-4)  # a sum of 47 float32 roundings


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"lr": 0.0}, {"p_min": 1.0}, {"prior_scale": -1.0}, {"objective": "best"}, {"kl_factor": 0.0}]
)
def test_settings_that_can_not_train_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        Descent(**change)


@pytest.mark.parametrize(("n", "batch"), [(100, 250), (1437, 250), (60_000, 250), (60_000, 60_000)])
def test_without_epochs_a_small_sample_gets_no_fewer_steps_than_a_large_one(n: int, batch: int) -> None:
    passes = Descent(batch_size=batch).passes(n)
    steps = math.ceil(n / batch)
    assert passes >= LEAST_PASSES
    assert passes * steps >= LEAST_STEPS
    assert passes == LEAST_PASSES or (passes - 1) * steps < LEAST_STEPS
    assert Descent(batch_size=batch, epochs=3).passes(n) == 3


def test_what_learns_statistics_from_the_counted_examples_is_refused_by_name() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    network[2].bias.requires_grad_(False)
    with pytest.raises(InputError, match="1, which learns statistics"):
        drawn_names(network, frozen_norms=False)
    assert drawn_names(network, frozen_norms=True) == ("0.weight", "0.bias", "2.weight")


@pytest.mark.parametrize("stop_after", [2, 5])
def test_a_prior_resumes_bit_for_bit_dropout_and_augmentation_included(stop_after: int) -> None:
    torch.manual_seed(1)
    x, y = torch.rand(40, 1, 6, 6), torch.arange(40) % 2
    how = FirstSettings(epochs=2, batch_size=10, augment="affine")

    def made() -> nn.Module:
        torch.manual_seed(2)
        return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))

    def run(stop: int | None, state: object = None) -> FirstDescent:
        learning, count = FirstDescent(made(), x, y, how, state), 0

        def on_step() -> None:
            nonlocal count
            count += 1
            if count == stop:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            learning.run(deadline=float("inf"), on_step=on_step, on_epoch=lambda *_: None)
        return learning

    whole, resumed = run(None), run(None, run(stop_after).state())
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_augmentation_moves_images_a_little_and_nothing_else() -> None:
    x = torch.zeros(200, 1, 9, 9)
    x[:, 0, 4, 4] = 1.0
    for kind in ("shift", "affine"):
        moved = augmented(x, kind, torch.Generator().manual_seed(1))
        assert moved.shape == x.shape
        far = torch.nonzero(moved[:, 0] > 1e-6)
        # Two pixels, one more for interpolation; a turn around the middle moves what lies there by next to nothing.
        assert int((far[:, 1:] - 4).abs().max()) <= 3
        assert not torch.equal(moved, x)
    flat = torch.rand(5, 7)
    assert augmented(flat, "shift", torch.Generator()) is flat
