"""Kernel norm with a bound known beforehand: its formula, and its place beside the trace."""

from __future__ import annotations

import dataclasses
import math

import pytest

from boundcheck.bounds.bartlett2002kernel import Bartlett2002Kernel
from boundcheck.bounds.mohri2018kernel import Mohri2018Kernel
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status

formula = Mohri2018Kernel.formula
MARGINS = [0.0] * 100 + [1.0] * 4900


def test_it_is_the_formula_of_the_book_at_a_scale_of_the_grid() -> None:
    bound = formula(margins=MARGINS, norm=16.0, diagonal=1.0, outputs=1, classes=2, n=5000, delta=0.05)
    value = 0.02 + 2 * 16 / math.sqrt(5000) + math.sqrt(math.log(401 / 0.05) / 10_000)
    assert value * (1 - 1e-14) <= bound.value <= value * (1 + 1e-9)


@pytest.mark.parametrize("outputs", [1, 2, 10])
def test_with_a_constant_diagonal_it_is_never_worse_than_the_trace(outputs: int) -> None:
    symbols = {"margins": MARGINS, "norm": 7.0, "outputs": outputs, "classes": 10, "n": 5000, "delta": 0.05}
    ours, theirs = formula(diagonal=1.0, **symbols), Bartlett2002Kernel.formula(trace=5000.0, **symbols)
    assert ours.value <= theirs.value * (1 + 1e-9)
    assert ours.terms["confidence"] == 0.5 * theirs.terms["confidence"]


def test_a_small_sample_norm_favours_the_trace() -> None:
    symbols = {"margins": MARGINS, "norm": 7.0, "outputs": 1, "classes": 2, "n": 5000, "delta": 0.05}
    assert Bartlett2002Kernel.formula(trace=500.0, **symbols).value < formula(diagonal=1.0, **symbols).value


@pytest.mark.parametrize(("diagonal", "why"), [(None, "known before the sample"), (0.0, "bounded by 0")])
def test_the_kernel_has_to_be_bounded(diagonal: float | None, why: str) -> None:
    evidence = example_evidence()
    assert evidence.kernel is not None
    certificate = Mohri2018Kernel()(
        dataclasses.replace(evidence, kernel=dataclasses.replace(evidence.kernel, diagonal=diagonal)), 0.05
    )
    assert certificate.status is Status.NOT_APPLICABLE
    assert certificate.why is not None
    assert why in certificate.why
