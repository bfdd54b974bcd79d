"""The Gaussian perturbation bound: worked values, each step of its proof on random networks, hypotheses."""

from __future__ import annotations

import dataclasses
import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.lemmas.perturbation import OUTSIDE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Status

theorem = CATALOGUE["neyshabur2018spectral"]
SHAPE = {"taps": [1, 1], "out_channels": [20, 2], "in_channels": [10, 20]}
WORKED = {
    "radius": 1.0,
    "outside": 0,
    "spectral": [1.0, 1.0],
    "frobenius": [math.sqrt(3.0), math.sqrt(1.5)],
    **SHAPE,
    "factors": [],
    "n": 60000,
    "delta": 0.05,
}


def test_the_worked_bound() -> None:
    # n = 60000, margin error .02 at the normalized margin 1, stable ranks 3 and 1.5: 0.1991554.
    bound = theorem.formula(margins=[0.5] * 2 + [1.0000001] * 98, **WORKED)
    assert bound.choices["margin"] == pytest.approx(1.0, rel=1e-12)
    assert bound.terms["margin error"] == 0.02
    assert bound.value == pytest.approx(0.1991554, abs=5.1e-8)


def test_worked_pieces() -> None:
    tau = mpmath.sqrt(1 + 1 / (2 * mpmath.sqrt(2))) - 1
    assert float(tau) == pytest.approx(0.1634231, abs=5.1e-8)
    spread = mpmath.sqrt(2 * mpmath.log(2 / mpmath.mpf(OUTSIDE)))
    kl = sum(f * ((mpmath.sqrt(o) + mpmath.sqrt(i) + spread) / tau) ** 2 / 2 for f, o, i in ((3, 20, 10), (1.5, 2, 20)))
    assert float(kl) == pytest.approx(9007.098, abs=5.1e-4)


def test_the_perturbed_margin_stays_within_half_the_threshold() -> None:
    """Perturbations of operator norm exactly tau, the worst allowed, on random networks with a pool constant rho."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(400):
        depth, threshold, rho = int(rng.integers(1, 4)), float(np.exp(rng.normal())), 1.0
        tau = (1.0 + threshold / (2.0 * math.sqrt(2.0) * rho)) ** (1.0 / depth) - 1.0
        widths = [3, *rng.integers(1, 4, size=depth - 1).tolist(), 3]
        x = rng.normal(size=3)
        plain = moved = x
        for i in range(depth):
            w, u = rng.normal(size=(widths[i + 1], widths[i])), rng.normal(size=(widths[i + 1], widths[i]))
            w, u = w / np.linalg.norm(w, 2), tau * u / np.linalg.norm(u, 2)
            plain, moved = w @ plain, (w + u) @ moved
            if i < depth - 1:
                plain, moved = np.maximum(plain, 0.0), np.maximum(moved, 0.0)
        margins = [v[0] - max(v[1], v[2]) for v in (plain, moved)]
        share = abs(margins[1] - margins[0]) / (threshold * float(np.linalg.norm(x)) / 2.0)
        assert share <= 1.0 + 1e-12  # float64 evaluation
        worst = max(worst, share)
    assert worst > 0.3


def test_perturbations_are_rarely_too_large() -> None:
    """All layers within tau except with probability p: 2000 draws of two Gaussian layers."""
    rng = np.random.default_rng(1)
    spread = math.sqrt(2.0 * math.log(2.0 / OUTSIDE))
    limits = [math.sqrt(o) + math.sqrt(i) + spread for o, i in ((20, 10), (2, 20))]
    draws = [np.linalg.norm(rng.normal(size=(2000, o, i)), 2, axis=(1, 2)) for o, i in ((20, 10), (2, 20))]
    assert np.mean((draws[0] > limits[0]) | (draws[1] > limits[1])) <= OUTSIDE


def test_the_divergence_of_the_restricted_posterior() -> None:
    """In one dimension, N(m, 1) restricted to [m - c, m + c] against N(0, 1), by quadrature."""
    for m, c in ((1.0, 2.7), (3.0, 2.6), (0.2, 3.5)):
        mass = mpmath.erf(c / mpmath.sqrt(2))
        p = 1 - mass
        kl = mpmath.quad(
            lambda x, m=m, mass=mass: mpmath.npdf(x - m) / mass * mpmath.log(mpmath.npdf(x - m) / mass / mpmath.npdf(x)),
            [m - c, m, m + c],
        )
        entropy = -p * mpmath.log(p) - mass * mpmath.log(mass)
        assert kl <= (m * m / mpmath.mpf(2) + entropy) / mass


def test_scaling_a_layer_scales_margins_and_nothing_else() -> None:
    margins = [0.5] * 2 + [1.0000001] * 98
    one = theorem.formula(margins=margins, **WORKED)
    scaled = {**WORKED, "spectral": [1.0, 1024.0], "frobenius": [math.sqrt(3.0), 1024.0 * math.sqrt(1.5)]}
    other = theorem.formula(margins=[1024.0 * m for m in margins], **scaled)
    assert other.value == pytest.approx(one.value, rel=1e-12)  # logarithms round


def test_rows_outside_the_ball_count_as_errors() -> None:
    margins = [1.0000001] * 100
    values = [theorem.formula(margins=margins, **{**WORKED, "outside": k}).value for k in (0, 1, 5, 100)]
    assert values == sorted(values)
    assert values[1] - values[0] > 0.005
    assert values[-1] >= 1.0


def test_more_taps_cost_more() -> None:
    margins = [30.0] * 100
    dense = theorem.formula(margins=margins, **WORKED).value
    conv = theorem.formula(margins=margins, **{**WORKED, "taps": [9, 1]}).value
    assert dense < conv


def changed(evidence: Evidence, **structure: object) -> Evidence:
    assert evidence.structure is not None
    return dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, **structure))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("structure", "reason"),
    [({"has_bias": True}, "no layer has a bias"), ({"lowered": False}, "floating-point"), ({"chain": ()}, "chain")],
)
def test_a_violated_hypothesis_is_a_verdict(structure: dict[str, object], reason: str) -> None:
    certificate = theorem(changed(example_evidence(), **structure), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_a_radius_has_to_be_known_beforehand() -> None:
    evidence = example_evidence()
    unknown = dataclasses.replace(evidence, problem=dataclasses.replace(evidence.problem, input_radius=None))
    assert "known before" in str(theorem(unknown, 0.05).why)


@pytest.mark.parametrize("kind", ["diagonal", "mirrored conv"])
def test_other_layers_are_refused(kind: str) -> None:
    """Mirrored padding lets one tap meet an input several times: the sum over taps is then no bound of the operator norm."""
    evidence = example_evidence()
    assert evidence.layers is not None
    layers = {**evidence.layers, "first": dataclasses.replace(evidence.layers["first"], kind=kind)}
    assert f"first is {kind}" in str(theorem(dataclasses.replace(evidence, layers=layers), 0.05).why)
