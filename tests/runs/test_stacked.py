"""Stacked training gives what training one by one gives, up to the order of sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks import build
from boundcheck.runs.run import Sample
from boundcheck.runs.stacked import pays, train_stacked
from boundcheck.runs.training import Epoch, Settings, train_epochs

N, D, K = 50, 7, 4


def problem(networks: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, D)), rng.integers(0, K, (networks, N))


def fresh(networks: int, widths: Sequence[int] = (9, 6), *, bias: bool = True) -> list[nn.Module]:
    return [build("mlp", (D,), K, seed=i, widths=widths, bias=bias).double() for i in range(networks)]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(lr=0.1, momentum=0.9, batch_size=8, epochs=15, seed=3),
        Settings(lr=0.1, momentum=0.0, batch_size=7, epochs=15, seed=4),  # 50 = 7 * 7 + 1: the last example joins a batch
        Settings(lr=0.1, momentum=0.9, weight_decay=0.01, lr_decay=0.9, batch_size=50, epochs=15, seed=5),
    ],
    ids=["momentum", "a lone example", "decay"],
)
@pytest.mark.parametrize("own_orders", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_the_same_networks_come_out(settings: Settings, own_orders: bool, bias: bool) -> None:
    """In float64; 1e-9 leaves seven digits for the order of sums to grow by over some hundred steps."""
    x, labels = problem(4)
    stacked, alone = fresh(4, bias=bias), fresh(4, bias=bias)
    seeds = [settings.seed + i for i in range(4)] if own_orders else [settings.seed] * 4
    found = train_stacked(stacked, x, labels, settings, seeds=seeds if own_orders else None)
    for network, other, trained, y, seed in zip(stacked, alone, found, labels, seeds, strict=True):
        expected = train_epochs(other, Sample(x, y), replace(settings, seed=seed))
        assert [r["errors"] for r in trained.history] == [r["errors"] for r in expected.history]
        assert [r["loss"] for r in trained.history] == pytest.approx([r["loss"] for r in expected.history], rel=1e-9)
        assert (trained.fitted, trained.stopped) == (expected.fitted, expected.stopped)
        for name, value in expected.state.items():
            torch.testing.assert_close(trained.state[name], value, rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(network.state_dict()[name], value, rtol=1e-9, atol=1e-12)


def test_a_network_that_is_done_leaves_and_the_others_go_on() -> None:
    x, labels = problem(3)
    labels[1] = x[:, :K].argmax(axis=1)  # soon learnt
    settings = Settings(lr=0.1, batch_size=8, epochs=200)
    told: list[tuple[int, int]] = []

    def tell(network: int, epoch: Epoch) -> None:
        told.append((network, epoch.epoch))

    found = train_stacked(fresh(3, (40,)), x, labels, settings, on_epoch=tell)
    lengths = [len(trained.history) for trained in found]
    assert all(trained.fitted for trained in found)
    assert lengths[1] < min(lengths[0], lengths[2])
    assert sorted(told) == [(i, e) for i in range(3) for e in range(1, lengths[i] + 1)]
    for i, network in enumerate(fresh(3, (40,))):
        alone = train_epochs(network, Sample(x, labels[i]), settings)
        assert len(alone.history) == lengths[i]


def test_weights_are_up_to_date_when_an_epoch_is_told() -> None:
    x, labels = problem(2)
    networks = fresh(2)

    def check(network: int, epoch: Epoch) -> None:
        outputs = networks[network](torch.from_numpy(x))
        assert int((outputs.argmax(dim=1).numpy() != labels[network]).sum()) == epoch.errors

    train_stacked(networks, x, labels, Settings(lr=0.1, batch_size=8, epochs=5), on_epoch=check)


def test_what_can_not_be_stacked() -> None:
    x, labels = problem(2)
    settings = Settings(epochs=1)
    for networks in (
        [*fresh(1), build("mlp", (D,), K, widths=(9,)).double()],
        [build("mlp", (D,), K, widths=(9,), batchnorm=True).double() for _ in range(2)],
    ):
        with pytest.raises(InputError, match="train them one by one"):
            train_stacked(networks, x, labels, settings)
        if len(networks) == 2 and isinstance(networks[0][2], nn.BatchNorm1d):
            assert not pays(networks[0], settings)
    for other in ({"optimizer": "adam"}, {"augment": 1}, {"stop": "loss:0.1"}):
        with pytest.raises(InputError, match="one by one"):
            train_stacked(fresh(2), x, labels, replace(settings, **other))
        assert not pays(fresh(1)[0], replace(settings, **other))
    with pytest.raises(InputError, match="converges"):
        train_stacked(fresh(2), x, labels, Settings(lr=1e300, epochs=3))
    assert pays(fresh(1)[0], settings)
    assert not pays(build("mlp", (D,), K, widths=(1000,)), settings)
