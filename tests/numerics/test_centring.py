"""Entries with the mean over the classes subtracted, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from boundcheck.numerics.centring import centred_above


def exact(values: np.ndarray) -> list[list[Fraction]]:
    columns = [[Fraction(float(v)) for v in column] for column in values.reshape(len(values), -1).T]
    return [[abs(v - sum(column) / len(column)) for v in column] for column in columns]


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1.0, 1e300])
@pytest.mark.parametrize("shape", [(2, 3), (3, 5), (10,), (1000, 2)])
def test_never_below_and_hardly_above(shape: tuple[int, ...], scale: float) -> None:
    """Offsets that the mean takes away make the differences small beside the entries."""
    rng = np.random.default_rng(0)
    values = (rng.normal(size=shape) * 1e-3 + 7.0) * scale
    found = centred_above(values)
    assert found.shape == values.shape
    largest = Fraction(float(np.abs(values).max()))
    slack = largest * Fraction(4 * (shape[0] + 8), 2**53) + Fraction(2) * Fraction(2.0**-1022)
    for mine, true in zip(found.reshape(shape[0], -1).T, exact(values), strict=True):
        assert all(t <= Fraction(float(m)) <= t + slack for m, t in zip(mine, true, strict=True))


def test_zeros_stay_zeros_and_a_single_output_stays_as_it_is() -> None:
    values = np.array([[1.0, 0.0], [2.0, 0.0], [6.0, 0.0]])
    assert centred_above(values)[:, 1].tolist() == [0.0, 0.0, 0.0]
    assert centred_above(np.array([[-2.0, 3.0]])).tolist() == [[2.0, 3.0]]
