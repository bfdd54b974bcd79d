"""Convolutions patch by patch: worked values, truth of tiny networks, what is measured against torch, the verdicts."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.measure_patches import measure_patches
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.modules import Normalize
from boundcheck.networks.tracing import trace
from boundcheck.theorem import Bound, Status

theorem = CATALOGUE["galanti2023patches"]


def rescaled(bound: Bound) -> float:
    return bound.terms["complexity"] * bound.choices["margin"] / 2.0  # type: ignore[operator]


@pytest.mark.parametrize(("spectral", "value"), [(math.sqrt(15000.0), 0.1773952), (40.0, 0.1036232)])
def test_worked_values_of_one_real_function(spectral: float, value: float) -> None:
    """M = 5, product of windows 9, 15000 squares in a patch, 676 windows, three layers, n = 50000; the pair has sqrt(2) M."""
    bound = theorem.formula(
        margins=[1e9] * 50000, top=5.0, kernels=[1.0], taps=[9], pools=[], slope=0.0, patch_frobenius=math.sqrt(15000.0),
        patch_spectral=spectral, positions=676, classes=2, n=50000, delta=0.05,
    )  # fmt: skip
    assert rescaled(bound) / math.sqrt(2.0) == pytest.approx(value, abs=1e-7)


def test_a_dense_network_is_one_window() -> None:
    """Then it is the Gaussian form for Frobenius norms."""
    common: dict[str, Any] = {"margins": [1.0, 9.0] * 9, "top": 2.0, "slope": 0.2, "classes": 5, "n": 18, "delta": 0.05}
    dense = CATALOGUE["golowich2018chevet"].formula(
        frobenius=[3.0], factors=[1.0], depth=3, input_frobenius=7.0, input_spectral=4.0, **common
    )
    patches = theorem.formula(
        kernels=[3.0], taps=[1], pools=[1.0], patch_frobenius=7.0, patch_spectral=4.0, positions=1, **common
    )
    assert patches.value == pytest.approx(dense.value, rel=1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_never_below_the_truth_on_eight_signals(bias: bool, classes: int) -> None:
    """For every sign vector the supremum over many small networks, each scaled to the same product of norms as measured."""
    torch.manual_seed(3)
    x = torch.randn(8, 1, 6, dtype=torch.float64)
    labels, losses, largest = np.arange(8) % classes, [], None
    for _ in range(60):
        network = nn.Sequential(
            nn.Conv1d(1, 2, 3, padding=1, bias=bias), nn.ReLU(), nn.AvgPool1d(2), nn.Conv1d(2, 2, 2, bias=bias), nn.ReLU(),
            nn.Flatten(), nn.Linear(4, classes, bias=bias),
        ).double().eval()  # fmt: skip
        found = measure_patches(trace(network, (1, 6)), x.numpy())
        product = found.top * math.prod(found.kernels) * math.prod(map(math.sqrt, found.taps))
        logits = network(x).detach().numpy() * (1.0 / product)  # the last layer scales
        own = logits[np.arange(8), labels].copy()
        logits[np.arange(8), labels] = -np.inf
        losses.append(np.clip(1.0 - 8.0 * (own - logits.max(axis=1)), 0.0, 1.0))  # margin 1/8
        largest = found
    assert largest is not None
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 8
    bound = theorem.formula(
        margins=[1e9] * 8, top=1.0, kernels=[], taps=[], pools=[], slope=0.0, patch_frobenius=largest.frobenius,
        patch_spectral=largest.spectral, positions=largest.positions, classes=classes, n=8, delta=0.05,
    )  # fmt: skip
    assert 0.0 < searched <= 8.0 * rescaled(bound)


def test_the_step_through_the_windows_on_eight_signals() -> None:
    """E max_p |sum_i s_i v_p| after one convolution is at most 3/2 |K|_F E max_p |sum_i s_i u_p|: no price for positions."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(8, 6))
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)  # 8, 4, 3
    directions = rng.normal(size=(3, 4000))
    units = np.maximum(windows @ (directions / np.linalg.norm(directions, axis=0)), 0.0)  # 8, 4, 4000
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    after = np.abs(np.tensordot(signs, units, axes=(1, 0))).max(axis=(1, 2)).mean()
    before = np.linalg.norm(np.tensordot(signs, windows, axes=(1, 0)), axis=2).max(axis=1).mean()
    assert after <= 1.5 * before


