r"""The interpolant of smallest norm on random features: test error and norm against the number of features.

Features are :math:`\phi_j(x) = \mathrm{relu}(w_j \cdot x) / \sqrt p` with standard normal :math:`w_j`; targets are one-hot
labels less 1/k; the coefficients are the least-squares solution of smallest norm, by the singular value decomposition in
float64. The norm and the test error peak where there are as many features as examples, and fall again beyond (M. Belkin, D.
Hsu, S. Ma and S. Mandal, Reconciling modern machine-learning practice and the classical bias-variance trade-off, PNAS 2019):
with training error 0 on both sides of the second descent, no count of parameters tells one side from the other, and the norm
does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lstsq

from boundcheck.data import load_dataset, parse_labels
from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import Array
from boundcheck.runs.samples import make_samples
from boundcheck.studies.engine.plan import Job


def random_features(x: Array, weights: Array) -> Array:
    """Features (n, p) of inputs (n, d) for weights (d, p)."""
    return np.asarray(np.maximum(x @ weights, 0.0) / np.sqrt(weights.shape[1]))


def min_norm(features: Array, targets: Array) -> tuple[Array, int, float]:
    """Least-squares coefficients of smallest norm.

    Args:
        features: Shape (n, p).
        targets: Shape (n, k).

    Returns:
        Coefficients (p, k), numerical rank, and the relative residual of the normal equations, which is 0 for a least-squares
        solution but for rounding.
    """
    found, _, rank, _ = lstsq(features, targets, lapack_driver="gelsd")
    residual = features.T @ (targets - features @ found)
    return found, int(rank), float(np.linalg.norm(residual) / np.linalg.norm(features.T @ targets))


def one_width(job: Job) -> list[dict[str, Any]]:
    """Fit one number of features.

    Args:
        job: ``data``, ``n``, ``test`` (held-out examples used), ``features`` p, ``noise`` (share of training labels replaced by
            uniform ones) and ``seed``.

    Returns:
        One row.

    Raises:
        InputError: A number is out of its range.
    """
    p = int(job["features"])
    if p < 1:
        raise InputError("at least one feature", str(p), "choose more")
    dataset = load_dataset(job["data"])
    law = parse_labels("true" if job["noise"] == 0.0 else f"corrupt:{job['noise']}")
    train, test = make_samples(dataset, law, job["seed"], job["n"])
    x, x_test = (s.x.reshape(len(s), -1).astype(np.float64) for s in (train, test))
    x_test, y_test = x_test[: job["test"]], test.y[: job["test"]]
    weights = np.random.default_rng([job["seed"], p]).normal(size=(x.shape[1], p))
    targets = np.eye(dataset.classes)[train.y] - 1.0 / dataset.classes
    features = random_features(x, weights)
    coefficients, rank, gradient = min_norm(features, targets)
    fitted = features @ coefficients
    outputs = random_features(x_test, weights) @ coefficients
    truth = np.eye(dataset.classes)[y_test] - 1.0 / dataset.classes
    return [
        {
            "features": p,
            "rank": rank,
            "norm": float(np.linalg.norm(coefficients)),
            "train_error": float((fitted.argmax(axis=1) != train.y).mean()),
            "residual": float(np.linalg.norm(fitted - targets) / np.linalg.norm(targets)),
            "gradient": gradient,
            "test_error": float((outputs.argmax(axis=1) != y_test).mean()),
            "test_square": float(((outputs - truth) ** 2).sum(axis=1).mean()),
        }
    ]
