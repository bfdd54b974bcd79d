"""Kernel norm and trace: worked values, exact Rademacher complexities, interpolants whose risk is known."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds.bartlett2002kernel import Bartlett2002Kernel
from boundcheck.bounds.lemmas.kernel import contraction_up
from boundcheck.bounds.mohri2018kernel import Mohri2018Kernel
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status, Theorem

formula = Bartlett2002Kernel.formula
BOTH = (Bartlett2002Kernel(), Mohri2018Kernel())


def gaussian(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2) / (2 * width**2))


def test_worked_value_at_the_scale_it_was_worked_for() -> None:
    # n = tr K = 5000, Lambda/gamma = 20, ramp loss 0.02: 0.6456511. The grid holds 16 and 22.6 in place of 20.
    n, coefficient = 5000, math.sqrt(5000) / 5000
    assert 0.02 + 2 * 20 * coefficient + 2 * math.sqrt(math.log(401 / 0.05) / (2 * n)) == pytest.approx(0.6456511, abs=1e-7)
    margins = [0.0] * 100 + [1.0] * 4900  # with gamma = 1 or less the ramp loss is 0.02
    bound = formula(margins=margins, norm=16.0, trace=5000.0, outputs=1, classes=2, n=n, delta=0.05)
    value = 0.02 + 2 * 16 * coefficient + 2 * math.sqrt(math.log(401 / 0.05) / (2 * n))
    assert value * (1 - 1e-14) <= bound.value <= value * (1 + 1e-9)
    assert bound.choices["margin"] == pytest.approx(1.0, rel=1e-12)


def test_scaling_the_functions_changes_nothing() -> None:
    margins = np.array([-0.2, 0.4, 0.8, 1.0, 1.5])
    once = formula(margins=margins, norm=3.0, trace=90.0, outputs=3, classes=3, n=5000, delta=0.05)
    again = formula(margins=64.0 * margins, norm=192.0, trace=90.0, outputs=3, classes=3, n=5000, delta=0.05)
    assert again.value == pytest.approx(once.value, rel=1e-12)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_the_exact_complexity_of_a_ball_is_below(width: float) -> None:
    """One function: sup over the ball is sqrt(s' K s)/n, averaged over all 2^8 signs."""
    x = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
    gram = gaussian(x, x, width)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    exact = float(np.sqrt(np.einsum("ti,ij,tj->t", signs, gram, signs)).mean()) / 8
    value = contraction_up(1) * math.sqrt(np.trace(gram)) / 8
    assert value / math.sqrt(2) <= exact <= value


@pytest.mark.parametrize("outputs", [2, 3])
def test_the_exact_complexity_of_the_ramp_of_several_functions_is_below(outputs: int) -> None:
    """A net of functions of the ball on three points, all signs: what the net reaches is at most the bound."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3, 2))
    gram = gaussian(x, x, 1.0)
    y = np.array([0, 1, outputs - 1])
    root = np.linalg.cholesky(gram)
    directions = rng.normal(size=(60_000, 3, outputs))
    directions /= np.linalg.norm(directions, axis=(1, 2), keepdims=True)
    values = np.einsum("ij,tjc->tic", root, directions)  # f_c(x_i) for functions of total norm 1
    own = np.take_along_axis(values, y[None, :, None], axis=2)[:, :, 0]
    others = np.where(np.arange(outputs)[None, None, :] == y[None, :, None], -np.inf, values).max(axis=2)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    for gamma in (1.0, 3.0):
        ramp = np.clip(1 - (own - others) / gamma, 0, 1)
        reached = float((ramp @ signs.T).max(axis=0).mean()) / 3
        assert 0.0 < reached <= contraction_up(outputs) * math.sqrt(np.trace(gram)) / (3 * gamma)


@pytest.mark.parametrize("theorem", BOTH, ids=lambda t: t.name)
@pytest.mark.parametrize("flipped", [0.0, 1.0])
def test_interpolants_are_covered(theorem: Theorem, flipped: float) -> None:
    """Half circles, min-norm interpolants of true or of random labels; the risk is measured on 4000 further points."""
    rng = np.random.default_rng(3)
    n = 300
    smallest = math.inf
    for _ in range(5):
        angle, fresh = (rng.uniform(0, 2 * np.pi, size=count) for count in (n, 4000))
        x, x_new = (np.column_stack([np.cos(a), np.sin(a)]) for a in (angle, fresh))
        truth, truth_new = (np.where(np.sin(a) > 0, 1.0, -1.0) for a in (angle, fresh))
        y = np.where(rng.uniform(size=n) < 0.5 * flipped, -truth, truth)
        gram = gaussian(x, x, 1.0)
        alpha = np.linalg.lstsq(gram + 1e-8 * np.eye(n), y, rcond=None)[0]
        wrong = float((gaussian(x_new, x, 1.0) @ alpha * truth_new <= 0).mean())
        risk = wrong * (1 - flipped) + 0.5 * flipped
        symbols = {"trace": float(n)} if theorem.name == "bartlett2002kernel" else {"diagonal": 1.0}
        bound = theorem.formula(
            margins=y * (gram @ alpha), norm=math.sqrt(alpha @ gram @ alpha), outputs=1, classes=2, n=n, delta=0.05, **symbols
        )
        smallest = min(smallest, bound.value - risk)
    assert smallest > 0.0


@pytest.mark.parametrize(("q", "value"), [(1, 1.0), (2, math.sqrt(2)), (3, math.sqrt(2 * math.pi)), (10, 3 * math.sqrt(math.pi))])
def test_constants_of_the_contraction(q: int, value: float) -> None:
    assert value * (1 - 1e-15) <= contraction_up(q) <= value * (1 + 1e-14)


def test_at_least_one_function() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contraction_up(0)


@pytest.mark.parametrize("theorem", BOTH, ids=lambda t: t.name)
def test_what_it_can_not_speak_of(theorem: Theorem) -> None:
    evidence = example_evidence()
    assert evidence.kernel is not None
    loose = dataclasses.replace(evidence.kernel, lowered=False)
    zero = dataclasses.replace(evidence.kernel, norm=0.0)
    cases = (
        ({"kernel": None, "absent": {"kernel": "the network is not a kernel predictor"}}, "not a kernel predictor"),
        ({"kernel": loose}, "margins are lowered"),
        ({"kernel": zero}, "norm of the predictor is 0"),
        ({"margins": (1.0,)}, "1 margins for 1200"),
    )
    for change, why in cases:
        certificate = theorem(dataclasses.replace(evidence, **change), 0.05)  # type: ignore[arg-type]
        assert certificate.status is Status.NOT_APPLICABLE
        assert certificate.why is not None
        assert why in certificate.why
