"""The interpolant of smallest norm on random features: pseudo-inverse, optimality, the peak."""

from __future__ import annotations

import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.studies.double_descent import min_norm, one_width, random_features

JOB = {"data": "digits", "n": 60, "test": 300, "noise": 0.1, "seed": 0}


@pytest.mark.parametrize("p", [10, 40, 100])
def test_the_solution_is_that_of_the_pseudo_inverse(p: int) -> None:
    rng = np.random.default_rng(p)
    features, targets = random_features(rng.normal(size=(40, 7)), rng.normal(size=(7, p))), rng.normal(size=(40, 3))
    found, rank, gradient = min_norm(features, targets)
    assert np.allclose(found, np.linalg.pinv(features) @ targets, rtol=1e-6, atol=1e-8)  # condition numbers of 1e4
    assert gradient < 1e-10
    assert rank <= min(p, 40)
    if p == 100:
        assert np.allclose(features @ found, targets, atol=1e-8)
        other = found + 0.1 * (np.eye(p) - np.linalg.pinv(features) @ features) @ rng.normal(size=(p, 3))
        assert np.allclose(features @ other, targets, atol=1e-7)
        assert np.linalg.norm(found) < np.linalg.norm(other)


def test_norm_and_test_error_peak_where_features_and_examples_are_as_many() -> None:
    rows = {p: one_width(JOB | {"features": p})[0] for p in (10, 60, 600)}
    assert rows[60]["norm"] > 3.0 * max(rows[10]["norm"], rows[600]["norm"])
    assert rows[60]["test_error"] > max(rows[10]["test_error"], rows[600]["test_error"])
    assert rows[60]["train_error"] == rows[600]["train_error"] == 0.0
    assert rows[600]["residual"] < 1e-8
    assert all(row["gradient"] < 1e-8 for row in rows.values())


def test_no_features_are_refused() -> None:
    with pytest.raises(InputError, match="at least one feature"):
        one_width(JOB | {"features": 0})
