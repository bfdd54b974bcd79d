"""The perturbation bound with margins relative to input norms."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status

theorem = CATALOGUE["neyshabur2018relative"]
ball = CATALOGUE["neyshabur2018spectral"]
LAYERS = {
    "spectral": [1.0, 1.0],
    "frobenius": [math.sqrt(3.0), math.sqrt(1.5)],
    "taps": [1, 1],
    "out_channels": [20, 2],
    "in_channels": [10, 20],
    "factors": [],
    "n": 60000,
    "delta": 0.05,
}


def test_inputs_on_the_unit_sphere_give_the_bound_for_the_ball() -> None:
    margins = [0.5] * 2 + [1.0000001] * 98
    relative = theorem.formula(relative_margins=margins, **LAYERS)
    assert relative.value == ball.formula(margins=margins, radius=1.0, outside=0, **LAYERS).value
    assert relative.value == pytest.approx(0.1991554, abs=5.1e-8)  # worked from the statement


@pytest.mark.parametrize("radius", [0.25, 1.0, 16.0])
@pytest.mark.parametrize("seed", range(4))
def test_never_above_the_bound_for_a_ball_that_holds_the_inputs(radius: float, seed: int) -> None:
    """Radii on the grid: then each threshold for the ball is one for relative margins too."""
    rng = np.random.default_rng(seed)
    norms = radius * rng.uniform(size=200)
    margins = norms * np.exp(rng.normal(size=200)) * 2.0
    relative = theorem.formula(relative_margins=(margins / norms).tolist(), **LAYERS).value
    assert relative <= ball.formula(margins=margins.tolist(), radius=radius, outside=0, **LAYERS).value * (1 + 1e-9)


def test_a_tiny_input_does_not_spoil_the_others() -> None:
    norms = np.array([1e-3] * 10 + [1.0] * 90)
    margins = 5.0 * norms
    relative = theorem.formula(relative_margins=(margins / norms).tolist(), **LAYERS).value
    assert relative < 0.9 * ball.formula(margins=margins.tolist(), radius=1.0, outside=0, **LAYERS).value


def test_the_loss_lies_between_on_every_input() -> None:
    """1[m <= 0] <= 1[m' <= t|x|/2] <= 1[m <= t|x|] for random networks, perturbations of norm tau, and inputs, 0 among them."""
    rng = np.random.default_rng(7)
    threshold = 0.8
    tau = math.sqrt(1.0 + threshold / (2.0 * math.sqrt(2.0))) - 1.0
    seen = set()
    for _ in range(100):
        w = [a / np.linalg.norm(a, 2) for a in (rng.normal(size=(4, 3)), rng.normal(size=(2, 4)))]
        u = [tau * a / np.linalg.norm(a, 2) for a in (rng.normal(size=(4, 3)), rng.normal(size=(2, 4)))]
        x = rng.normal(size=(20, 3)) * np.exp(3.0 * rng.normal(size=(20, 1)))
        x[0] = 0.0
        logits, perturbed = (np.maximum(x @ a.T, 0.0) @ b.T for a, b in (w, (w[0] + u[0], w[1] + u[1])))
        m, moved = logits[:, 0] - logits[:, 1], perturbed[:, 0] - perturbed[:, 1]
        t = threshold * np.linalg.norm(x, axis=1)
        low, middle, high = m <= 0.0, moved <= t / 2.0, m <= t
        assert (low <= middle).all()
        assert (middle <= high).all()
        seen |= set(zip(low.tolist(), middle.tolist(), high.tolist(), strict=True))
    assert len(seen) == 4  # all four possible patterns occur


def test_a_row_without_a_margin_counts_as_an_error() -> None:
    margins = [1.0000001] * 99
    whole = theorem.formula(relative_margins=[*margins, 1.0000001], **LAYERS)
    torn = theorem.formula(relative_margins=[*margins, -math.inf], **LAYERS)
    assert torn.terms["margin error"] == whole.terms["margin error"] + 0.01


@pytest.mark.parametrize("fields", [{"has_bias": True}, {"lowered": False}, {"unplaced": ("gelu",)}])
def test_a_violated_hypothesis_is_a_verdict(fields: dict[str, object]) -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    changed = dataclasses.replace(evidence.structure, **fields)  # type: ignore[arg-type]
    certificate = theorem(dataclasses.replace(evidence, structure=changed), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert "violated" in str(certificate.why)


def test_no_radius_is_needed() -> None:
    evidence = example_evidence()
    unknown = dataclasses.replace(evidence, problem=dataclasses.replace(evidence.problem, input_radius=None), inputs=None)
    assert theorem(unknown, 0.05).why is None
