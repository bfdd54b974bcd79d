"""The Frobenius-norm bound: its constant, the truth on tiny classes, hypotheses one by one."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import mpmath
import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Status

theorem = CATALOGUE["golowich2018size"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
MARGINS = [0.4, 1.0, 1.7, 2.5, 3.0]


def complexity(frobenius: Sequence[float], input_frobenius: float, classes: int, n: int) -> float:
    """``gamma`` times the bound on the Rademacher complexity: half the complexity term times the margin chosen."""
    bound = theorem.formula(
        margins=[1e9] * n,
        frobenius=frobenius,
        factors=[],
        input_frobenius=input_frobenius,
        classes=classes,
        n=n,
        delta=0.05,
    )
    return bound.terms["complexity"] * bound.choices["margin"] / 2.0  # type: ignore[operator]


@pytest.mark.parametrize(("depth", "constant"), [(1, 2.177), (2, 2.665), (3, 3.039), (5, 3.633), (10, 4.723), (20, 6.266)])
def test_the_constant_is_that_of_the_paper(depth: int, constant: float) -> None:
    # Values of sqrt(2 L ln 2) + 1, rounded to three decimals; for k = 4 the contraction costs 2 sqrt(4).
    assert complexity([1.0] * depth, 100.0, 4, 100) == pytest.approx(4.0 * constant, abs=4 * 5.1e-4)


def test_the_mean_square_argument_of_the_proof() -> None:
    """(1 + u)^2 + 2 + 2 m(u) stays below (sqrt(2 L ln 2) + 1)^2 for u = sqrt(2 (L-1) ln 1.5), where the proof needs it."""
    for depth in range(2, 200):
        u = mpmath.sqrt(2 * (depth - 1) * mpmath.log(1.5))
        mills = mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(u * u / 2) * mpmath.erfc(u / mpmath.sqrt(2))
        assert (1 + u) ** 2 + 2 + 2 * mills < (mpmath.sqrt(2 * depth * mpmath.log(2)) + 1) ** 2


@pytest.mark.parametrize("classes", [2, 3])
def test_never_below_the_truth_on_eight_points(classes: int) -> None:
    """For every sign vector the supremum over many networks of norm one, averaged exactly over all 256."""
    rng = np.random.default_rng(5)
    labels = np.arange(8) % classes
    losses = []
    for _ in range(3000):
        w, v = rng.normal(size=(2, 2)), rng.normal(size=(classes, 2))
        w[1] *= rng.uniform() < 0.5  # single units are the extreme points
        logits = np.maximum(EIGHT @ (w / np.linalg.norm(w)).T, 0.0) @ (v / np.linalg.norm(v)).T
        own = logits[np.arange(8), labels]
        logits[np.arange(8), labels] = -np.inf
        losses.append(np.clip(1.0 - (own - logits.max(axis=1)), 0.0, 1.0))
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 8
    bound = complexity([1.0, 1.0], float(np.linalg.norm(EIGHT)), classes, 8)
    assert 0.0 < searched <= bound


def test_the_mean_square_over_logits_on_eight_points() -> None:
    """E sqrt(sum_c Y_c^2), the quantity that the proof bounds, computed exactly over two independent sign vectors."""
    angles = np.linspace(0.0, 2.0 * math.pi, 400, endpoint=False)
    units = np.maximum(EIGHT @ np.array([np.cos(angles), np.sin(angles)]), 0.0)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    y = np.abs(signs @ units).max(axis=1)  # sup over |W|_F <= 1 of |sum_i s_i relu(W x_i)| is at one unit
    both = float(np.sqrt(y[:, None] ** 2 + y[None, :] ** 2).mean())
    claimed = math.sqrt(2.0) * (math.sqrt(4 * math.log(2.0)) + 1.0) * float(np.linalg.norm(EIGHT))
    assert both <= claimed
    assert both > math.sqrt(2.0) * float(y.mean())  # a root of a mean square: the mean alone would be too small


@pytest.mark.parametrize("factor", [2.0, 4.0**10, 2.0**-30])
def test_scaling_the_last_layer_scales_margins_and_nothing_else(factor: float) -> None:
    common = {"factors": [0.5], "input_frobenius": 30.0, "classes": 3, "n": 10**5, "delta": 0.05}
    one = theorem.formula(margins=MARGINS, frobenius=[1.5, 1.0], **common)
    other = theorem.formula(margins=[m * factor for m in MARGINS], frobenius=[1.5, factor], **common)
    assert other.value == pytest.approx(one.value, rel=1e-12)  # logarithms of norms round


def test_a_pool_counts_like_a_factor_of_a_layer() -> None:
    common = {"margins": MARGINS, "input_frobenius": 30.0, "classes": 3, "n": 10**5, "delta": 0.05}
    one = theorem.formula(frobenius=[1.5, 0.5], factors=[0.5], **common)
    other = theorem.formula(frobenius=[1.5, 0.25], factors=[], **common)
    assert one.value == pytest.approx(other.value, rel=1e-12)


def changed(evidence: Evidence, **structure: object) -> Evidence:
    assert evidence.structure is not None
    return dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, **structure))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        ({"elementwise": (-0.5,)}, "slope -0.5"),
        ({"elementwise": (0.0, 1.5)}, "slope 1.5"),
        ({"has_max_pool": True}, "max-pool"),
        ({"lowered": False}, "floating-point"),
        ({"chain": (), "why_no_chain": "skip connections"}, "skip connections"),
        ({"unplaced": ("gelu",)}, "gelu"),
    ],
)
def test_a_violated_hypothesis_is_a_verdict(structure: dict[str, object], reason: str) -> None:
    certificate = theorem(changed(example_evidence(), **structure), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_a_constant_network_has_no_margin() -> None:
    evidence = example_evidence()
    assert evidence.layers is not None
    layers = {**evidence.layers, "last": dataclasses.replace(evidence.layers["last"], frobenius=0.0)}
    assert "constant" in str(theorem(dataclasses.replace(evidence, layers=layers), 0.05).why)


def test_biases_are_augmented() -> None:
    """With biases the layer below the last gets a further 1, the last one only its bias."""
    evidence = changed(example_evidence(), has_bias=True)
    assert evidence.layers is not None
    assert evidence.inputs is not None
    first = dataclasses.replace(evidence.layers["first"], frobenius=2.0, bias_norm=1.0, positions=4, has_bias=True)
    last = dataclasses.replace(evidence.layers["last"], frobenius=3.0, bias_norm=4.0, has_bias=True)
    symbols = theorem.measure(dataclasses.replace(evidence, layers={"first": first, "last": last}))
    assert symbols["frobenius"] == pytest.approx([3.0, 5.0], rel=1e-14)
    assert symbols["frobenius"][0] >= 3.0
    assert symbols["input_frobenius"] == evidence.inputs.frobenius_augmented


def test_a_fixed_first_step_costs_its_operator_norm_and_no_depth() -> None:
    evidence = example_evidence()
    assert evidence.layers is not None
    fixed = dataclasses.replace(evidence.layers["first"], kind="diagonal", parameters=0, spectral=0.25)
    layers = {"fixed": fixed, **evidence.layers}
    longer = changed(dataclasses.replace(evidence, layers=layers), chain=("fixed", "first", "last"))
    symbols = theorem.measure(longer)
    assert len(symbols["frobenius"]) == 2
    assert math.prod(symbols["factors"]) == 0.25
