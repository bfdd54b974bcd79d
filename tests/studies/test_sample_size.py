"""Bounds against sample size: rows, and the fits of power laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from boundcheck.studies.sample_size import exponents, fit_exponent, one_size

JOB = {
    **{"data": "digits", "n": 40, "seed": 0, "widths": [16, 16], "xavier": True, "lr": 0.05, "batch_size": 1, "delta": 0.05},
    **{"stop": "margin:1:0.9", "steps": 8000, "bounds": ["gonon2024peeling", "golowich2018chevet", "galanti2023patches"]},
}


def test_a_row() -> None:
    (row,) = one_size(JOB)
    assert row["reached"]
    assert row["level"] >= 0.9
    assert set(row["log10_bounds"]) == {"gonon2024peeling", "golowich2018chevet"}
    assert set(row["not_applicable"]) == {"galanti2023patches"}
    terms = row["terms"]
    assert terms["product of spectral norms"] < terms["product of Frobenius norms"] < terms["path norm"]
    assert all(math.isfinite(value) for value in terms.values())


def test_a_margin_that_is_missed_is_told() -> None:
    (row,) = one_size(JOB | {"stop": "margin:100:1", "steps": 40})
    assert not row["reached"]
    assert row["epochs"] == 1


def test_exponents_against_scipy() -> None:
    rng = np.random.default_rng(0)
    n = 2.0 ** np.arange(7, 14)
    values = 0.7 * np.log10(n) - 2.0 + 0.1 * rng.normal(size=7)
    found, reference = fit_exponent(n, values), scipy.stats.linregress(np.log10(n), values)
    assert found.exponent == pytest.approx(reference.slope, rel=1e-12)
    assert found.standard_error == pytest.approx(reference.stderr, rel=1e-9)


def test_two_points_have_no_standard_error() -> None:
    assert fit_exponent([10, 100], [0.0, 2.0]).exponent == pytest.approx(2.0)
    assert fit_exponent([10, 100], [0.0, 2.0]).standard_error is None


@pytest.mark.parametrize(("n", "y"), [([10], [1.0]), ([10, 10], [1.0, 2.0]), ([10, 20], [1.0])])
def test_too_few_points_are_refused(n: list[int], y: list[float]) -> None:
    with pytest.raises(ValueError, match="at least two different sizes"):
        fit_exponent(n, y)


def test_points_that_missed_the_margin_are_left_out() -> None:
    def row(n: int, reached: bool, value: float) -> dict[str, object]:
        return {
            "n": n,
            "reached": reached,
            "test_n": 100,
            "test_errors": 10,
            "log10_bounds": {"a": value},
            "terms": {"t": -value},
        }

    rows = [row(10, True, 1.0), row(100, False, 77.0), row(1000, True, 3.0), row(10_000, True, 4.0)]
    found = exponents(rows)
    assert found["bounds"]["a"].exponent == pytest.approx(1.0)
    assert found["bounds"]["a"].points == 3
    assert found["terms"]["t"].exponent == pytest.approx(-1.0)
    assert found["test error"]["test error"].exponent == pytest.approx(0.0)
