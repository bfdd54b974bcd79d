"""Mistakes seen in published programs: a kernel machine asked for an interpolant that returns something else."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from boundcheck.errors import InputError
from boundcheck.kernels import MinNormInterpolant


def test_kernel_ridge_without_a_ridge_that_does_not_interpolate() -> None:
    """scikit-learn's KernelRidge(alpha=0) meets a singular matrix, warns, and answers by least squares with a residual near |y|.

    400 points and a wide Gaussian: the matrix has full rank on paper and numerical rank far below 400. Random signs are not in
    its range, and no coefficients in float64 interpolate them. Ours says so and fits nothing; a narrow kernel it fits exactly.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), rng.choice([-1, 1], 400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = KernelRidge(alpha=0.0, kernel="rbf", gamma=0.01).fit(x, y.astype(float))
    residual = np.linalg.norm(theirs.predict(x) - y) / np.linalg.norm(y)
    assert residual > 0.5
    width = 1.0 / np.sqrt(2 * 0.01)
    with pytest.raises(InputError, match="singular to working precision") as refusal:
        MinNormInterpolant(bandwidth=width).fit(x, y)
    assert "numerical rank" in str(refusal.value)
    ours = MinNormInterpolant(bandwidth=0.05).fit(x, y)
    assert ours.residual_ < 1e-6
    assert np.array_equal(ours.predict(x), y)
