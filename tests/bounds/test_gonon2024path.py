"""The path norm with the paper's constants: worked values, the sharper form below it, what it applies to."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from mpmath import mp, mpf

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.path_norm import PathNorm
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Status

paper, sharper = CATALOGUE["gonon2024path"], CATALOGUE["gonon2024peeling"]


def rescaled(bound: Bound) -> float:
    """The bound on the Rademacher complexity for r / gamma = 1."""
    return bound.terms["complexity"] * float(bound.choices["margin"]) / 2.0


def with_levels(costs: list[float], windows: tuple[int, ...], biased: bool = True) -> Evidence:
    levels = tuple((f"level {t}", cost) for t, cost in enumerate(costs))
    return dataclasses.replace(example_evidence(), path=PathNorm(1.0, levels, biased, windows))


def test_the_constants_of_the_authors_program_for_a_residual_network() -> None:
    """ResNet-18 on ImageNet: depth 18, max-pools with windows of 9; 4 B C / sqrt(n), times the sqrt(2) of the margin loss."""
    n, d, k, sup = 1268355, 150528, 1000, 2.64
    bound = paper.formula(
        margins=[1e30] * 4,
        log_path=0.0,
        depth=18,
        kinds=1,
        window=9,
        max_column_square=n * sup**2,
        biased=True,
        d=d,
        classes=k,
        n=n,
        delta=0.05,
    )
    with mp.workdps(30):
        c = mp.sqrt(18 * mp.log(45) + mp.log(mpf(5) / 2 * (d + 1) * k))
        expected = mp.sqrt(2) * 4 * mpf(sup) / mp.sqrt(n) * c
    assert 2.0 * rescaled(bound) >= float(expected) * (1.0 - 1e-15)
    assert 2.0 * rescaled(bound) == pytest.approx(float(expected), rel=1e-12)


def cost_of_a_level(rng: np.random.Generator) -> tuple[float, int]:
    """The factor of a level and its largest window: any mixture of pools, activations and signals carried past it."""
    floored, plain = (int(rng.integers(2, 30)) if rng.random() < 0.4 else 0 for _ in range(2))
    others = [0.0, 1.0, 1.5 - rng.random() / 2.0, 2.0 - rng.random(), 2.0]
    cost = 2.0 * floored + 2.0 * plain + float(rng.choice(others))
    return max(cost, 1.0), max(1, floored, plain)


@pytest.mark.parametrize("seed", range(40))
def test_the_sharper_form_is_never_larger(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, classes = int(rng.integers(2, 10**6)), int(rng.integers(2, 2000))
    levels = [cost_of_a_level(rng) for _ in range(int(rng.integers(0, 12)))]
    common = {
        "margins": [1e30] * 4,
        "log_path": 0.0,
        "max_column_square": float(n * 10.0 ** rng.uniform(-4, 2)),
        "biased": bool(rng.random() < 0.5),
        "d": int(rng.integers(1, 10**5)),
        "classes": classes,
        "n": n,
        "delta": 0.05,
    }
    window = max((w for _, w in levels), default=1)
    large = paper.formula(depth=len(levels) + 1, kinds=int(window > 1), window=window, **common)
    small = sharper.formula(costs=[c for c, _ in levels], **common)
    # The roots alone give 2 sqrt(2) to sqrt(2 pi).
    assert rescaled(small) * 2.0 * math.sqrt(2.0 / (2.0 * math.pi)) <= rescaled(large) * (1.0 + 1e-12)


def test_the_costliest_level_just_fits() -> None:
    """Pools of two signals with and without a floor at 0, and signed signals carried past them: 10 = (3 + 2) 2."""
    assert paper.measure(with_levels([10.0], (2,)))["kinds"] == 1
    assert "one signal" in str(paper(with_levels([5.0], (1,)), 0.05).why)


@pytest.mark.parametrize(
    ("costs", "windows", "depth", "kinds", "window"),
    [([], (), 1, 0, 1), ([1.5, 1.5], (1, 1), 3, 0, 1), ([18.0, 1.5, 8.0], (9, 1, 4), 4, 1, 9)],
)
def test_depth_and_windows_are_read_off_the_levels(
    costs: list[float], windows: tuple[int, ...], depth: int, kinds: int, window: int
) -> None:
    symbols = paper.measure(with_levels(costs, windows))
    assert (symbols["depth"], symbols["kinds"], symbols["window"]) == (depth, kinds, window)


def test_both_forms_on_one_network() -> None:
    evidence = example_evidence()
    of_paper, of_sharper = paper(evidence, 0.05), sharper(evidence, 0.05)
    assert of_paper.value is not None
    assert of_sharper.value is not None
    assert of_sharper.value <= of_paper.value


def test_windows_must_be_recorded() -> None:
    assert "windows" in str(paper(with_levels([1.5, 18.0], ()), 0.05).why)


@pytest.mark.parametrize(
    ("structure", "reason"),
    [({"unplaced": ("gelu",)}, "gelu"), ({"elementwise": (-0.1,)}, "-0.1"), ({"lowered": False}, "floating-point")],
)
def test_a_violated_hypothesis_is_a_verdict(structure: dict[str, object], reason: str) -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    changed = dataclasses.replace(evidence.structure, **structure)  # type: ignore[arg-type]
    certificate = paper(dataclasses.replace(evidence, structure=changed), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)
