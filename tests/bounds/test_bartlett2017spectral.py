"""The spectral margin bound with the paper's constants."""

from __future__ import annotations

import dataclasses
import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.bartlett2017spectral import log_distances_up
from boundcheck.bounds.lemmas.layers import spectral_augmented
from boundcheck.bounds.lemmas.norm_grid import norm_grid_cost, norms_on_grid, ratio_grid_cost, ratios_on_grid
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import NotApplicable, Status

theorem = CATALOGUE["bartlett2017spectral"]
WORKED = {
    "spectral": [2.0, 1.5, 1.0],
    "distances": [8.0, 6.0, 3.0],
    "rows": [784, 100, 10],
    "factors": [],
    "width": 784,
    "classes": 10,
    "n": 50000,
    "input_frobenius": math.sqrt(50000),
    "delta": 0.05,
}


def test_the_worked_value_of_the_complexity() -> None:
    """Without rounding on grids: 371.758 at gamma = 1; with 2^(1/8) at most the grid can add."""
    exact = 4 / 50000**1.5 + 36 * math.log(50000) / math.sqrt(50000) * math.sqrt(math.log(2 * 784**2)) * 3.0 * math.exp(
        log_distances_up([4.0, 4.0, 3.0])
    )
    assert exact == pytest.approx(371.758, abs=5e-4)
    bound = theorem.formula(margins=[1e-3] * 5, homogeneous=True, **WORKED)
    found = bound.terms["complexity"] / 2.0 * float(bound.choices["margin"])
    assert exact <= found * (1 + 1e-6) + 4 / 50000**1.5
    assert found <= exact * 2.0**0.125


def test_distances_by_mpmath() -> None:
    for ratios in ([1.0], [4.0, 4.0, 3.0], [1e-15, 1e15, 7.0]):
        exact = mpmath.mpf(3) / 2 * mpmath.log(mpmath.fsum(mpmath.mpf(r) ** (mpmath.mpf(2) / 3) for r in ratios))
        assert exact <= log_distances_up(ratios) <= exact + abs(exact) * 1e-13 + 1e-14


@pytest.mark.parametrize("homogeneous", [True, False])
def test_scaling_a_layer_scales_margins_and_nothing_else(homogeneous: bool) -> None:
    """By a power of two, which every grid holds."""
    margins = np.array([0.4, 1.0, 1.7, 2.5, 3.0]) * 1e3
    one = theorem.formula(margins=margins.tolist(), homogeneous=homogeneous, **WORKED)
    scaled = {**WORKED, "spectral": [2.0, 1.5, 16.0], "distances": [8.0, 6.0, 48.0]}
    other = theorem.formula(margins=(16.0 * margins).tolist(), homogeneous=homogeneous, **scaled)
    assert other.value == pytest.approx(one.value, rel=1e-10)  # logarithms round


def test_the_reference_is_what_distances_are_measured_from() -> None:
    """Smaller distances give smaller bounds, down to the grid's end; a network at its reference is not free."""
    values = [
        theorem.formula(margins=[50.0] * 5, homogeneous=False, **{**WORKED, "distances": [b] * 3}).value
        for b in (0.0, 1e-6, 1e-3, 1.0, 30.0)
    ]
    assert values == sorted(values)
    assert 0.0 < values[0] < values[-1]


def test_norms_are_rounded_up_and_never_far() -> None:
    norms = [1e-30, 2.0**-50, 0.7, 1.0, 1.0 + 2.0**-52, 3.0, 2.0**50]
    rounded = norms_on_grid(norms)
    assert all(r >= v for r, v in zip(rounded, norms, strict=True))
    assert all(r <= v * 2.0**0.125 * (1 + 1e-15) for r, v in zip(rounded[1:], norms[1:], strict=True))
    assert rounded[1] == 2.0**-50
    assert rounded[3] == 1.0
    assert rounded[4] == 2.0**0.125
    with pytest.raises(NotApplicable, match="beyond the grid"):
        norms_on_grid([2.0**51])


def test_ratios_on_the_grid_stay_where_they_are() -> None:
    assert ratios_on_grid([4.0, 1.0, 10.0], [2.0, 1.0, 1.0], [64, 64, 10]) == [2.0, 2.0**0.125, 2.0 ** (27 / 8)]
    above = math.nextafter(4.0, 5.0)
    assert ratios_on_grid([above], [2.0], [64])[0] > 2.0
    with pytest.raises(NotApplicable, match="ratio"):
        ratios_on_grid([12.0], [1.0], [10])


def test_what_choosing_costs() -> None:
    assert norm_grid_cost(6) == pytest.approx(6 * math.log(801), rel=1e-15)
    assert norm_grid_cost(6) >= 6 * mpmath.log(801)
    # 8 log2(10) = 26.6: values 2^(1/8) ... 2^(28/8).
    assert ratio_grid_cost([10, 1]) == pytest.approx(math.log(28) + math.log(2), rel=1e-15)


@pytest.mark.parametrize("positions", [1, 7])
def test_the_augmented_norm_of_a_layer_is_above_the_truth(positions: int) -> None:
    rng = np.random.default_rng(positions)
    layer = example_evidence().layers["first"]  # type: ignore[index]
    for _ in range(50):
        w, b = rng.normal(size=(4, 3)) * np.exp(rng.normal()), rng.normal(size=4) * np.exp(rng.normal())
        norm = float(np.linalg.norm(w, 2)) * (1 + 1e-12)
        record = dataclasses.replace(
            layer,
            kind="conv",
            spectral=norm,
            bias_norm=float(np.linalg.norm(b)) / math.sqrt(positions) * (1 + 1e-12),
            positions=positions,
            has_bias=True,
        )
        full = np.block([[w, b[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])
        assert np.linalg.norm(full, 2) <= spectral_augmented(record, biased=True, last=False)
        assert np.linalg.norm(full[:-1], 2) <= spectral_augmented(record, biased=True, last=True)


def structure(evidence: Evidence, **fields: object) -> Evidence:
    assert evidence.structure is not None
    return dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, **fields))  # type: ignore[arg-type]


def test_max_pools_slopes_and_biases_are_allowed() -> None:
    odd = structure(example_evidence(), has_max_pool=True, elementwise=(-1.0,), has_bias=True)
    certificate = theorem(odd, 0.05)
    assert certificate.why is None
    assert not theorem.measure(odd)["homogeneous"]


def test_initial_weights_as_reference_are_a_promise() -> None:
    evidence = example_evidence()
    initial = dataclasses.replace(evidence, provenance=dataclasses.replace(evidence.provenance, reference="initial"))
    assert theorem.hypotheses(initial)[3].state.value == "assumed"
    assert not theorem.measure(initial)["homogeneous"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lowered": False}, "floating-point"),
        ({"chain": (), "why_no_chain": "a sum"}, "a sum"),
        ({"unplaced": ("gelu",)}, "gelu"),
    ],
)
def test_a_violated_hypothesis_is_a_verdict(fields: dict[str, object], reason: str) -> None:
    certificate = theorem(structure(example_evidence(), **fields), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert reason in str(certificate.why)


def test_an_unknown_lipschitz_constant_is_a_verdict() -> None:
    evidence = example_evidence()
    assert evidence.layers is not None
    layers = {**evidence.layers, "first": dataclasses.replace(evidence.layers["first"], lipschitz_after=math.inf)}
    assert "known Lipschitz" in str(theorem(dataclasses.replace(evidence, layers=layers), 0.05).why)
