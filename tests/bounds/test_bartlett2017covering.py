"""The spectral margin bound by exact covers."""

from __future__ import annotations

import dataclasses
import itertools
import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.bartlett2017covering import log_reaches_up
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Status

theorem = CATALOGUE["bartlett2017covering"]
paper = CATALOGUE["bartlett2017spectral"]
WORKED = {
    "spectral": [2.0, 1.5, 1.0],
    "distances": [8.0, 6.0, 3.0],
    "rows": [784, 100, 10],
    "classes": 10,
    "n": 50000,
    "input_frobenius": math.sqrt(50000),
    "delta": 0.05,
}
DENSE = {"bias_norms": [0.0] * 3, "positions": [0] * 3, "lipschitz": [1.0] * 3, "parameters": [78400, 10000, 1000], "wiring": []}


def test_worked_reaches() -> None:
    found = log_reaches_up([2.0, 1.5, 1.0], [8.0, 6.0, 3.0], [0.0] * 3, [0] * 3, [1.0] * 3, [0, 1, 2], math.sqrt(50000), 50000)
    exact = [math.sqrt(50000) * r for r in (12.0, 12.0, 9.0)]
    assert [math.exp(v) for v in found] == pytest.approx([2683.281573, 2683.281573, 2012.461180], rel=1e-9)
    assert all(mpmath.exp(v) >= e for v, e in zip(found, [x * (1 - 1e-15) for x in exact], strict=True))


def test_the_worked_bound_at_margin_one_hundred() -> None:
    """Complexity 0.1321446717 at gamma = 100 before norms are rounded up: P / gamma = 3/96 is the nearest scale of the grid."""
    bound = theorem.formula(margins=[100.0] * 10, homogeneous=True, **WORKED, **DENSE)
    assert float(bound.choices["margin"]) == pytest.approx(96.0, rel=1e-12)
    half = bound.terms["complexity"] / 2.0
    assert 0.1321 * 0.95 <= half <= 0.1321446717 * 1.09 * 1.05  # 1.09 = 2^(1/8) on the ratios, .96 on the margin


def test_reaches_against_the_recursion_in_mpmath() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        s, b, t, rho = np.exp(rng.normal(size=(4, 4)))
        q, n, x = rng.integers(0, 5, size=4), int(rng.integers(2, 10**5)), float(np.exp(rng.normal()))
        found = log_reaches_up(s.tolist(), b.tolist(), t.tolist(), q.tolist(), rho.tolist(), [0, 1, 3], x, n)
        signal, exact = mpmath.mpf(x), []
        for i in range(4):
            tail = mpmath.fprod(mpmath.mpf(s[j]) * mpmath.mpf(rho[j]) for j in range(i + 1, 4))
            exact.append(mpmath.log(mpmath.sqrt(signal**2 + n * int(q[i])) * mpmath.mpf(b[i]) * mpmath.mpf(rho[i]) * tail))
            bias = mpmath.mpf(t[i]) * mpmath.sqrt(n * int(q[i]))
            signal = mpmath.mpf(rho[i]) * (mpmath.mpf(s[i]) * signal + bias)
        for mine, true in zip(found, (exact[0], exact[1], exact[3]), strict=True):
            assert true <= mine <= true + 1e-12


