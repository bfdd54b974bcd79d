"""Gradients that are written out are those of automatic differentiation, and are asked only of networks that they are of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from boundcheck.networks import build
from boundcheck.runs.dense_gradients import written_out
from boundcheck.runs.run import Sample
from boundcheck.runs.sgd_steps import SgdSteps
from boundcheck.runs.training import Settings, batches, train_epochs

N, D, K = 21, 6, 3


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(N, 2, D // 2))), torch.from_numpy(rng.integers(0, K, N))


def fresh(widths: tuple[int, ...] = (5, 4), *, bias: bool = True, seed: int = 0) -> nn.Module:
    return build("mlp", (2, D // 2), K, seed=seed, widths=widths, bias=bias).double()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [(), (5,), (5, 4, 3)])
@pytest.mark.parametrize("size", [1, N])
def test_they_are_those_of_automatic_differentiation(widths: tuple[int, ...], bias: bool, size: int) -> None:
    x, y = (part[:size] for part in problem())
    ours, theirs = fresh(widths, bias=bias), fresh(widths, bias=bias)
    gradients = written_out(ours, x, K)
    assert gradients is not None
    loss = nn.functional.cross_entropy(theirs(x), y)
    loss.backward()  # type: ignore[no-untyped-call]
    for _ in range(2):  # the second call finds the gradients of the first
        assert gradients(x, y) == pytest.approx(float(loss.detach()), rel=1e-13)
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-14)  # roundings of sums of some ten products
    torch.testing.assert_close(gradients.outputs(x), theirs(x).detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_takes_the_steps_of_a_plain_loop(optimizer: str, momentum: float) -> None:
    x, y = problem()
    given = {"optimizer": optimizer, "momentum": momentum, "lr_decay": 0.9, "weight_decay": 0.01, "batch_size": 4}
    settings = Settings(**given, lr=0.05, epochs=5, seed=2, stop="loss:1e-9")  # type: ignore[arg-type]
    ours, theirs = fresh(), fresh()
    train_epochs(ours, Sample(x.numpy(), y.numpy()), settings)
    steps = (
        torch.optim.SGD(theirs.parameters(), momentum=momentum, weight_decay=0.01)
        if optimizer == "sgd"
        else torch.optim.Adam(theirs.parameters(), weight_decay=0.01)
    )
    for epoch in range(1, 6):
        steps.param_groups[0]["lr"] = 0.05 * 0.9 ** (epoch - 1)
        for batch in batches(N, settings, epoch):
            steps.zero_grad()
            nn.functional.cross_entropy(theirs(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            steps.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        # Roundings of 30 steps in float64; Adam divides by small numbers.
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_steps_go_on_from_the_state_of_the_optimizer_and_leave_it_theirs() -> None:
    x, y = problem()
    ours, theirs = fresh(), fresh()
    gradients, others = written_out(ours, x, K), written_out(theirs, x, K)
    assert gradients is not None
    assert others is not None
    a, b = (torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01) for net in (ours, theirs))
    for number in range(6):
        gradients(x, y)
        others(x, y)
        # Every other pair of steps is written out.
        (a.step if number // 2 % 2 else SgdSteps(a))()
        b.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        # Roundings of six steps in float64.
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(a.state[p]["momentum_buffer"], b.state[q]["momentum_buffer"], rtol=1e-12, atol=1e-14)


def test_weights_of_a_narrow_network_do_not_depend_on_the_threads() -> None:
    """BLAS sums in another order where threads share a product."""
    rng = np.random.default_rng(1)
    sample = Sample(rng.normal(size=(256, 784)).astype(np.float32), rng.integers(0, K, 256))
    found = []
    for number in (1, 2):
        network = build("mlp", (784,), K, seed=0, widths=(128, 128))
        with threadpool_limits(limits=number):
            found.append(train_epochs(network, sample, Settings(epochs=2, stop="loss:1e-9")).state)
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def hooked() -> nn.Module:
    network = fresh()
    network[1].register_forward_hook(lambda module, inputs, output: 2.0 * output)  # type: ignore[index]
    return network


def frozen() -> nn.Module:
    network = fresh()
    next(network.parameters()).requires_grad_(False)
    return network


def frozen_bias() -> nn.Module:
    network = fresh()
    network[1].bias.requires_grad_(False)  # type: ignore[index, union-attr]
    return network


def with_dropout() -> nn.Module:
    return build("mlp", (2, D // 2), K, seed=0, widths=(5,), dropout=0.5).double()


@pytest.mark.parametrize("make", [hooked, frozen, frozen_bias, with_dropout, lambda: nn.Linear(D, K), lambda: nn.Sequential()])
def test_other_networks_are_left_to_differentiation(make: Callable[[], nn.Module]) -> None:
    assert written_out(make(), problem()[0], K) is None


def test_inputs_or_labels_that_do_not_fit_are_left_to_differentiation() -> None:
    assert written_out(fresh(), problem()[0][:, :1], K) is None
    assert written_out(fresh(), problem()[0], K + 1) is None
