"""Two layers and a reference: worked value, truth on eight points, what is measured, the verdicts."""

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
from boundcheck.evidence.hidden_units import DISTANCES, distance_up
from boundcheck.evidence.measure_hidden_units import measure_hidden_units
from boundcheck.evidence.record import Evidence
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.tracing import trace
from boundcheck.theorem import Bound, Status

paper, sharper = CATALOGUE["neyshabur2019role"], CATALOGUE["neyshabur2019units"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
START = np.array([(0.6, -0.8), (-1.0, 0.5), (0.2, 0.1)])
SIZE, SPECTRAL = float(np.linalg.norm(EIGHT)), float(np.linalg.norm(EIGHT, 2))


def rescaled(bound: Bound) -> float:
    return bound.terms["complexity"] * bound.choices["margin"] / 2.0  # type: ignore[operator]


def test_the_grid_of_distances_is_that_of_the_statement() -> None:
    assert len(DISTANCES) == 40
    assert (DISTANCES[0], DISTANCES[-1]) == (2.0**-10, 2.0**9.5)
    assert distance_up(0.0) == 2.0**-10
    assert distance_up(1.0) == 1.0
    assert distance_up(math.nextafter(1.0, 2.0)) == 2.0**0.5
    assert distance_up(1e3) == math.inf


def test_the_worked_value() -> None:
    """|X|_F = sqrt(50000), |X|_op = 60, h = 256, A_1 = 4, A_2 = 6, gamma = 1: 0.1963373 with c_10; class-centred: c_9."""
    chosen = {"margins": [1e9] * 50000, "units": 256, "biased": False, "factors": [], "n": 50000, "delta": 0.05}
    bound = sharper.formula(
        initial_sum=4.0, distance_sum=6.0, input_frobenius=math.sqrt(50000), input_spectral=60.0, classes=11, **chosen
    )
    # The pair of scales that is chosen rounds one of the two quotients up by less than the root of 2.
    assert 0.1963373 * (1.0 - 1e-6) <= rescaled(bound) <= 0.1963373 * math.sqrt(2.0)
    doubled = sharper.formula(
        initial_sum=8.0, distance_sum=8.0, input_frobenius=math.sqrt(50000), input_spectral=60.0, classes=11, **chosen
    )
    c_10 = 3.084327760
    near, spread = (60.0 * (c_10 + math.sqrt(2.0 * math.log(m))) for m in (256, 256 * 40))
    assert rescaled(doubled) == pytest.approx(math.sqrt(math.pi) / 50000 * 8.0 * (near + math.sqrt(50000) + spread), rel=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_never_below_the_truth_on_eight_points(classes: int) -> None:
    """The supremum of the ramp loss over networks near a start, for every sign vector; norms of V and U - U_0 are given."""
    rng = np.random.default_rng(10)
    labels, losses, sums = np.arange(8) % classes, [], [0.0, 0.0]
    for _ in range(3000):
        move, v = rng.normal(size=(3, 2)) * (rng.uniform(size=(3, 1)) < 0.6), rng.normal(size=(classes, 3))
        move, v = move / max(np.linalg.norm(move), 1e-9), v - v.mean(axis=0)
        v = v / np.linalg.norm(v)
        logits = np.maximum(EIGHT @ (START + move).T, 0.0) @ v.T
        own = logits[np.arange(8), labels]
        logits[np.arange(8), labels] = -np.inf
        losses.append(np.clip(1.0 - (own - logits.max(axis=1)), 0.0, 1.0))
        leaving = np.linalg.norm(v, axis=0)
        moved = [distance_up(d) for d in np.linalg.norm(move, axis=1)]
        found = (float(leaving @ np.linalg.norm(START, axis=1)), float(leaving @ moved))
        sums = [max(pair) for pair in zip(sums, found, strict=True)]
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 8
    common: dict[str, Any] = {"margins": [1e9] * 8, "units": 3, "factors": [], "classes": classes, "n": 8, "delta": 0.05}
    size = {"input_frobenius": SIZE, "input_spectral": SPECTRAL}
    start = {"initial": float(np.linalg.norm(START)), "initial_spectral": float(np.linalg.norm(START, 2))}
    assert 0.0 < searched <= rescaled(paper.formula(last=1.0, distance=1.0, **start, **size, **common))
    assert searched <= rescaled(sharper.formula(initial_sum=sums[0], distance_sum=sums[1], biased=False, **size, **common))


@pytest.mark.parametrize("units", [2, 64, 4096])
def test_the_price_of_the_units_is_a_binomial(units: int) -> None:
    common: dict[str, Any] = {"margins": [1.0], "last": 1.0, "distance": 1.0, "initial": 1.0, "initial_spectral": 1.0}
    more: dict[str, Any] = {"factors": [], "input_frobenius": 1.0, "input_spectral": 1.0, "classes": 3, "n": 10**6, "delta": 0.05}
    found = paper.formula(units=units, **common, **more).terms["confidence"]
    cost = math.log(401 * 801 / 0.05) + math.log(math.comb(2 * units, units))
    assert found == pytest.approx(2.0 * math.sqrt(cost / 2e6), rel=1e-10)


def two_layers(bias: bool, seed: int, slope: float = 0.0) -> nn.Sequential:
    torch.manual_seed(seed)
    middle = nn.LeakyReLU(slope) if slope else nn.ReLU()
    return nn.Sequential(nn.Linear(6, 9, bias=bias), middle, nn.Linear(9, 4, bias=bias)).eval()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("referenced", [False, True])
def test_what_is_measured(bias: bool, referenced: bool) -> None:
    """Against torch, from above and by no more than rounding."""
    network, start = two_layers(bias, 1), two_layers(bias, 2) if referenced else None
    found = measure_hidden_units(trace(network, (6,)), None if start is None else trace(start, (6,)))

    def joined(layer: Any) -> np.ndarray:
        parts = [layer.weight] + ([layer.bias[:, None]] if bias else [])
        return torch.cat(parts, 1).detach().double().numpy()

    u, v = joined(network[0]), joined(network[2])
    u_0, v = np.zeros_like(u) if start is None else joined(start[0]), v - v.mean(axis=0)
    leaving, last_bias = np.linalg.norm(v[:, :9], axis=0), float(np.linalg.norm(v[:, 9:]))
    moved = [distance_up(d) for d in np.linalg.norm(u - u_0, axis=1)]
    truth = {
        "last": np.linalg.norm(v),
        "distance": np.linalg.norm(u - u_0),
        "initial": math.hypot(np.linalg.norm(u_0), bias),
        "initial_spectral": math.hypot(np.linalg.norm(u_0, 2), bias),
        "initial_sum": leaving @ np.linalg.norm(u_0, axis=1) + last_bias,
        "distance_sum": leaving @ moved,
    }
    assert found.units == 9
    for name, value in truth.items():
        assert value * (1.0 - 1e-14) <= getattr(found, name) <= value * (1.0 + 1e-10)


@pytest.mark.parametrize(
    ("network", "shape", "reason"),
    [
        (nn.Sequential(nn.Linear(6, 3)), (6,), "1 layers"),
        (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3)), (6,), "3 layers"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)), (1, 4, 4), "not a dense layer"),
        (nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 3)), (6,), "GELU"),
    ],
)
def test_other_networks_are_said_to_be_others(network: nn.Module, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        measure_hidden_units(trace(network.eval(), shape), None)


def test_a_reference_of_another_width_is_refused() -> None:
    other = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)).eval()
    with pytest.raises(Unavailable, match="shape"):
        measure_hidden_units(trace(two_layers(True, 1), (6,)), trace(other, (6,)))


def changed(evidence: Evidence, **structure: object) -> Evidence:
    assert evidence.structure is not None
    return dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, **structure))  # type: ignore[arg-type]


@pytest.mark.parametrize("theorem", [paper, sharper])
@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        ({"elementwise": (1.5,)}, "slope 1.5"),
        ({"lowered": False}, "floating-point"),
        ({"chain": (), "why_no_chain": "skip connections"}, "skip connections"),
    ],
)
def test_a_violated_hypothesis_is_a_verdict(theorem, structure: dict[str, object], reason: str) -> None:  # type: ignore[no-untyped-def]
    certificate = theorem(changed(example_evidence(), **structure), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


@pytest.mark.parametrize("theorem", [paper, sharper])
def test_a_unit_beyond_the_grid_is_a_verdict(theorem) -> None:  # type: ignore[no-untyped-def]
    evidence = example_evidence()
    assert evidence.hidden_units is not None
    far = dataclasses.replace(evidence.hidden_units, distance_sum=math.inf)
    assert "too far" in str(theorem(dataclasses.replace(evidence, hidden_units=far), 0.05).why)
