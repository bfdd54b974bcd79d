"""Linear classifiers by the l2 and the l1 norm: constants, the truth by enumeration, coverage of the verdicts."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.rademacher import L1Ball, LinearBall, complexity
from boundcheck.theorem import Bound, Status

l2, l1 = CATALOGUE["bartlett2002linear"], CATALOGUE["mohri2018l1"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])


def by_l2(classes: int) -> Bound:
    size = float(np.linalg.norm(EIGHT))
    return l2.formula(margins=[1e9] * 8, norm=1.0, factors=[], input_frobenius=size, classes=classes, n=8, delta=0.05)


def by_l1(classes: int) -> Bound:
    return l1.formula(margins=[1e9] * 8, norm=1.0, factors=[], max_column_square=5.375, d=2, classes=classes, n=8, delta=0.05)


def rescaled(bound: Bound) -> float:
    return bound.terms["complexity"] * bound.choices["margin"] / 2.0  # type: ignore[operator]


def test_the_confidence_term_is_the_textbooks() -> None:
    for bound in (by_l2(3), by_l1(3)):
        assert bound.terms["confidence"] == pytest.approx(3.0 * math.sqrt(math.log(2.0 * 401.0 / 0.05) / 16.0), rel=1e-12)


def test_the_complexity_of_one_function_lies_below() -> None:
    """Two classes: f_1 - f_0 has norm sqrt(2) (l2) or 2 (l1) times that of the matrix; the exact complexity by all signs."""
    assert math.sqrt(2.0) * complexity(LinearBall(EIGHT)).upper <= rescaled(by_l2(2))
    assert 2.0 * complexity(L1Ball(EIGHT)).upper <= rescaled(by_l1(2))


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_never_below_the_truth_on_eight_points(classes: int) -> None:
    """For every sign vector the supremum of the ramp loss over many matrices of norm one."""
    rng = np.random.default_rng(8)
    labels, signs = np.arange(8) % classes, np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    for bound, norm in ((by_l2(classes), np.linalg.norm), (by_l1(classes), lambda w: np.abs(w).sum(axis=1).max())):
        losses = []
        for _ in range(2000):
            w = rng.normal(size=(classes, 2))
            logits = EIGHT @ (w / norm(w)).T
            own = logits[np.arange(8), labels]
            logits[np.arange(8), labels] = -np.inf
            losses.append(np.clip(1.0 - (own - logits.max(axis=1)), 0.0, 1.0))
        searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 8
        assert 0.0 < searched <= rescaled(bound)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_gaussian_form_with_one_step_is_smaller(classes: int) -> None:
    margins = [float(m) for m in np.linspace(-1.0, 5.0, 1000)]
    sharper = CATALOGUE["golowich2018chevet"].formula(
        margins=margins, top=2.0, frobenius=[], factors=[], depth=1, slope=1.0, input_frobenius=20.0, input_spectral=10.0,
        classes=classes, n=1000, delta=0.05,
    )  # fmt: skip
    paper = l2.formula(margins=margins, norm=2.0, factors=[], input_frobenius=20.0, classes=classes, n=1000, delta=0.05)
    assert sharper.value <= paper.value


def linear_evidence(**structure: object) -> Evidence:
    """The last layer of the example alone."""
    evidence = example_evidence()
    assert evidence.structure is not None
    assert evidence.layers is not None
    shape = dataclasses.replace(evidence.structure, **{"chain": ("last",), "elementwise": (), **structure})  # type: ignore[arg-type]
    return dataclasses.replace(evidence, structure=shape, layers={"last": evidence.layers["last"]})


@pytest.mark.parametrize("theorem", [l2, l1])
def test_one_layer_gives_a_number_and_two_do_not(theorem) -> None:  # type: ignore[no-untyped-def]
    assert theorem(linear_evidence(), 0.05).value is not None
    refused = theorem(example_evidence(), 0.05)
    assert refused.status is Status.NOT_APPLICABLE
    assert "2 layers" in str(refused.why)


@pytest.mark.parametrize("theorem", [l2, l1])
@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        ({"lowered": False}, "floating-point"),
        ({"chain": (), "why_no_chain": "a loop"}, "a loop"),
        ({"has_max_pool": True}, "pool"),
    ],
)
def test_what_is_not_linear_is_a_verdict(theorem, structure: dict[str, object], reason: str) -> None:  # type: ignore[no-untyped-def]
    certificate = theorem(linear_evidence(**structure), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_biases_are_augmented() -> None:
    evidence = linear_evidence(has_bias=True)
    assert evidence.layers is not None
    assert evidence.inputs is not None
    last = dataclasses.replace(evidence.layers["last"], frobenius=3.0, bias_norm=4.0, has_bias=True)
    symbols = l2.measure(dataclasses.replace(evidence, layers={"last": last}))
    assert symbols["norm"] == pytest.approx(5.0, rel=1e-14)
    assert symbols["input_frobenius"] == evidence.inputs.frobenius_augmented
    assert l1.measure(evidence)["d"] == evidence.problem.d + 1
