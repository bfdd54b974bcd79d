"""Frobenius norms peeled without exponentials: constants, truth on eight points, hypotheses, the two forms in order."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import mpmath
import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.neyshabur2015moments import kappa_up
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Status

paper, sharper = CATALOGUE["neyshabur2015norm"], CATALOGUE["neyshabur2015moments"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
ANGLES = np.linspace(0.0, 2.0 * math.pi, 720, endpoint=False)
UNITS = np.maximum(EIGHT @ np.array([np.cos(ANGLES), np.sin(ANGLES)]), 0.0)


def complexity(name: str, frobenius: Sequence[float], classes: int, n: int = 8, size: float = 3.122498999199199) -> float:
    """``gamma`` times the bound on the Rademacher complexity: half the complexity term times the margin chosen."""
    more = {"slope": 0.0} if name == "neyshabur2015moments" else {}
    bound = CATALOGUE[name].formula(
        margins=[1e9] * n, frobenius=frobenius, factors=[], input_frobenius=size, classes=classes, n=n, delta=0.05, **more
    )
    return bound.terms["complexity"] * bound.choices["margin"] / 2.0  # type: ignore[operator]


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_the_paper_doubles_per_layer(depth: int) -> None:
    one = complexity("neyshabur2015norm", [1.0], 3)
    assert complexity("neyshabur2015norm", [1.0] * depth, 3) == pytest.approx(2.0 ** (depth - 1) * one, rel=1e-12)
    assert one == pytest.approx(2.0 * math.sqrt(3.0) * 3.122498999199199 / 8, rel=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 20])
def test_the_sharper_form_is_never_larger(classes: int, depth: int) -> None:
    assert complexity("neyshabur2015moments", [1.5] * depth, classes) <= complexity("neyshabur2015norm", [1.5] * depth, classes)


@pytest.mark.parametrize(("levels", "slope"), [(0, 0.0), (1, 0.0), (2, 0.5), (4, 0.0), (19, 0.0), (300, 0.01), (5, 1.0)])
def test_kappa_is_the_least_over_moments(levels: int, slope: float) -> None:
    q = (3 - mpmath.mpf(slope)) / 2
    truth = min(mpmath.power(q**levels * mpmath.fac2(2 * m - 1), mpmath.mpf(1) / (2 * m)) for m in range(1, 200))
    value, _ = kappa_up(levels, slope)
    assert truth <= value <= truth * (1 + mpmath.mpf(10) ** -12)


@pytest.mark.parametrize(("depth", "exponential"), [(2, 1.5), (3, 2.25), (5, 2.801033), (10, 3.701550), (20, 4.925261)])
def test_moments_beat_exponentials(depth: int, exponential: float) -> None:
    """The constants min(1.5^(L-1), 1 + sqrt(2 (L-1) ln 1.5)) of peeling means and exponential moments."""
    assert kappa_up(depth - 1, 0.0)[0] < exponential


@pytest.mark.parametrize("p", [2, 4, 8])
def test_one_layer_costs_three_halves_inside_a_moment(p: int) -> None:
    """E sup |sum_i s_i relu(w x_i)|^p over unit w, exactly over all signs; and the moment of the inputs."""
    above = float((np.abs(SIGNS @ UNITS).max(axis=1) ** p).mean())
    below = float((np.linalg.norm(SIGNS @ EIGHT, axis=1) ** p).mean())
    assert above <= 1.5 * below
    assert below <= float(mpmath.fac2(p - 1)) * np.linalg.norm(EIGHT) ** p * (1.0 + 1e-12)
    assert above >= 0.5**p * below  # relu(t) - relu(-t) = t: one of two opposite units sees half


@pytest.mark.parametrize("name", ["neyshabur2015norm", "neyshabur2015moments"])
@pytest.mark.parametrize("classes", [2, 3])
def test_never_below_the_truth_on_eight_points(name: str, classes: int) -> None:
    """For every sign vector the supremum of the ramp loss over many networks of norm one."""
    rng = np.random.default_rng(6)
    labels, losses = np.arange(8) % classes, []
    for _ in range(2000):
        w, v = rng.normal(size=(2, 2)), rng.normal(size=(classes, 2))
        w[1] *= rng.uniform() < 0.5
        logits = np.maximum(EIGHT @ (w / np.linalg.norm(w)).T, 0.0) @ (v / np.linalg.norm(v)).T
        own = logits[np.arange(8), labels]
        logits[np.arange(8), labels] = -np.inf
        losses.append(np.clip(1.0 - (own - logits.max(axis=1)), 0.0, 1.0))
    searched = float((SIGNS @ np.array(losses).T).max(axis=1).mean()) / 8
    assert 0.0 < searched <= complexity(name, [1.0, 1.0], classes)


def changed(evidence: Evidence, **structure: object) -> Evidence:
    assert evidence.structure is not None
    return dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, **structure))  # type: ignore[arg-type]


@pytest.mark.parametrize("theorem", [paper, sharper])
@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        ({"elementwise": (0.0, 1.5)}, "slope 1.5"),
        ({"has_max_pool": True}, "max-pool"),
        ({"lowered": False}, "floating-point"),
        ({"chain": (), "why_no_chain": "skip connections"}, "skip connections"),
    ],
)
def test_a_violated_hypothesis_is_a_verdict(theorem, structure: dict[str, object], reason: str) -> None:  # type: ignore[no-untyped-def]
    certificate = theorem(changed(example_evidence(), **structure), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_a_fixed_step_between_trained_layers_is_not_covered() -> None:
    evidence = example_evidence()
    assert evidence.layers is not None
    fixed = dataclasses.replace(evidence.layers["first"], kind="diagonal", parameters=0)
    layers = {**evidence.layers, "fixed": fixed}
    odd = changed(dataclasses.replace(evidence, layers=layers), chain=("first", "fixed", "last"))
    assert "without parameters" in str(sharper(odd, 0.05).why)
    early = changed(dataclasses.replace(evidence, layers=layers), chain=("fixed", "first", "last"))
    assert len(sharper.measure(early)["frobenius"]) == 2