CHAINS: list[tuple[nn.Module, tuple[int, ...], tuple[int, ...], int]] = [
    # network, input shape, positions read by the windows from the second layer on, windows of the first layer, group by group
    (nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(75, 4)), (2, 5, 5), (), 25),
    (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, bias=False), nn.ReLU(), nn.Conv2d(4, 4, 2, groups=2, bias=False), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3, bias=False),
        ),
        (2, 7, 7), (4,), 9,
    ),
    (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, groups=2, padding=1, padding_mode="reflect"), nn.LeakyReLU(0.1), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(36, 6), nn.ReLU(), nn.Linear(6, 3),
        ),
        (2, 6, 6), (9,), 72,
    ),
    (
        nn.Sequential(Normalize((0.3, 0.1), (0.5, 2.0)), nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)),
        (2, 5, 5), (), 9,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("network", "shape", "taps", "positions"), CHAINS)
def test_what_is_measured(network: nn.Module, shape: tuple[int, ...], taps: tuple[int, ...], positions: int) -> None:
    """The patches by torch's own unfolding, position by position and group by group."""
    x = np.random.default_rng(13).normal(size=(40, *shape))
    found = measure_patches(trace(network.eval(), shape), x)
    assert (found.taps, found.positions) == (taps, positions)
    modules = list(network)
    signal = torch.from_numpy(x)
    if isinstance(modules[0], Normalize):
        signal = modules.pop(0).double()(signal)
    first = modules[0]
    if first.padding_mode != "zeros":
        signal = nn.functional.pad(signal, [first.padding[1]] * 2 + [first.padding[0]] * 2, mode=first.padding_mode)
    padding = first.padding if first.padding_mode == "zeros" else 0
    unfolded = nn.functional.unfold(signal, first.kernel_size, padding=padding, stride=first.stride)
    patches = unfolded.reshape(40, first.groups, -1, unfolded.shape[-1])
    biased = any(getattr(m, "bias", None) is not None for m in modules) or len(modules) < len(list(network))
    truth = math.sqrt(float(patches.square().sum(dim=(0, 2)).max()) + 40 * biased)
    assert truth * (1.0 - 1e-14) <= found.frobenius <= truth * (1.0 + 1e-10)
    assert found.spectral <= found.frobenius


def test_the_sum_over_the_last_hidden_units() -> None:
    """With a global average each unit counts once per channel, the positions share what leaves it."""
    network = CHAINS[1][0].eval()
    found = measure_patches(trace(network, (2, 7, 7)), np.ones((3, 2, 7, 7)))
    kernel = network[2].weight.detach().double()
    last = network[6].weight.detach().double()
    truth = float(((last - last.mean(dim=0)).norm(dim=0) * kernel.flatten(1).norm(dim=1)).sum())
    assert truth * (1.0 - 1e-14) <= found.top <= truth * (1.0 + 1e-10)
    assert found.kernels == pytest.approx([float(network[0].weight.detach().double().norm())], rel=1e-12)


@pytest.mark.parametrize(
    ("network", "shape", "reason"),
    [
        (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (6,), "no convolution"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3)), (1, 4, 4), "max-pool"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 2), nn.Flatten()), (1, 4, 4), "not dense"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(8, 3)), (1, 4, 4), "GELU"),
    ],
)
def test_other_networks_are_said_to_be_others(network: nn.Module, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        measure_patches(trace(network.eval(), shape), np.ones((2, *shape)))


@pytest.mark.parametrize(
    ("structure", "reason"),
    [({"elementwise": (1.5,)}, "slope 1.5"), ({"has_max_pool": True}, "max-pool"), ({"lowered": False}, "floating-point")],
)
def test_a_violated_hypothesis_is_a_verdict(structure: dict[str, object], reason: str) -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    shape = dataclasses.replace(evidence.structure, **structure)  # type: ignore[arg-type]
    certificate = theorem(dataclasses.replace(evidence, structure=shape), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)