def test_a_layer_moves_the_outputs_by_at_most_its_reach() -> None:
    """Two dense layers with biases: changing one of them within its distance, on random networks."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 3))

    def run(w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray) -> np.ndarray:
        return np.maximum(x @ w1.T + b1, 0.0) @ w2.T + b2

    worst = 0.0
    for _ in range(200):
        w1, b1, w2, b2 = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(2, 4)), rng.normal(size=2)
        d1, e1 = np.zeros((4, 3)), np.zeros(4)
        d1[0], e1[0] = x[0] * 0.1, 0.1  # one row along a sample: the worst direction
        d2, e2 = np.zeros((2, 4)), np.zeros(2)
        d2[1], e2[1] = 0.1 * np.abs(w1).sum(axis=1), 0.1
        s = [np.linalg.norm(w1, 2) + 1.0, np.linalg.norm(w2, 2) + 1.0]
        b = [float(np.linalg.norm(np.column_stack([d, e]), axis=1).sum()) for d, e in ((d1, e1), (d2, e2))]
        t = [np.linalg.norm(b1) + 1.0, np.linalg.norm(b2) + 1.0]
        reach = np.exp(log_reaches_up(s, b, t, [1, 1], [1.0, 1.0], [0, 1], float(np.linalg.norm(x)), 30))
        moved = np.linalg.norm(run(w1 + d1, b1 + e1, w2, b2) - run(w1, b1, w2, b2))
        top = np.linalg.norm(run(w1, b1, w2 + d2, b2 + e2) - run(w1, b1, w2, b2))
        assert moved <= reach[0]
        assert top <= reach[1]
        worst = max(worst, moved / reach[0], top / reach[1])
    assert worst > 0.1  # the reach is of the right order


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("homogeneous", [True, False])
def test_never_above_the_papers_constants(seed: int, homogeneous: bool) -> None:
    """On random dense networks without biases; both round norms on the same grids and pay the same for them."""
    rng = np.random.default_rng(seed)
    spectral = np.exp(rng.normal(size=3)).tolist()
    distances = [s * r for s, r in zip(spectral, rng.uniform(1.0, 5.0, size=3), strict=True)]
    margins = (np.exp(rng.normal(size=20)) * 20.0).tolist()
    common = {"margins": margins, "homogeneous": homogeneous, **WORKED, "spectral": spectral, "distances": distances}
    sharp, printed = theorem.formula(**common, **DENSE), paper.formula(**common, factors=[], width=784)
    assert 0.0 < sharp.value < printed.value


def test_never_below_the_truth_for_linear_scores() -> None:
    """Two classes, one layer: a searched supremum over networks of norm one, averaged exactly over all signs."""
    rng = np.random.default_rng(2)
    x, labels, losses = rng.normal(size=(10, 2)), np.arange(10) % 2, []
    for _ in range(3000):
        w = rng.normal(size=(2, 2))
        logits = x @ (w / np.linalg.norm(w, 2)).T
        own, other = logits[np.arange(10), labels], logits[np.arange(10), 1 - labels]
        losses.append(np.clip(1.0 - (own - other) / 8.0, 0.0, 1.0))
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 10
    bound = theorem.formula(
        margins=[7.99] * 10,
        spectral=[1.0],
        distances=[2.0],
        bias_norms=[0.0],
        positions=[0],
        lipschitz=[1.0],
        parameters=[4],
        rows=[2],
        wiring=[],
        homogeneous=True,
        input_frobenius=float(np.linalg.norm(x)),
        classes=2,
        n=10,
        delta=0.05,
    )
    margin = float(bound.choices["margin"])
    assert margin <= 16.0  # a larger margin than the 8 of the search would compare with another class
    assert 0.0 < searched <= bound.terms["complexity"] / 2.0 * max(1.0, margin / 8.0)


def test_scaling_a_layer_scales_margins_and_nothing_else() -> None:
    margins = np.array([0.4, 1.0, 1.7, 2.5, 3.0]) * 100.0
    one = theorem.formula(margins=margins.tolist(), homogeneous=True, **WORKED, **DENSE)
    scaled = {**WORKED, "spectral": [2.0, 1.5, 16.0], "distances": [8.0, 6.0, 48.0]}
    other = theorem.formula(margins=(16.0 * margins).tolist(), homogeneous=True, **scaled, **DENSE)
    assert other.value == pytest.approx(one.value, rel=1e-10)  # logarithms round


def with_layers(evidence: Evidence, **fields: object) -> Evidence:
    assert evidence.layers is not None
    layers = {name: dataclasses.replace(layer, **fields) for name, layer in evidence.layers.items()}  # type: ignore[arg-type]
    return dataclasses.replace(evidence, layers=layers)


def test_a_trained_scaling_is_refused_and_a_fixed_one_is_not() -> None:
    certificate = theorem(with_layers(example_evidence(), kind="diagonal"), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert "first is diagonal" in str(certificate.why)
    evidence = example_evidence()
    assert evidence.layers is not None
    assert evidence.structure is not None
    fixed = dataclasses.replace(evidence.layers["first"], kind="diagonal", parameters=0)
    longer = dataclasses.replace(
        evidence,
        layers={"fixed": fixed, **evidence.layers},
        structure=dataclasses.replace(evidence.structure, chain=("fixed", "first", "last")),
    )
    assert theorem(longer, 0.05).why is None
    assert theorem.measure(longer)["parameters"][0] == 0


def test_norms_beyond_the_grid_are_said_to_be() -> None:
    evidence = with_layers(example_evidence(), spectral=1e30)
    initial = dataclasses.replace(evidence, provenance=dataclasses.replace(evidence.provenance, reference="initial"))
    assert "beyond the grid" in str(theorem(initial, 0.05).why)
