"""The path-norm bound: worked values, the truth on a tiny class, what it applies to."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.path_norm import PathNorm
from boundcheck.theorem import Status

theorem = CATALOGUE["gonon2024peeling"]
EIGHT = np.array([(1, 0), (0.5, 1), (-1, 0.25), (0, -1), (0.75, -0.5), (-0.5, -0.5), (1.5, 0.5), (-0.25, 1.25)])


def complexity(costs: list[float], square: float, biased: bool, d: int, classes: int, n: int) -> float:
    """The bound on the Rademacher complexity for P / gamma = 1."""
    bound = theorem.formula(
        margins=[1e30] * 4,
        log_path=0.0,
        costs=costs,
        max_column_square=square,
        biased=biased,
        d=d,
        classes=classes,
        n=n,
        delta=0.05,
    )
    return bound.terms["complexity"] * float(bound.choices["margin"]) / 2.0


def test_worked_values() -> None:
    # Four ReLU levels and a 3 x 3 max-pool with ReLU (cost 18), biases, d = 3072, k = 10, n = V = 50000, P / gamma = 500.
    assert 500.0 * complexity([1.5] * 4 + [18.0], 50000.0, True, 3072, 10, 50000) == pytest.approx(22.09417, abs=6e-6)
    # The same with cost 19 for the pool.
    assert 500.0 * complexity([1.5] * 4 + [19.0], 50000.0, True, 3072, 10, 50000) == pytest.approx(22.13258, abs=6e-6)


def test_a_constant_input_counts_with_the_square_n() -> None:
    assert complexity([1.5], 3.0, True, 2, 3, 100) == complexity([1.5], 100.0, True, 2, 3, 100)
    assert complexity([1.5], 3.0, False, 2, 3, 100) < complexity([1.5], 3.0, True, 2, 3, 100)


@pytest.mark.parametrize("classes", [2, 3])
def test_never_below_the_truth_on_eight_points(classes: int) -> None:
    """For every sign vector the supremum over many networks of path norm one, averaged exactly over all 256."""
    rng = np.random.default_rng(11)
    labels, losses = np.arange(8) % classes, []
    for _ in range(3000):
        w, v = rng.normal(size=(3, 2)), rng.normal(size=(classes, 3))
        w *= rng.uniform(size=w.shape) < 0.5  # few paths are the extreme points
        norm = (np.abs(v) @ np.abs(w)).sum()
        if norm == 0.0:
            continue
        logits = np.maximum(EIGHT @ w.T, 0.0) @ (v / norm).T
        own = logits[np.arange(8), labels]
        logits[np.arange(8), labels] = -np.inf
        losses.append(np.clip(1.0 - (own - logits.max(axis=1)), 0.0, 1.0))
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    searched = float((signs @ np.array(losses).T).max(axis=1).mean()) / 8
    assert 0.0 < searched <= complexity([1.5], float((EIGHT**2).sum(axis=0).max()), False, 2, classes, 8)


def test_scaling_the_outputs_scales_margins_and_nothing_else() -> None:
    common = {"costs": [1.5], "max_column_square": 9e4, "biased": True, "d": 20, "classes": 3, "n": 10**5, "delta": 0.05}
    margins = [0.4, 1.0, 1.7, 2.5, 3.0]
    one = theorem.formula(margins=margins, log_path=0.5, **common)
    other = theorem.formula(margins=[2.0**700 * m for m in margins], log_path=0.5 + 700.0 * math.log(2.0), **common)
    assert other.value == pytest.approx(one.value, rel=1e-10)  # exp of an argument near 500 is off by up to 500 units


def test_skips_pools_and_biases_are_allowed() -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    odd = dataclasses.replace(evidence.structure, chain=(), why_no_chain="a sum", has_skip=True, has_max_pool=True, has_bias=True)
    certificate = theorem(dataclasses.replace(evidence, structure=odd), 0.05)
    assert certificate.why is None
    assert certificate.value is not None


@pytest.mark.parametrize(
    ("structure", "reason"),
    [({"unplaced": ("gelu",)}, "gelu"), ({"elementwise": (-0.1,)}, "-0.1"), ({"lowered": False}, "floating-point")],
)
def test_a_violated_hypothesis_is_a_verdict(structure: dict[str, object], reason: str) -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    changed = dataclasses.replace(evidence.structure, **structure)  # type: ignore[arg-type]
    certificate = theorem(dataclasses.replace(evidence, structure=changed), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_the_zero_network_has_no_margin() -> None:
    evidence = dataclasses.replace(example_evidence(), path=PathNorm(-math.inf, (), False))
    assert "constant" in str(theorem(evidence, 0.05).why)
