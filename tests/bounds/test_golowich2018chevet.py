"""The Gaussian form of the Frobenius-norm bound: worked values, the truth on tiny classes, order beside the paper's form."""

from __future__ import annotations

import dataclasses
import itertools
import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.golowich2018chevet import mean_norm_up, peel_up, supremum_up
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Status

theorem = CATALOGUE["golowich2018chevet"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
FROBENIUS, SPECTRAL = float(np.linalg.norm(EIGHT)), float(np.linalg.norm(EIGHT, 2))


def test_the_mean_norm_of_a_gaussian_vector() -> None:
    for m in [*range(1, 40), 99, 1000, 21841]:
        exact = mpmath.sqrt(2) * mpmath.exp(mpmath.loggamma((m + 1) / mpmath.mpf(2)) - mpmath.loggamma(m / mpmath.mpf(2)))
        assert exact <= mean_norm_up(m) <= exact * (1 + m * mpmath.mpf(2) ** -50)


def test_worked_values() -> None:
    # Worked by hand from the statement: k = 10, L = 3, |X|_F^2 = 50000, |X|_op = 60, c_9 = 2.917978.
    assert supremum_up(3, 0.0, math.sqrt(50000), 60.0, 10) == pytest.approx(802.419, abs=6e-4)
    # S_5 and S_3 on the eight points: one logit, times sqrt(2) for the difference of two.
    assert supremum_up(5, 0.0, math.sqrt(50000), 60.0, 2) / math.sqrt(2) == pytest.approx(415.6851889, rel=1e-9)
    assert supremum_up(3, 0.0, FROBENIUS, SPECTRAL, 2) / math.sqrt(2) == pytest.approx(7.025623, rel=1e-7)


def test_the_worked_bound() -> None:
    # B / gamma = 2, ramp loss .05, n = 50000, delta = .05, the supremum above: 0.1331563. One margin in twenty is an error, the
    # others lie beyond the margin 1.
    bound = theorem.formula(
        margins=[-1.0] + [1.0000001] * 19,
        top=2.0,
        frobenius=[1.0],
        factors=[],
        depth=3,
        slope=0.0,
        input_frobenius=math.sqrt(50000),
        input_spectral=60.0,
        classes=10,
        n=50000,
        delta=0.05,
    )
    assert bound.choices["margin"] == pytest.approx(1.0, rel=1e-12)
    assert bound.value == pytest.approx(0.1331563, abs=5.1e-8)


def test_never_below_the_truth_for_one_scalar_layer_pair() -> None:
    """Two classes: the exact supremum over single units of norm one, over a fine grid of angles, averaged over all signs."""
    angles = np.linspace(0.0, 2.0 * math.pi, 20000, endpoint=False)
    units = np.maximum(EIGHT @ np.array([np.cos(angles), np.sin(angles)]), 0.0)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    truth = float(np.abs(signs @ units).max(axis=1).mean())
    assert truth / 8 == pytest.approx(0.328747, abs=2e-6)  # the limit of finer grids; this one loses 1e-6
    assert truth * math.sqrt(2.0) <= supremum_up(2, 0.0, FROBENIUS, SPECTRAL, 2)


@pytest.mark.parametrize("classes", [3, 4, 10])
def test_the_gaussian_supremum_is_never_below_the_truth(classes: int) -> None:
    """E sup <g, v> a over centred v and units a: sampled, with the supremum exact in v and over 720 angles."""
    rng = np.random.default_rng(classes)
    angles = np.linspace(0.0, 2.0 * math.pi, 720, endpoint=False)
    units = np.maximum(EIGHT @ np.array([np.cos(angles), np.sin(angles)]), 0.0)
    g = rng.normal(size=(4000, classes, 8)) @ units
    centred = g - g.mean(axis=1, keepdims=True)
    sampled = np.linalg.norm(centred, axis=1).max(axis=1)
    truth = float(sampled.mean()) - 4.0 * float(sampled.std()) / math.sqrt(4000)  # four standard errors below
    assert 0.0 < math.sqrt(math.pi) * truth <= supremum_up(2, 0.0, FROBENIUS, SPECTRAL, classes)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0])
def test_never_above_the_papers_constant(classes: int, depth: int, ratio: float) -> None:
    contraction = math.sqrt(2.0) if classes == 2 else 2.0 * math.sqrt(classes)
    paper = contraction * (math.sqrt(2.0 * depth * math.log(2.0)) + 1.0)
    assert supremum_up(depth, 0.0, 1.0, ratio, classes) <= paper


@pytest.mark.parametrize("classes", [2, 5])
def test_linear_activations_cost_nothing_to_peel(classes: int) -> None:
    assert peel_up(7, 1.0) == 0.0
    values = [supremum_up(4, slope, 3.0, 2.0, classes) for slope in (1.0, 0.5, 0.1, 0.0)]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_scaling_the_last_layer_scales_margins_and_nothing_else() -> None:
    common = {
        "frobenius": [1.5],
        "factors": [],
        "depth": 3,
        "slope": 0.0,
        "input_frobenius": 90.0,
        "input_spectral": 30.0,
        "classes": 3,
        "n": 10**5,
        "delta": 0.05,
    }
    margins = [0.4, 1.0, 1.7, 2.5, 3.0]
    one = theorem.formula(margins=margins, top=1.0, **common)
    other = theorem.formula(margins=[1024.0 * m for m in margins], top=1024.0, **common)
    assert other.value == pytest.approx(one.value, rel=1e-12)  # logarithms of norms round


def with_layer(evidence: Evidence, name: str, **fields: object) -> Evidence:
    assert evidence.layers is not None
    layer = dataclasses.replace(evidence.layers[name], **fields)  # type: ignore[arg-type]
    return dataclasses.replace(evidence, layers={**evidence.layers, name: layer})


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("first", {"kind": "conv"}, "not a dense layer"),
        ("first", {"lipschitz_after": 0.5}, "pool"),
        ("last", {"parameters": 0}, "no parameters"),
        ("last", {"spectral": math.inf, "parameters": 0}, "no parameters"),
    ],
)
def test_other_last_layers_are_refused(name: str, fields: dict[str, object], reason: str) -> None:
    certificate = theorem(with_layer(example_evidence(), name, **fields), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


@pytest.mark.parametrize("structure", [{"has_max_pool": True}, {"elementwise": (2.0,)}, {"lowered": False}])
def test_a_violated_hypothesis_is_a_verdict(structure: dict[str, object]) -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    changed = dataclasses.replace(evidence.structure, **structure)  # type: ignore[arg-type]
    assert "violated" in str(theorem(dataclasses.replace(evidence, structure=changed), 0.05).why)


def test_a_linear_network_needs_one_norm() -> None:
    evidence = example_evidence()
    assert evidence.layers is not None
    assert evidence.structure is not None
    linear = dataclasses.replace(
        evidence,
        layers={"last": evidence.layers["last"]},
        structure=dataclasses.replace(evidence.structure, chain=("last",), elementwise=()),
    )
    symbols = theorem.measure(linear)
    assert (symbols["depth"], symbols["slope"], symbols["frobenius"]) == (1, 1.0, [])
    assert symbols["top"] == evidence.layers["last"].frobenius
