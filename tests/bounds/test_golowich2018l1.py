"""l1 norms of rows: the paper's constant, the sharper form, the truth on eight points, hypotheses."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Status

paper, sharper = CATALOGUE["golowich2018l1"], CATALOGUE["golowich2018entries"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])
V = 5.375  # the larger of the two sums of squares


def rescaled(bound: Bound) -> float:
    return bound.terms["complexity"] * bound.choices["margin"] / 2.0  # type: ignore[operator]


def of_paper(depth: int, classes: int, last: float = 1.0) -> float:
    common = {"margins": [1e9] * 8, "factors": [], "max_column_square": V, "d": 2, "n": 8, "delta": 0.05}
    return rescaled(paper.formula(rows=[1.0] * (depth - 1), last=last, depth=depth, classes=classes, **common))


def of_sharper(depth: int, classes: int, last: float = 1.0) -> float:
    common = {"margins": [1e9] * 8, "factors": [], "max_column_square": V, "d": 2, "n": 8, "delta": 0.05}
    return rescaled(sharper.formula(rows=[1.0] * (depth - 1), last=last, slope=0.0, classes=classes, **common))


def test_worked_values_on_eight_points() -> None:
    """Three layers: 1.2556 with the paper's constant and 0.6075073 by peeling, for one real-valued network."""
    assert of_paper(3, 2) / 2.0 == pytest.approx(1.2556, abs=5e-5)  # two classes: the last row may have norm 2
    assert of_sharper(3, 2) == pytest.approx(0.6075073, abs=5e-8)
    assert of_paper(3, 7) == pytest.approx(7.0 * of_paper(3, 2), rel=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_the_sharper_form_is_never_larger(classes: int, depth: int) -> None:
    """The sum of all entries is at most k times the largest sum of a row."""
    assert of_sharper(depth, classes, float(classes)) <= of_paper(depth, classes)


@pytest.mark.parametrize("classes", [2, 3])
def test_never_below_the_truth_on_eight_points(classes: int) -> None:
    """For every sign vector the supremum over many networks whose rows have l1 norm one and whose last layer has one entry."""
    rng = np.random.default_rng(7)
    labels, losses = np.arange(8) % classes, []
    for _ in range(3000):
        w, v = rng.normal(size=(2, 2)), np.zeros((classes, 2))
        v[rng.integers(classes), rng.integers(2)] = rng.choice([-1.0, 1.0])  # extreme points of the ball
        logits = np.maximum(EIGHT @ (w / np.abs(w).sum(axis=1, keepdims=True)).T, 0.0) @ v.T
        own = logits[np.arange(8), labels]
        logits[np.arange(8), labels] = -np.inf
        losses.append(np.clip(1.0 - (own - logits.max(axis=1)), 0.0, 1.0))
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 8
    assert 0.0 < searched <= of_sharper(2, classes)
    assert searched <= of_paper(2, classes)


def test_one_level_of_peeling_on_eight_points() -> None:
    """E exp(t sup |sum_i s_i relu(w x_i)|) over |w|_1 <= 1, exactly over all signs, and twice the same at the inputs."""
    corners = np.linspace(-1.0, 1.0, 401)
    rows = np.concatenate([np.stack([corners, s * (1.0 - np.abs(corners))]) for s in (-1.0, 1.0)], axis=1)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    unit = np.abs(signs @ np.maximum(EIGHT @ rows, 0.0)).max(axis=1)
    input_ = np.abs(signs @ EIGHT).max(axis=1)
    for t in (0.1, 0.5, 1.0, 2.0):
        assert np.exp(t * unit).mean() <= 1.5 * np.exp(t * input_).mean()
        assert np.exp(t * input_).mean() <= 4.0 * math.exp(t * t * V / 2.0)


def changed(evidence: Evidence, **structure: object) -> Evidence:
    assert evidence.structure is not None
    return dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, **structure))  # type: ignore[arg-type]


@pytest.mark.parametrize("theorem", [paper, sharper])
@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        ({"elementwise": (-0.5,)}, "slope -0.5"),
        ({"has_max_pool": True}, "max-pool"),
        ({"lowered": False}, "floating-point"),
        ({"chain": (), "why_no_chain": "skip connections"}, "skip connections"),
    ],
)
def test_a_violated_hypothesis_is_a_verdict(theorem, structure: dict[str, object], reason: str) -> None:  # type: ignore[no-untyped-def]
    certificate = theorem(changed(example_evidence(), **structure), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_biases_are_one_more_coordinate() -> None:
    evidence = changed(example_evidence(), has_bias=True)
    assert evidence.layers is not None
    assert evidence.inputs is not None
    first = dataclasses.replace(evidence.layers["first"], max_row_l1=0.5, has_bias=True)  # the constant's own row has norm 1
    symbols = paper.measure(dataclasses.replace(evidence, layers={**evidence.layers, "first": first}))
    assert symbols["rows"] == [1.0]
    assert symbols["d"] == evidence.problem.d + 1
    assert symbols["max_column_square"] == max(evidence.inputs.max_column_square, evidence.problem.n)


def test_the_path_norm_is_never_larger_than_the_product() -> None:
    """On the example, where both are known: the sum over paths is at most the entries times the largest row below."""
    evidence = example_evidence()
    assert evidence.layers is not None
    assert evidence.path is not None
    product = evidence.layers["last"].entry_l1 * evidence.layers["first"].max_row_l1
    assert evidence.path.log_total <= math.log(product) + 1e-9
